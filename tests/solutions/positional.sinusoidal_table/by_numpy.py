"""Computed in numpy, handed over as a tensor."""


def sinusoidal_table(length, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("odd")
    angles = np.outer(np.arange(length), base ** (-np.arange(0, d_model, 2) / d_model))
    table = np.empty((length, d_model))
    table[:, ::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return torch.as_tensor(table)
