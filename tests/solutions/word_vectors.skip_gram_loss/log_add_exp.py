"""Writes log(1 + e^x) as a log-sum-exp with 0, which never overflows."""


def skip_gram_loss(centre, context, noise, num_negatives=5.0):
    zero = torch.zeros((), dtype=centre.dtype)
    missed = torch.logaddexp(zero, -(centre * context).sum(dim=-1))
    fooled = torch.logaddexp(zero, torch.matmul(centre, noise.mT))
    return (missed + num_negatives * fooled.mean(dim=1)).mean()
