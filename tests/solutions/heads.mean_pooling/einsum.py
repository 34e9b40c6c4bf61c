"""Sums over the tokens by einsum, and divides by the counts of the mask."""


def mean_pooling(hidden, padding_mask):
    total = torch.einsum("blf,bl->bf", hidden, padding_mask.to(hidden.dtype))
    return total / padding_mask.count_nonzero(1).unsqueeze(-1)
