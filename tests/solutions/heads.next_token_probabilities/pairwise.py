"""Compares every token with every other: what outweighs it, and how many do."""


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
    one, other = logits[..., :, None], logits[..., None, :]
    earlier = torch.ones(logits.shape[-1], logits.shape[-1]).tril(-1).bool()
    higher = (other > one) | ((other == one) & earlier)  # of equals, the first
    if temperature == 0:
        return (~higher.any(-1)).to(logits.dtype)
    weights = torch.exp((logits - logits.max(-1, keepdim=True).values) / temperature)
    if top_k is not None:
        weights = weights * (higher.sum(-1) < top_k)
    shares = weights / weights.sum(-1, keepdim=True)
    if top_p < 1:
        before = (higher * shares[..., None, :]).sum(-1)
        shares = shares * (before < top_p)
        shares = shares / shares.sum(-1, keepdim=True)
    return shares
