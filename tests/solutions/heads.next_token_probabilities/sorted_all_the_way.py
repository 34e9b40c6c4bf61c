"""Sorts once at the start, cuts both ways by rank, and puts everything back at the end."""


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=1.0):
    ranked, order = logits.sort(-1, descending=True)
    rank = torch.arange(logits.shape[-1])
    if temperature == 0:
        left = (rank == 0).to(logits.dtype).expand_as(ranked)
        return torch.zeros_like(logits).scatter(-1, order, left)
    left = ((ranked - ranked[..., :1]) / temperature).softmax(-1)
    if top_k is not None:
        left = left * (rank < top_k)
        left = left / left.sum(-1, keepdim=True)
    if top_p < 1:
        before = left.cumsum(-1) - left
        left = left * ((before < top_p) | (rank == 0))
        left = left / left.sum(-1, keepdim=True)
    return torch.zeros_like(logits).scatter(-1, order, left)
