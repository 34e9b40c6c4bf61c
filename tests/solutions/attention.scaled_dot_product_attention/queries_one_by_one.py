"""Lets the queries ask one after the other, each by a product and a sum."""


def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    if scale is None:
        scale = 1 / math.sqrt(key.shape[-1])
    table = (query.shape[-2], key.shape[-2])
    outputs, rows = [], []
    for number in range(query.shape[-2]):
        row = (query[..., number, None, :] * key).sum(-1) * scale
        if bias is not None:
            row = row + bias.expand(*bias.shape[:-2], *table)[..., number, :]
        seen = None if mask is None else mask.expand(*mask.shape[:-2], *table)[..., number, :]
        weights = masked_softmax(row, seen)
        outputs.append((weights.unsqueeze(-1) * value).sum(-2))
        rows.append(weights)
    return torch.stack(outputs, -2), torch.stack(rows, -2)
