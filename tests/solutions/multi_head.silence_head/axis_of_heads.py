"""Gives the heads an axis of their own for a moment."""


def silence_head(output_weight, head, num_heads):
    by_head = output_weight.unflatten(1, (num_heads, -1)).clone()
    by_head[:, head] = 0
    return by_head.flatten(1)
