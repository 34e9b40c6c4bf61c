"""Each pair slower than the last by one and the same factor."""


def pair_frequencies(d_model, base=10_000.0):
    if d_model & 1:
        raise ValueError("give an even number")
    factor = base ** (-2 / d_model)
    factors = torch.full((d_model // 2,), factor, dtype=torch.float64)
    return factors.cumprod(0) / factor
