"""The pair as a complex number, times one of length 1."""


def turn_pair(pair, positions, frequency):
    turns = torch.exp(1j * positions * frequency)
    turned = torch.complex(pair[0], pair[1]) * turns
    return torch.stack((turned.real, turned.imag), dim=-1)
