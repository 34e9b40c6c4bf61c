"""Sorts with the least likely first, and cuts from that end: what may go, not what must stay."""


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
    rising, order = logits.sort(-1)
    size = logits.shape[-1]
    stay = 1 if temperature == 0 else min(top_k or size, size)
    rising[..., : size - stay] = -math.inf
    shares = (rising / (temperature or 1.0)).softmax(-1)
    if top_p < 1:
        spare = shares.cumsum(-1) <= 1 - top_p
        spare[..., -1] = False
        shares = shares.masked_fill(spare, 0.0)
        shares = shares / shares.sum(-1, keepdim=True)
    return torch.zeros_like(shares).scatter(-1, order, shares)
