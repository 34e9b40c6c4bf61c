"""Makes padding nan and lets nanmean leave it out."""


def mean_pooling(hidden, padding_mask):
    return hidden.masked_fill(~padding_mask.unsqueeze(-1), float("nan")).nanmean(dim=1)
