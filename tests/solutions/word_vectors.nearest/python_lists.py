"""Counts in Python: a list of cosines, sorted by Python."""


def nearest(query, table, count, banned=()):
    asked = query.tolist()
    size = math.sqrt(sum(number * number for number in asked))
    found = []
    for row, numbers in enumerate(table.tolist()):
        if row in banned:
            continue
        length = math.sqrt(sum(number * number for number in numbers)) * size
        product = sum(one * other for one, other in zip(asked, numbers, strict=True))
        found.append((product / length if length else 0.0, row))
    best = sorted(found, key=lambda pair: -pair[0])[:count]
    rows = torch.tensor([row for _, row in best])
    return rows, torch.tensor([cosine for cosine, _ in best], dtype=table.dtype)
