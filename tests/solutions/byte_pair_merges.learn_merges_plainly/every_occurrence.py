"""Writes each word out as often as it occurs, and counts without weights."""


def learn_merges_plainly(word_counts, num_merges):
    text = [split_into_bytes(word) for word, count in word_counts.items() for _ in range(count)]
    merges = []
    for _ in range(num_merges):
        counts = Counter(pair for tokens in text for pair in pairwise(tokens))
        if counts:
            merges.append(sorted(counts, key=lambda pair: (counts[pair], pair))[-1])
            text = [merge_pair(tokens, merges[-1]) for tokens in text]
    return merges
