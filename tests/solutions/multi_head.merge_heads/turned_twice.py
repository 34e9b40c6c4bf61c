"""Turns each head around, lines the numbers up, and turns them back."""


def merge_heads(heads):
    return heads.mT.flatten(1, 2).mT
