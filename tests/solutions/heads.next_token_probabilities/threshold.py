"""Cuts by thresholds: what is below the k-th logit, and what lies behind the nucleus' last."""


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        return F.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
    scaled = logits / temperature
    if top_k is not None:
        ranked = scaled.sort(-1, descending=True).values
        last = ranked[..., min(top_k, logits.shape[-1]) - 1, None]
        scaled = torch.where(scaled < last, -math.inf, scaled)
    shares = scaled.softmax(-1)
    if top_p < 1:
        ranked = shares.sort(-1, descending=True).values
        needed = (ranked.cumsum(-1) < top_p).sum(-1, keepdim=True).clamp(max=shares.shape[-1] - 1)
        shares = torch.where(shares < ranked.gather(-1, needed), 0.0, shares)
        shares = shares / shares.sum(-1, keepdim=True)
    return shares
