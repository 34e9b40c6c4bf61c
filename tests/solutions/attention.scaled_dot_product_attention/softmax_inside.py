"""Joins mask and bias into one term, and takes torch's softmax instead of masked_softmax."""


def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    added = torch.zeros((), dtype=query.dtype) if bias is None else bias
    if mask is not None:
        added = torch.where(mask, added, torch.finfo(query.dtype).min / 2)
    weights = F.softmax(torch.matmul(query * scale, key.mT) + added, dim=-1)
    if mask is not None:
        weights = weights * mask
    return torch.matmul(weights, value), weights
