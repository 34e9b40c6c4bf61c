"""Orders all four axes at once, and names the sizes."""


def merge_heads(heads):
    batch, num_heads, length, d_head = heads.shape
    return heads.permute(0, 2, 1, 3).reshape(batch, length, num_heads * d_head)
