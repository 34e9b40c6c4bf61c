"""Two loops and Python's own sine and cosine."""


def sinusoidal_table(length, d_model, base=10_000.0):
    if d_model % 2:
        raise ValueError("odd")
    rows = []
    for position in range(length):
        row = []
        for column in range(d_model):
            angle = position / base ** ((column // 2) * 2 / d_model)
            row.append(math.cos(angle) if column % 2 else math.sin(angle))
        rows.append(row)
    return torch.tensor(rows)
