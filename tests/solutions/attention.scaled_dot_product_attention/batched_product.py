"""Flattens the axes in front, and lets baddbmm scale, add and multiply in one call."""


def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    front = query.shape[:-2]
    shape = (*front, query.shape[-2], key.shape[-2])
    asks, answers, held = (tensor.reshape(-1, *tensor.shape[-2:]) for tensor in (query, key, value))
    added = query.new_zeros(shape) if bias is None else bias.expand(shape)
    scores = torch.baddbmm(
        added.reshape(-1, *shape[-2:]),
        asks,
        answers.transpose(1, 2),
        alpha=1 / math.sqrt(query.shape[-1]) if scale is None else scale,
    )
    weights = masked_softmax(scores.view(shape), mask)
    mixed = torch.bmm(weights.reshape(scores.shape), held)
    return mixed.view(*shape[:-1], value.shape[-1]), weights
