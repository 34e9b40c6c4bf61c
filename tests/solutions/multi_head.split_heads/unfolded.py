"""Lets a window of the width of a head jump along each vector."""


def split_heads(vectors, num_heads):
    d_head = vectors.shape[-1] // num_heads
    return vectors.unfold(2, d_head, d_head).swapaxes(1, 2)
