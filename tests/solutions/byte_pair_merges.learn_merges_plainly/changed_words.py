"""Keeps the counts, and corrects them by the words that a merge changes."""


def learn_merges_plainly(word_counts, num_merges):
    cut = {word: split_into_bytes(word) for word in word_counts}
    counts = Counter()
    for word, tokens in cut.items():
        for pair in pairwise(tokens):
            counts[pair] += word_counts[word]
    merges = []
    while len(merges) < num_merges and any(counts.values()):
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        for word, tokens in cut.items():
            if best in list(pairwise(tokens)):
                cut[word] = merge_pair(tokens, best)
                for pairs, sign in ((pairwise(tokens), -1), (pairwise(cut[word]), 1)):
                    for pair in pairs:
                        counts[pair] += sign * word_counts[word]
    return merges
