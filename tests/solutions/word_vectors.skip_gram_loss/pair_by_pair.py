"""Goes through the pairs one by one, and through the noise words of each."""


def skip_gram_loss(centre, context, noise, num_negatives=5.0):
    total = 0.0
    for middle, beside in zip(centre, context, strict=True):
        total = total - F.logsigmoid(middle @ beside)
        logs = [F.logsigmoid(-(middle @ word)) for word in noise]
        total = total - num_negatives * sum(logs) / len(logs)
    return total / len(centre)
