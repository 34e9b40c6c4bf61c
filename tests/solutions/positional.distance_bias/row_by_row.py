"""A loop over the queries, a row of biases for each."""


def distance_bias(query_positions, key_positions, slope):
    rows = [
        (key_positions - query_positions[..., query, None]).abs()
        for query in range(query_positions.shape[-1])
    ]
    return torch.stack(rows, dim=-2) * -slope
