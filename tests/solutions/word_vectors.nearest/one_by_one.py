"""Takes the best row, bans it, and takes the next best, in double precision."""


def nearest(query, table, count, banned=()):
    wide, asked = table.double(), query.double()
    lengths = wide.norm(dim=1) * asked.norm() + 1e-30
    cosines = (wide @ asked) / lengths
    gone = set(banned)
    rows, values = [], []
    for _ in range(count):
        left = [row for row in range(len(table)) if row not in gone]
        best = max(left, key=lambda row: float(cosines[row]))
        gone.add(best)
        rows.append(best)
        values.append(cosines[best])
    return torch.tensor(rows), torch.stack(values).to(table.dtype)
