"""Takes room for the whole text once, writes into it, and gives back what was filled."""


def extend(model, ids, max_new_tokens, choose):
    batch, start = ids.shape
    text = ids.new_zeros(batch, start + max_new_tokens)
    text[:, :start] = ids
    cache = model.new_cache(text.shape[1])
    read = 0
    for end in range(start, text.shape[1]):
        chosen = choose(model(text[:, read:end], cache=cache).logits[:, -1])
        if chosen is None:
            return text[:, :end]
        text[:, end : end + 1] = chosen
        read = end
    return text
