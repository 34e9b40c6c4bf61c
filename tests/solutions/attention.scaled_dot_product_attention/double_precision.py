"""Computes in float64 whatever it is given, and comes back to the dtype of the queries."""


def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    wide = [tensor.to(torch.float64) for tensor in (query, key, value)]
    scores = wide[0] @ wide[1].swapaxes(-1, -2)
    scores = scores / math.sqrt(query.shape[-1]) if scale is None else scores * scale
    if bias is not None:
        scores += bias
    weights = masked_softmax(scores, mask)
    return (weights @ wide[2]).to(query.dtype), weights.to(query.dtype)
