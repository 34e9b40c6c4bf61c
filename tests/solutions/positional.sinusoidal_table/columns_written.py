"""An empty table, its even columns filled with sines and its odd ones with cosines."""


def sinusoidal_table(length, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("odd")
    table = torch.zeros(length, d_model)
    position = torch.arange(length).unsqueeze(1)
    factor = torch.exp(torch.arange(0, d_model, 2) * -(math.log(base) / d_model))
    table[:, 0::2] = torch.sin(position * factor)
    table[:, 1::2] = torch.cos(position * factor)
    return table
