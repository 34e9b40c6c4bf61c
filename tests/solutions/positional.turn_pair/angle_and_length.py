"""Length and angle of the pair, the angle moved on."""


def turn_pair(pair, positions, frequency):
    length = torch.hypot(pair[0], pair[1])
    angle = torch.atan2(pair[1], pair[0]) + positions * frequency
    return torch.stack((length * angle.cos(), length * angle.sin()), dim=-1)
