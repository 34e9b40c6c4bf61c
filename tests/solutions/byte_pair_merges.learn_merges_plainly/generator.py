"""Yields merges one by one, and takes as many as are asked for."""


def learn_merges_plainly(word_counts, num_merges):
    from itertools import islice

    def merges():
        words = [split_into_bytes(word) for word in word_counts]
        while any(len(tokens) > 1 for tokens in words):
            counts = Counter()
            for tokens, times in zip(words, word_counts.values(), strict=True):
                for pair in pairwise(tokens):
                    counts.update({pair: times})
            (best, _), *_ = sorted(counts.items(), key=lambda item: item[::-1], reverse=True)
            yield best
            words = [merge_pair(tokens, best) for tokens in words]

    return list(islice(merges(), num_merges))
