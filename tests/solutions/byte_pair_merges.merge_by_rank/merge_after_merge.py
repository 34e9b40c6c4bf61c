"""Goes through all merges in the order of their ranks, as learning did."""


def merge_by_rank(tokens, ranks):
    for pair in sorted(ranks, key=ranks.get):
        tokens = merge_pair(tokens, pair)
    return tokens
