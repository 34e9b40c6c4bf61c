"""A new tensor, written one column after the other."""


def turn_pair(pair, positions, frequency):
    phi = positions.double() * frequency
    result = torch.empty(*phi.shape, 2, dtype=torch.float64)
    result[..., 0] = pair[0] * phi.cos() - pair[1] * phi.sin()
    result[..., 1] = pair[1] * phi.cos() + pair[0] * phi.sin()
    return result
