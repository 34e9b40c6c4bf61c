"""Lesson 02's trap, measured: merges are applied by rank, and longest match is something else.

Builds on: tokenization_corpus, tokenization_library.  Lacks: a tokenizer that matches by length on
purpose, as WordPiece does.
Source: Sennrich et al. 2016, section 3.2; for WordPiece, Song et al. 2021, section 2.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transformer_course.claims import Finding, claim_of
from transformer_course.experiments.tokenization_corpus import byte_pair_tokenizer, unseen_play
from transformer_course.experiments.tokenization_library import library_encoder
from transformer_course.pre_tokenization import PreTokenizer


@dataclass(frozen=True, kw_only=True)
class RankAgainstLength:
    """An unseen play cut by the merges' ranks, and cut by the longest token from the left.

    Attributes:
        running: Share of its running words that come out differently.
        kinds: Share of its different words.
        tokens: Tokens that the longest match needs for each one by rank.
        unlike_library: Tokens by rank that differ from the library's, which has the same merges.
        examples: The most frequent words that differ: by rank, by length.
    """

    running: float
    kinds: float
    tokens: float
    unlike_library: int
    examples: Sequence[tuple[list[bytes], list[bytes]]]


def rank_against_length(_: int = 0, vocab_size: int = 1_024) -> RankAgainstLength:
    """Cut every word of the unseen play both ways.

    Args:
        vocab_size: Of the tokenizer.
    """
    tokenizer = byte_pair_tokenizer(vocab_size)
    known = set(tokenizer.vocab.values())
    words = Counter(PreTokenizer().split(unseen_play()))
    by_rank = {word: [tokenizer.vocab[i] for i in tokenizer.encode(word)] for word in words}
    by_length = {word: longest_match(word.encode(), known) for word in words}
    differing = [word for word, _ in words.most_common() if by_rank[word] != by_length[word]]
    ids = tokenizer.encode(unseen_play())
    theirs = library_encoder(tokenizer).encode(unseen_play()).ids
    return RankAgainstLength(
        running=sum(words[word] for word in differing) / words.total(),
        kinds=len(differing) / len(words),
        tokens=_running_tokens(words, by_length) / _running_tokens(words, by_rank),
        unlike_library=sum(ours != other for ours, other in zip(ids, theirs, strict=False))
        + abs(len(ids) - len(theirs)),
        examples=[(by_rank[word], by_length[word]) for word in differing[:8]],
    )


def longest_match(word: bytes, known: set[bytes]) -> list[bytes]:
    """Take the longest known token again and again, from the left: what BPE does not do."""
    taken = []
    while word:
        length = max(length for length in range(len(word) + 1) if word[:length] in known)
        taken.append(word[:length])
        word = word[length:]
    return taken


def _running_tokens(words: Mapping[str, int], cut: Mapping[str, list[bytes]]) -> int:
    return sum(times * len(cut[word]) for word, times in words.items())


@claim_of("C4", rank_against_length)
def rank_is_not_length(found: RankAgainstLength) -> Finding:
    """Judge whether the two ways part on real words, and which one is the library's."""
    return Finding(
        f"longest match cuts {found.running:.1%} of the running words of an unseen play otherwise "
        f"than rank does, {found.kinds:.0%} of the different ones",
        f"by rank {found.unlike_library} tokens are other than the library's",
        found.running > 0.03 and found.kinds > 0.1 and found.unlike_library == 0,
    )
