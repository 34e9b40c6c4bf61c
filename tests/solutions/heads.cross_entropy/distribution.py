"""Asks torch's Categorical distribution for the log-probabilities of the targets that count."""


def cross_entropy(logits, targets):
    counts = targets != IGNORED_TARGET
    return -torch.distributions.Categorical(logits=logits[counts]).log_prob(targets[counts]).mean()
