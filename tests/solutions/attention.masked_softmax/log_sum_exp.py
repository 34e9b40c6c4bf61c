"""Subtracts the logarithm of the sum, and multiplies by the mask after the exponential."""


def masked_softmax(scores, mask=None):
    if mask is None:
        mask = torch.ones_like(scores, dtype=torch.bool)
    lowered = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    weights = torch.exp(lowered - torch.logsumexp(lowered, dim=-1, keepdim=True))
    return weights * mask
