"""The later of two places minus the earlier one."""


def distance_bias(query_positions, key_positions, slope):
    queries, keys = query_positions[..., None], key_positions[..., None, :]
    return (torch.minimum(queries, keys) - torch.maximum(queries, keys)) * slope
