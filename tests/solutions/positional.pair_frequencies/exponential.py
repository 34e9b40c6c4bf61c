"""The power as an exponential of a logarithm, as many implementations write it."""


def pair_frequencies(d_model, base=10_000.0):
    if d_model % 2 != 0:
        raise ValueError(f"{d_model} is odd")
    return torch.exp(torch.arange(0, d_model, 2) * (-math.log(base) / d_model))
