"""Multiplies by broadcasting, lets a row without keys become nan, and puts 0 there afterwards."""


def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    scores = (query[..., :, None, :] * key[..., None, :, :]).sum(-1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores[np.broadcast_to(mask, scores.shape) == 0] = -np.inf
    with np.errstate(invalid="ignore"):
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        weights = np.nan_to_num(powers / powers.sum(-1, keepdims=True))
    return (weights[..., None] * value[..., None, :, :]).sum(-2), weights
