"""Computed in numpy, handed over as a tensor."""


def pair_frequencies(d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("d_model is odd")
    wavelengths = np.power(base, np.arange(d_model // 2) * 2 / d_model)
    return torch.from_numpy(1 / wavelengths)
