"""Multiplies by a matrix for each head that picks its numbers out."""


def split_heads(vectors, num_heads):
    width = vectors.shape[-1]
    picks = torch.eye(width, dtype=vectors.dtype).reshape(width, num_heads, width // num_heads)
    return torch.einsum("blw,whd->bhld", vectors, picks)
