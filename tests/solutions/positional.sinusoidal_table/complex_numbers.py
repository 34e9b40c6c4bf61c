"""Points on the unit circle as complex numbers; imaginary parts are sines."""


def sinusoidal_table(length, d_model, base=10_000.0):
    angles = torch.outer(torch.arange(length).double(), pair_frequencies(d_model, base).double())
    circle = torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(circle).flip(-1).reshape(length, d_model)
