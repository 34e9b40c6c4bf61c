"""Takes torch's softmax, and sets rows without keys to 0 before the gradient can meet a nan."""


def masked_softmax(scores, mask=None):
    if mask is None:
        return scores.softmax(dim=-1)
    lonely = ~mask.any(dim=-1, keepdim=True)
    allowed = mask | lonely
    return scores.masked_fill(~allowed, -math.inf).softmax(-1).masked_fill(lonely, 0.0)
