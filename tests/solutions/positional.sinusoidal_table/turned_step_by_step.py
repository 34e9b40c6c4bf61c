"""Each row is the one before it, every pair turned by one step."""


def sinusoidal_table(length, d_model, base=10_000.0):
    speeds = pair_frequencies(d_model, base).double()
    sine, cosine = torch.zeros_like(speeds), torch.ones_like(speeds)
    rows = []
    for _ in range(length):
        rows.append(torch.stack((sine, cosine), dim=1).reshape(-1))
        sine, cosine = (
            sine * speeds.cos() + cosine * speeds.sin(),
            cosine * speeds.cos() - sine * speeds.sin(),
        )
    return torch.stack(rows)
