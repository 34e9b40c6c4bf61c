"""Reads the text before the loop, and each new token at once, but for the last one."""


def extend(model, ids, max_new_tokens, choose):
    if max_new_tokens == 0:
        return ids
    cache = model.new_cache(ids.shape[1] + max_new_tokens)
    logits = model(ids, cache=cache).logits
    for left in reversed(range(max_new_tokens)):
        chosen = choose(logits[:, -1])
        if chosen is None:
            break
        ids = torch.column_stack((ids, chosen))
        if left:
            logits = model(chosen, cache=cache).logits
    return ids
