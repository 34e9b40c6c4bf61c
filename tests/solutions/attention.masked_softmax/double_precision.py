"""Computes in float64, adds the mask as a number, and clamps the total away from 0."""


def masked_softmax(scores, mask=None):
    wide = scores.double()
    if mask is not None:
        wide = wide + torch.zeros(mask.shape, dtype=wide.dtype).masked_fill(~mask, -math.inf)
    top = wide.max(dim=-1, keepdim=True).values.clamp(min=torch.finfo(wide.dtype).min)
    powers = torch.exp(wide - top)
    return (powers / powers.sum(-1, keepdim=True).clamp(min=1e-30)).to(scores.dtype)
