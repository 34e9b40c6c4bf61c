"""Marks the future above the diagonal with numbers, and turns it round."""


def causal_mask(length, past=0):
    future = torch.triu(torch.ones(length, past + length), diagonal=past + 1)
    return future == 0
