"""Takes logsumexp minus the target's own logit, of the rows that count alone."""


def cross_entropy(logits, targets):
    rows = logits.reshape(-1, logits.shape[-1])
    wanted = targets.reshape(-1)
    counts = wanted != IGNORED_TARGET
    rows, wanted = rows[counts], wanted[counts]
    return (rows.logsumexp(-1) - rows[torch.arange(len(rows)), wanted]).mean()
