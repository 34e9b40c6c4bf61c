"""Takes logarithms of the weights from torch, and mixes the result with zeros."""


def masked_softmax(scores, mask=None):
    if mask is None:
        return F.log_softmax(scores, dim=-1).exp()
    alone = mask.logical_not().all(-1, keepdim=True)
    shut = torch.zeros_like(scores).masked_fill(~mask & ~alone, -math.inf)
    weights = F.log_softmax(scores + shut, dim=-1).exp()
    return torch.where(alone, torch.zeros_like(weights), weights)
