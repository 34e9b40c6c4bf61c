"""Keeps the texts as lists of numbers, a list a row, and makes a tensor only for the model."""


def extend(model, ids, max_new_tokens, choose):
    rows = ids.tolist()
    read = 0
    cache = model.new_cache(len(rows[0]) + max_new_tokens)
    for _ in range(max_new_tokens):
        unread = torch.tensor([row[read:] for row in rows], device=ids.device)
        read = len(rows[0])
        chosen = choose(model(unread, cache=cache).logits[:, -1])
        if chosen is None:
            break
        for row, token in zip(rows, chosen.flatten().tolist(), strict=True):
            row.append(token)
    return torch.tensor(rows, dtype=ids.dtype, device=ids.device)
