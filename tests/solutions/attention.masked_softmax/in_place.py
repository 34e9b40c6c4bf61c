"""Works in place on a copy of its own, and normalises by the L1 norm of the row."""


def masked_softmax(scores, mask=None):
    own = scores.clone()
    if mask is not None:
        own[~mask.expand_as(own)] = torch.finfo(own.dtype).min
    own -= own.detach().amax(-1, keepdim=True)
    own = own.exp()
    if mask is not None:
        own = own * mask
    return F.normalize(own, p=1, dim=-1)
