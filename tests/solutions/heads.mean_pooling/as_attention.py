"""Gives each real token an equal weight that sums to 1, and mixes by a matrix product."""


def mean_pooling(hidden, padding_mask):
    weights = padding_mask.to(hidden.dtype)
    weights = weights / weights.sum(1, keepdim=True)
    return (weights[:, None] @ hidden)[:, 0]
