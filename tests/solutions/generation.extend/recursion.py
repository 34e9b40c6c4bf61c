"""Writes one token and calls itself for the rest, with the cache that it has."""


def extend(model, ids, max_new_tokens, choose):
    cache = model.new_cache(ids.shape[1] + max_new_tokens)

    def write_on(text, unread, left):
        if left == 0:
            return text
        chosen = choose(model(unread, cache=cache).logits[:, -1])
        if chosen is None:
            return text
        return write_on(torch.cat((text, chosen), 1), chosen, left - 1)

    return write_on(ids, ids, max_new_tokens)
