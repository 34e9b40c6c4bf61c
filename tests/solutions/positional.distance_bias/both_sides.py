"""What lies before and what lies ahead, each charged for by itself."""


def distance_bias(query_positions, key_positions, slope):
    steps = query_positions[..., None] - key_positions[..., None, :]
    before, ahead = steps.clamp(min=0), (-steps).clamp(min=0)
    return -slope * before - slope * ahead
