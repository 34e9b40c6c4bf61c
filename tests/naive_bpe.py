"""Byte-pair encoding as it is defined and nothing else: no index, no heap, no cache, no ranks.

The oracle of test_tokenization. Shares no code with the package.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import regex

Pair = tuple[bytes, bytes]

WORD = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def cut_at_special_tokens(text: str, special_tokens: Sequence[str]) -> list[tuple[str, bool]]:
    """Pieces of the text in order, each with whether it is a special token."""
    pieces, ordinary, place = [], "", 0
    while place < len(text):
        here = [token for token in special_tokens if text.startswith(token, place)]
        if here:
            longest = max(here, key=len)
            pieces += [(ordinary, False), (longest, True)]
            ordinary = ""
            place += len(longest)
        else:
            ordinary += text[place]
            place += 1
    return [*pieces, (ordinary, False)]


def words_of(text: str) -> list[list[bytes]]:
    return [[bytes([byte]) for byte in word.encode()] for word in WORD.findall(text)]


def join(word: list[bytes], pair: Pair) -> list[bytes]:
    """Join the pair wherever it stands, from left to right."""
    place = 0
    joined = []
    while place < len(word):
        if tuple(word[place : place + 2]) == pair:
            joined.append(pair[0] + pair[1])
            place += 2
        else:
            joined.append(word[place])
            place += 1
    return joined


def pair_counts(words: list[list[bytes]]) -> Counter[Pair]:
    return Counter(pair for word in words for pair in pairwise(word))


def naive_merges(text: str, num_merges: int, special_tokens: Sequence[str] = ()) -> list[Pair]:
    """Before each merge, count all pairs of the whole text anew."""
    words = [
        word
        for piece, is_special in cut_at_special_tokens(text, special_tokens)
        if not is_special
        for word in words_of(piece)
    ]
    merges: list[Pair] = []
    while len(merges) < num_merges and (counts := pair_counts(words)):
        best = max(counts, key=lambda pair: (counts[pair], pair))
        words = [join(word, best) for word in words]
        merges.append(best)
    return merges


def naive_encode(
    text: str, merges: Sequence[Pair], special_tokens: Sequence[str] = ()
) -> list[bytes]:
    """Join the first merge everywhere, then the second, and so on to the last."""
    tokens: list[bytes] = []
    for piece, is_special in cut_at_special_tokens(text, special_tokens):
        if is_special:
            tokens.append(piece.encode())
            continue
        for word in words_of(piece):
            for pair in merges:
                word = join(word, pair)
            tokens += word
    return tokens
