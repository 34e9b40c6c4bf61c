"""The distance as the root of the squared difference."""


def distance_bias(query_positions, key_positions, slope):
    difference = (query_positions[..., None] - key_positions[..., None, :]).double()
    return -(difference**2).sqrt() * slope
