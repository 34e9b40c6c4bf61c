"""Intersects the pairs that stand there with the merges, until nothing is in both."""


def merge_by_rank(tokens, ranks):
    while both := set(pairwise(tokens)) & set(ranks):
        tokens = merge_pair(tokens, sorted(both, key=ranks.get)[0])
    return tokens
