"""Cuts each text to its real tokens first, so that no padding is left to be ignored."""


def mean_pooling(hidden, padding_mask):
    means = []
    for vectors, real in zip(hidden, padding_mask, strict=True):
        means.append(vectors[real].mean(0))
    return torch.stack(means)
