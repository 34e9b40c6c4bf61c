"""Treats each row by itself, with Python's own sort, token by token."""


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
    rows = []
    for row in logits.reshape(-1, logits.shape[-1]).tolist():
        ranked = sorted(range(len(row)), key=lambda token: -row[token])
        best = row[ranked[0]]
        if temperature == 0:
            rows.append([float(token == ranked[0]) for token in range(len(row))])
            continue
        kept = ranked[:top_k]
        shares = {token: math.exp((row[token] - best) / temperature) for token in kept}
        total, held, nucleus = sum(shares.values()), 0.0, []
        for token in kept:
            if nucleus and held >= top_p:
                break
            nucleus.append(token)
            held += shares[token] / total
        left = sum(shares[token] for token in nucleus)
        rows.append([shares[t] / left if t in nucleus else 0.0 for t in range(len(row))])
    return torch.tensor(rows, dtype=logits.dtype).reshape(logits.shape)
