"""Joins two tables: the past, where all is allowed, and the square of the new words."""


def causal_mask(length, past=0):
    before = torch.ones(length, past, dtype=torch.bool)
    own = torch.eye(length).cumsum(0).bool()
    return torch.cat([before, own], dim=1)
