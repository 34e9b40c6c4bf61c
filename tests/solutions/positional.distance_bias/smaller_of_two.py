"""The smaller of the two differences is minus the distance."""


def distance_bias(query_positions, key_positions, slope):
    ahead = key_positions.unsqueeze(-2) - query_positions.unsqueeze(-1)
    return slope * torch.minimum(ahead, -ahead)
