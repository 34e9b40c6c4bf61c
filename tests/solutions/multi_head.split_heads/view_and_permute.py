"""Names every size, and orders all four axes at once."""


def split_heads(vectors, num_heads):
    batch, length, width = vectors.shape
    cut = vectors.reshape(batch, length, num_heads, width // num_heads)
    return cut.permute(0, 2, 1, 3)
