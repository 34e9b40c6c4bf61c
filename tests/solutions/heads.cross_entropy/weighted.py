"""Gives each target a weight, 1 or 0, and takes the weighted mean in double precision."""


def cross_entropy(logits, targets):
    weights = targets.ne(IGNORED_TARGET).double()
    picked = torch.where(targets == IGNORED_TARGET, torch.zeros_like(targets), targets)
    log_p = logits.double().log_softmax(dim=-1).gather(-1, picked.unsqueeze(-1)).squeeze(-1)
    return (-(weights * log_p).sum() / weights.sum()).to(logits.dtype)
