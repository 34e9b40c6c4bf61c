"""A cosine is a sine a quarter turn ahead: one sine of the whole table."""


def sinusoidal_table(length, d_model, base=10_000.0):
    speeds = pair_frequencies(d_model, base).repeat_interleave(2)
    ahead = torch.tensor([0, math.pi / 2]).repeat(d_model // 2)
    return torch.sin(torch.arange(length)[:, None] * speeds + ahead)
