"""Asks torch for the indices of a triangle, and sets those cells alone."""


def causal_mask(length, past=0):
    allowed = torch.zeros((length, past + length), dtype=torch.bool)
    rows, columns = torch.tril_indices(length, past + length, offset=past)
    allowed[rows, columns] = True
    return allowed
