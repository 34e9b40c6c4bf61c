"""Goes through the rows one by one and keeps the costs of those that count."""


def cross_entropy(logits, targets):
    costs = []
    for row, target in zip(logits.flatten(0, -2), targets.flatten().tolist(), strict=True):
        if target != IGNORED_TARGET:
            shifted = row - row.max()
            costs.append(shifted.exp().sum().log() - shifted[target])
    return sum(costs) / len(costs)
