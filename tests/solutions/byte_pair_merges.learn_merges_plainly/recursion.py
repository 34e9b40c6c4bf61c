"""Learns one merge, and leaves the others to itself, on words cut by what was learned."""


def learn_merges_plainly(word_counts, num_merges):
    def learn(cut, left):
        counts = {}
        for word, tokens in cut.items():
            for pair in pairwise(tokens):
                counts[pair] = counts.get(pair, 0) + word_counts[word]
        if left == 0 or not counts:
            return []
        _, best = max((count, pair) for pair, count in counts.items())
        joined = {word: merge_pair(tokens, best) for word, tokens in cut.items()}
        return [best, *learn(joined, left - 1)]

    return learn({word: split_into_bytes(word) for word in word_counts}, num_merges)
