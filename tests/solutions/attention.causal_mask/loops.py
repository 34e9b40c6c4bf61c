"""Fills a table of False cell by cell, in two loops."""


def causal_mask(length, past=0):
    mask = torch.zeros(length, past + length, dtype=torch.bool)
    for query in range(length):
        for key in range(past + query + 1):
            mask[query, key] = True
    return mask
