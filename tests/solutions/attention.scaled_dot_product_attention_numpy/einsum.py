"""Names the axes in einsum, and gives masked scores the lowest number that there is."""


def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    scores = np.einsum("...qd,...kd->...qk", query, key) / np.sqrt(query.shape[-1])
    allowed = np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, scores.shape)
    lowest = np.finfo(scores.dtype).min
    top = np.max(scores, axis=-1, keepdims=True, where=allowed, initial=lowest)
    powers = np.zeros_like(scores)
    np.exp(scores - top, out=powers, where=allowed)
    total = powers.sum(-1, keepdims=True)
    weights = np.divide(powers, total, out=np.zeros_like(powers), where=total > 0)
    return np.einsum("...qk,...kv->...qv", weights, value), weights
