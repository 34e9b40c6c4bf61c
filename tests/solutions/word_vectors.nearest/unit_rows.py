"""Brings query and rows to length 1 first, so that dot products are cosines."""


def nearest(query, table, count, banned=()):
    cosines = F.normalize(table, dim=1) @ F.normalize(query, dim=0)
    for row in banned:
        cosines[row] = -math.inf
    best = cosines.topk(count)
    return best.indices, best.values
