"""Evenly spaced exponents, from 0 to just short of the whole range."""


def pair_frequencies(d_model, base=10_000.0):
    pairs, left_over = divmod(d_model, 2)
    if left_over:
        raise ValueError("one number has no partner")
    last = -(d_model - 2) / d_model
    return torch.logspace(0, last, pairs, base=base, dtype=torch.float64)
