"""Angles for every column, and a choice of sine or cosine by the column's number."""


def sinusoidal_table(length, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("odd")
    columns = torch.arange(d_model)
    angles = torch.arange(length)[:, None] / base ** ((columns - columns % 2) / d_model)
    return torch.where(columns % 2 == 0, angles.sin(), angles.cos())
