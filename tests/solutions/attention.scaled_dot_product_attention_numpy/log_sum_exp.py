"""Stays with logarithms: a weight is e to the score less the logarithm of the sum."""


def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    scores = np.matmul(query, np.moveaxis(key, -1, -2)) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + np.where(mask, 0.0, -np.inf)
    log_total = np.logaddexp.reduce(scores, axis=-1, keepdims=True)
    log_total = np.where(log_total == -np.inf, 0.0, log_total)
    weights = np.exp(scores - log_total)
    return weights @ value, weights
