"""Joins by itself, on bytes with marks between them, without merge_pair."""


def learn_merges_plainly(word_counts, num_merges):
    words = [
        [tuple(word.encode()[i : i + 1] for i in range(len(word.encode()))), count]
        for word, count in word_counts.items()
    ]
    merges = []
    while len(merges) < num_merges:
        counts = {}
        for tokens, count in words:
            for i in range(len(tokens) - 1):
                pair = tokens[i : i + 2]
                counts[pair] = counts.get(pair, 0) + count
        if not counts:
            return merges
        top = max(counts.values())
        best = max(pair for pair, count in counts.items() if count == top)
        merges.append(best)
        for entry in words:
            rest, joined = entry[0], ()
            while rest:
                step = 2 if rest[:2] == best else 1
                joined, rest = (*joined, b"".join(rest[:step])), rest[step:]
            entry[0] = joined
    return merges
