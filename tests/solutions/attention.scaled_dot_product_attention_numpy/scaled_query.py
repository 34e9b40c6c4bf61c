"""Divides the queries before the product, and works in place on arrays of its own."""


def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    weights = (query / np.sqrt(key.shape[-1])) @ key.swapaxes(-1, -2)
    if mask is not None:
        weights[~np.broadcast_to(mask, weights.shape)] = -np.inf
    largest = weights.max(-1, keepdims=True)
    largest[np.isinf(largest)] = 0.0
    weights -= largest
    np.exp(weights, out=weights)
    total = weights.sum(-1, keepdims=True)
    total[total == 0] = 1.0
    weights /= total
    return weights @ value, weights
