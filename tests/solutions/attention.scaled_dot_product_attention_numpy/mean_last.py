"""Sums the values first, and divides by the total of the exponentials at the very end."""


def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    turned = list(range(key.ndim))
    turned[-2:] = [turned[-1], turned[-2]]
    scores = query @ np.transpose(key, turned) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.select([mask], [scores], -np.inf)
    powers = np.exp(scores - np.maximum(scores.max(-1, keepdims=True), np.finfo(float).min))
    share = 1 / np.maximum(powers.sum(-1, keepdims=True), np.finfo(float).tiny)
    return (powers @ value) * share, powers * share
