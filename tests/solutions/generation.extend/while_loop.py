"""Counts down in a while loop, and cuts the last position out before it asks for the choice."""


def extend(model, ids, max_new_tokens, choose):
    cache = model.new_cache(max_new_tokens + ids.size(1))
    text, unread = ids, ids
    while max_new_tokens > 0:
        logits = model(unread, cache=cache).logits
        unread = choose(logits.select(1, logits.size(1) - 1))
        if unread is None:
            return text
        text = torch.hstack([text, unread])
        max_new_tokens -= 1
    return text
