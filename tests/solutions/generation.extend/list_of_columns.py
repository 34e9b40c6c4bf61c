"""Keeps the new columns in a list, and joins them once at the end."""


def extend(model, ids, max_new_tokens, choose):
    cache = model.new_cache(ids.shape[1] + max_new_tokens)
    columns = [ids]
    for _ in range(max_new_tokens):
        chosen = choose(model(columns[-1], cache=cache).logits[:, -1, :])
        if chosen is None:
            break
        columns.append(chosen)
    return torch.cat(columns, dim=-1)
