"""Keeps places where the word is cut, and removes them, rank by rank."""


def merge_by_rank(tokens, ranks):
    word = b"".join(tokens)
    cuts = [0]
    for token in tokens:
        cuts.append(cuts[-1] + len(token))
    while len(cuts) > 2:
        found = []
        for start, middle, end in zip(cuts, cuts[1:], cuts[2:], strict=False):
            rank = ranks.get((word[start:middle], word[middle:end]), math.inf)
            found.append((rank, middle))
        rank, middle = min(found)
        if rank == math.inf:
            break
        cuts.remove(middle)
    return [word[start:end] for start, end in pairwise(cuts)]
