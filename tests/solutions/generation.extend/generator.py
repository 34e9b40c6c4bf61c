"""Lets an inner generator hand out the columns, and joins what it gave."""


def extend(model, ids, max_new_tokens, choose):
    def columns():
        cache = model.new_cache(ids.shape[1] + max_new_tokens)
        newest = ids
        for _ in range(max_new_tokens):
            newest = choose(model(newest, cache=cache).logits[:, -1])
            if newest is None:
                return
            yield newest

    return torch.cat([ids, *columns()], dim=1)
