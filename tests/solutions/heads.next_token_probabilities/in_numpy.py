"""Does it all in numpy, in double precision, and hands back a tensor of the same kind."""


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
    scores = logits.double().numpy()
    order = np.argsort(-scores, axis=-1, kind="stable")
    ranked = np.take_along_axis(scores, order, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(ranked == ranked[..., :1], 0.0, (ranked - ranked[..., :1]) / temperature)
    weights = np.exp(steps)
    if temperature == 0:
        weights = (np.arange(ranked.shape[-1]) == 0) * np.ones_like(ranked)
    if top_k is not None:
        weights[..., top_k:] = 0
    shares = weights / weights.sum(-1, keepdims=True)
    before = np.cumsum(shares, -1) - shares
    if top_p < 1:
        shares = np.where(before < top_p, shares, 0)
        shares = shares / shares.sum(-1, keepdims=True)
    found = np.empty_like(shares)
    np.put_along_axis(found, order, shares, -1)
    return torch.from_numpy(found).to(logits.dtype)
