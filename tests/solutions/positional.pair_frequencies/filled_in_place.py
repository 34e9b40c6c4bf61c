"""A tensor filled pair by pair, after counting columns in twos."""


def pair_frequencies(d_model, base=10_000.0):
    if d_model // 2 != d_model / 2:
        raise ValueError("no half pairs")
    speeds = torch.empty(d_model // 2)
    for column in range(0, d_model, 2):
        speeds[column // 2] = base ** (-column / d_model)
    return speeds
