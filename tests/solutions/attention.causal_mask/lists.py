"""Writes plain Python lists: for each row some True, then some False."""


def causal_mask(length, past=0):
    rows = [
        [True] * (past + number) + [False] * (length - number) for number in range(1, length + 1)
    ]
    return torch.tensor(rows)
