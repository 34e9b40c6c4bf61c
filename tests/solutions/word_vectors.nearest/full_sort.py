"""Sorts all rows by cosine and takes the first, the banned ones sent to the end by a mask."""


def nearest(query, table, count, banned=()):
    mask = torch.zeros(len(table), dtype=torch.bool)
    mask[list(banned)] = True
    norms = table.square().sum(1).sqrt() * query.square().sum().sqrt()
    cosines = (table * query).sum(1) / norms.clamp_min(1e-12)
    order = cosines.masked_fill(mask, -2.0).argsort(descending=True)[:count]
    return order, cosines[order]
