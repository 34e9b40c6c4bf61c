"""Leaves the banned rows out of the search altogether, and translates the numbers back."""


def nearest(query, table, count, banned=()):
    kept = torch.tensor([row for row in range(len(table)) if row not in set(banned)])
    rest = table[kept]
    lengths = torch.linalg.vector_norm(rest, dim=1) * torch.linalg.vector_norm(query)
    cosines = rest.mv(query) / torch.where(lengths > 0, lengths, torch.ones_like(lengths))
    values, places = torch.sort(cosines, descending=True)
    return kept[places[:count]], values[:count]
