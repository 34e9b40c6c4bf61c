"""Turns words and numbers around, cuts, and turns each head back."""


def split_heads(vectors, num_heads):
    return vectors.mT.unflatten(1, (num_heads, -1)).mT
