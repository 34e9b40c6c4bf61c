"""Names the axes in einsum instead of turning the keys."""


def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    factor = query.size(-1) ** -0.5 if scale is None else scale
    scores = torch.einsum("...qd,...kd->...qk", query, key).mul(factor)
    if bias is not None:
        scores = scores.add(bias)
    weights = masked_softmax(scores, mask)
    return torch.einsum("...qk,...kv->...qv", weights, value), weights
