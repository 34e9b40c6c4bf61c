"""Goes through batch and queries in loops, and looks only at the keys that are allowed."""


def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    front = query.shape[:-2]
    shape = (*front, query.shape[-2], key.shape[-2])
    allowed = np.ones(shape, dtype=bool) if mask is None else np.broadcast_to(mask, shape)
    weights = np.zeros(shape)
    output = np.zeros((*shape[:-1], value.shape[-1]))
    for place in np.ndindex(*shape[:-1]):
        seen = np.flatnonzero(allowed[place])
        if seen.size == 0:
            continue
        batch = place[:-1]
        scores = key[batch][seen] @ query[place] / math.sqrt(query.shape[-1])
        powers = np.exp(scores - scores.max())
        weights[(*place, seen)] = powers / powers.sum()
        output[place] = weights[(*place, seen)] @ value[batch][seen]
    return output, weights
