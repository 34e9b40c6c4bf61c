"""Gives queries and keys the fourth root each, and mixes the values key by key."""


def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    root = query.shape[-1] ** -0.25 if scale is None else math.sqrt(scale)
    asks, answers = query * root, key * root
    scores = (asks.unsqueeze(-2) * answers.unsqueeze(-3)).sum(-1)
    if bias is not None:
        scores = bias + scores
    weights = masked_softmax(scores, mask=mask)
    output = 0
    for number in range(key.shape[-2]):
        output = output + weights[..., number, None] * value[..., number, None, :]
    return output, weights
