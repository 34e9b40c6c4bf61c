"""Distances by torch's own function, positions as points on a line."""


def distance_bias(query_positions, key_positions, slope):
    points = (places.double()[..., None] for places in (query_positions, key_positions))
    return torch.cdist(*points, p=1) * -slope
