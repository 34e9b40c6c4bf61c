"""Joins the lowest rank, and hands what is left to itself."""


def merge_by_rank(tokens, ranks):
    merges = [pair for pair in pairwise(tokens) if pair in ranks]
    if not merges:
        return tokens
    return merge_by_rank(merge_pair(tokens, min(merges, key=ranks.__getitem__)), ranks)
