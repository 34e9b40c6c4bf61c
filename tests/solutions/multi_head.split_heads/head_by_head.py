"""Makes room first, and copies one head after the other into it."""


def split_heads(vectors, num_heads):
    batch, length, width = vectors.shape
    d_head = width // num_heads
    heads = torch.zeros(batch, num_heads, length, d_head, dtype=vectors.dtype)
    for head in range(num_heads):
        heads[:, head] = vectors[:, :, head * d_head : head * d_head + d_head]
    return heads
