"""Compares the position of each query with the position of each key."""


def causal_mask(length, past=0):
    positions = torch.arange(past + length)
    return positions[past:, None] >= positions
