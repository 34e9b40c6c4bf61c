"""Counts with numpy over numbered pairs, and picks the best from those on top."""


def learn_merges_plainly(word_counts, num_merges):
    cut = [split_into_bytes(word) for word in word_counts]
    times = list(word_counts.values())
    merges = []
    for _ in range(num_merges):
        found = [
            (pair, n) for tokens, n in zip(cut, times, strict=True) for pair in pairwise(tokens)
        ]
        if not found:
            break
        names = sorted({pair for pair, _ in found})
        numbers = [names.index(pair) for pair, _ in found]
        counts = np.bincount(numbers, weights=[n for _, n in found])
        best = names[int(np.flatnonzero(counts == counts.max())[-1])]
        merges.append(best)
        cut = [merge_pair(tokens, best) for tokens in cut]
    return merges
