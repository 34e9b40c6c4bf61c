"""The pair and the pair a quarter turn on, mixed."""


def turn_pair(pair, positions, frequency):
    angles = (positions * frequency)[..., None]
    quarter = torch.stack((-pair[1], pair[0]))
    return pair * torch.cos(angles) + quarter * torch.sin(angles)
