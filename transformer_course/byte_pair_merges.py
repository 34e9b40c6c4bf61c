"""Byte-pair merges: learned from the words of a text, applied to a word.

Learning joins the most frequent pair of neighbouring tokens, again and again; applying joins in a
new word, in the same order, what was joined in learning. `learn_merges_plainly` says how in a few
lines; `learn_merges` gives the same merges, and on a real text hundreds of times sooner.

Builds on: nothing.  Lacks: ids, special tokens (tokenization); a fast path for a single word of
many thousand characters.
Source: Sennrich et al. 2016, section 3.2, algorithm 1.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

Pair = tuple[bytes, bytes]
HeapEntry = tuple[int, tuple[int, ...], tuple[int, ...], Pair]


def learn_merges_plainly(word_counts: Mapping[str, int], num_merges: int) -> list[Pair]:
    """Learn merges as they are defined: before each one, all pairs are counted anew.

    Arguments, result and errors are those of `learn_merges`.
    """
    words = [(split_into_bytes(word), count) for word, count in word_counts.items()]
    merges: list[Pair] = []
    while len(merges) < num_merges:
        counts: Counter[Pair] = Counter()
        for tokens, count in words:
            for pair in pairwise(tokens):
                counts[pair] += count
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        words = [(merge_pair(tokens, best), count) for tokens, count in words]
    return merges


def learn_merges(word_counts: Mapping[str, int], num_merges: int) -> list[Pair]:
    """Learn merges: join the most frequent pair of neighbours, again and again.

    Of equally frequent pairs the lexicographically greatest is joined first.

    Args:
        word_counts: Each distinct word with the number of times it occurs.
        num_merges: How many merges to learn at most.

    Returns:
        The pairs in the order in which they were joined; fewer than `num_merges` if every word
        has become one token before.

    Raises:
        ValueError: If a word cannot be written in UTF-8.
    """
    table = PairTable(word_counts)
    merges: list[Pair] = []
    while len(merges) < num_merges and (pair := table.most_frequent()) is not None:
        table.merge(pair)
        merges.append(pair)
    return merges


class PairTable:
    """All pairs of neighbouring tokens in a set of words, kept up to date while pairs are merged.

    A million characters of Shakespeare hold 16,000 *distinct* words, so each is kept once, with
    the number of times it occurs. Every merge then asks three questions, and each has a structure
    that answers it without another walk through all words:

    - How often does each pair occur now? A table of counts; a merge corrects only the neighbours
      of the places that it joins.
    - Which words hold this pair? An index from each pair to its words.
    - Which pair is the most frequent? A heap, which has it on top.
    """

    def __init__(self, word_counts: Mapping[str, int]) -> None:
        """Cut each word into bytes, and count the pairs.

        Args:
            word_counts: Each distinct word with the number of times it occurs.
        """
        self._words = [(split_into_bytes(word), count) for word, count in word_counts.items()]
        self._counts: defaultdict[Pair, int] = defaultdict(int)
        # A word may be listed twice under a pair, or no longer hold it: merge sees that when it
        # looks at the word, which costs less than keeping the lists exact.
        self._words_with: defaultdict[Pair, list[int]] = defaultdict(list)
        for number, (tokens, count) in enumerate(self._words):
            for pair in pairwise(tokens):
                self._counts[pair] += count
                self._words_with[pair].append(number)
        self._heap = [_heap_entry(pair, count) for pair, count in self._counts.items()]
        heapq.heapify(self._heap)

    def most_frequent(self) -> Pair | None:
        """Return the most frequent pair, of equals the lexicographically greatest; None if none.

        A count that has sunk left its heap entry as it was. Such an entry comes to the top too
        early, is recognised there, and goes back with the count of now. No entry comes too late,
        because counts only sink once a pair has entered the heap.
        """
        while self._heap:
            negative_count, *_, pair = self._heap[0]
            count = self._counts[pair]
            if count == 0:
                heapq.heappop(self._heap)
            elif count < -negative_count:
                heapq.heapreplace(self._heap, _heap_entry(pair, count))
            else:
                return pair
        return None

    def count(self, pair: Pair) -> int:
        """Return how often a pair stands in the words now."""
        return self._counts.get(pair, 0)

    def merge(self, pair: Pair) -> None:
        """Join `pair` from left to right in every word that holds it.

        The joined token is new, and so are all pairs with it: bytes that stand between two
        boundaries are merged alike in every word, so no second pair can make the same token.
        """
        left, right = pair
        joined = left + right
        new_pairs: defaultdict[Pair, list[int]] = defaultdict(list)
        for number in self._words_with.pop(pair):
            tokens, count = self._words[number]
            place = 0
            while left in tokens[place:-1]:
                place = tokens.index(left, place)
                if tokens[place + 1] == right:
                    self._counts[pair] -= count
                    if place > 0:
                        before = tokens[place - 1]
                        self._counts[before, left] -= count
                        self._counts[before, joined] += count
                        new_pairs[before, joined].append(number)
                    if place + 2 < len(tokens):
                        after = tokens[place + 2]
                        self._counts[right, after] -= count
                        self._counts[joined, after] += count
                        new_pairs[joined, after].append(number)
                    tokens[place : place + 2] = [joined]
                place += 1
        self._words_with |= new_pairs
        for new_pair in new_pairs:
            heapq.heappush(self._heap, _heap_entry(new_pair, self._counts[new_pair]))


def _heap_entry(pair: Pair, count: int) -> HeapEntry:
    """Turn the order round: a heap has the smallest entry on top, wanted is the greatest pair."""
    left, right = pair
    return -count, _turned_round(left), _turned_round(right), pair


def _turned_round(token: bytes) -> tuple[int, ...]:
    """Return a key that is smaller where `token` is greater.

    255 - byte turns the order of bytes round. The 256 turns round that a beginning is smaller than
    the whole: b"a" < b"ab", and (158, 256) > (158, 157, 256).
    """
    return (*(255 - byte for byte in token), 256)


def merge_by_rank(tokens: list[bytes], ranks: Mapping[Pair, int]) -> list[bytes]:
    """Apply merges to one word, in the order in which they were learned.

    The next pair joined is always the one of the lowest rank, not the one that makes the longest
    token: with (b,c), (a,b), (bc,d) the word abcd becomes a | bcd, where greedy matching from the
    left finds ab | c | d.

    Args:
        tokens: The bytes of the word, one by one.
        ranks: Each merge with its place in the list of merges, from 0.

    Returns:
        The tokens of the word. The time grows with its length times the number of merges applied.
    """
    while len(tokens) > 1:
        pair = min(pairwise(tokens), key=lambda pair: ranks.get(pair, len(ranks)))
        if pair not in ranks:
            break
        tokens = merge_pair(tokens, pair)
    return tokens


def merge_pair(tokens: list[bytes], pair: Pair) -> list[bytes]:
    """Join `pair` wherever it stands in `tokens`, from left to right."""
    left, right = pair
    merged: list[bytes] = []
    for token in tokens:
        if token == right and merged and merged[-1] == left:
            merged[-1] = left + right
        else:
            merged.append(token)
    return merged


def split_into_bytes(word: str) -> list[bytes]:
    """Return the UTF-8 bytes of `word`, each as a token of its own.

    Raises:
        ValueError: If the word holds half a surrogate pair, which UTF-8 cannot write.
    """
    try:
        return [bytes([byte]) for byte in word.encode()]
    except UnicodeEncodeError as error:
        half = word[error.start]
        raise ValueError(
            f"the text holds {half!r} (U+{ord(half):04X}), half of a surrogate pair, which UTF-8 "
            "cannot write; remove it, or read the text with errors='replace'"
        ) from None
