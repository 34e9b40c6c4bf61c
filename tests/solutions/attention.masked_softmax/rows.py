"""Goes through the rows one by one, and spreads weight over the allowed keys alone."""


def masked_softmax(scores, mask=None):
    mask = torch.ones_like(scores) > 0 if mask is None else mask.expand_as(scores)
    rows = []
    for row, allowed in zip(scores.flatten(0, -2), mask.flatten(0, -2), strict=True):
        weights = torch.zeros_like(row)
        if allowed.any():
            seen = row[allowed]
            powers = torch.exp(seen - seen.max())
            weights = weights.masked_scatter(allowed, powers / powers.sum())
        rows.append(weights)
    return torch.stack(rows).reshape(scores.shape)
