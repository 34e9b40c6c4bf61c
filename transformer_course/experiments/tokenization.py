"""Lesson 02's claim C4: any text comes back, merges shorten it, and they are the right merges.

Builds on: tokenization_corpus, tokenization_library.  Lacks: the order of merges
(tokenization_ranks); unseen words and other languages (tokenization_costs).
Source: Sennrich et al. 2016, section 3.2; Radford et al. 2019, section 2.2.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from transformer_course.byte_pair_merges import (
    Pair,
    learn_merges,
    merge_pair,
    split_into_bytes,
)
from transformer_course.claims import Finding, claim_of
from transformer_course.data import shakespeare_text
from transformer_course.experiments.tokenization_corpus import (
    byte_pair_tokenizer,
    split,
    training_merges,
    training_words,
    unseen_play,
    word_piece,
)
from transformer_course.experiments.tokenization_library import library_merges
from transformer_course.pre_tokenization import PreTokenizer

VOCAB_SIZE = 4_096
"""Of the vocabulary that is looked at closely."""


@dataclass(frozen=True, kw_only=True)
class RoundTrips:
    """How many texts are the same after encoding and decoding.

    Attributes:
        num_texts: Of random Unicode; as many lines are taken from a play that is unseen.
        random_texts: Of these, those that came back, by tokenizer.
        lines: The same for the lines.
    """

    num_texts: int
    random_texts: Mapping[str, int]
    lines: Mapping[str, int]


def round_trips(seed: int = 0, num_texts: int = 1_000) -> RoundTrips:
    """Encode and decode random Unicode, and lines of an unseen play, by three tokenizers.

    Args:
        seed: Of the random texts.
        num_texts: How many of them, and how many lines.
    """
    rng = np.random.default_rng(seed)
    texts = [random_text(rng) for _ in range(num_texts)]
    lines = [line for line in unseen_play().splitlines() if line][:num_texts]
    return RoundTrips(
        num_texts=num_texts,
        random_texts={name: sum(map(survives, texts)) for name, survives in _SURVIVES.items()},
        lines={name: sum(map(survives, lines)) for name, survives in _SURVIVES.items()},
    )


def random_text(rng: np.random.Generator) -> str:
    """Draw 1 to 40 characters, of all that Unicode has room for but halves of surrogate pairs."""
    # Half of them from the first 3,000, where letters are: most of the others have no name yet.
    length = rng.integers(1, 41)
    high = rng.choice([3_000, 0x110000], size=length)
    codes = (rng.random(length) * high).astype(int)
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def _by_bytes(text: str) -> bool:
    tokenizer = byte_pair_tokenizer(VOCAB_SIZE)
    return tokenizer.decode(tokenizer.encode(text)) == text


def _by_words(text: str) -> bool:
    """What is no word of the 26 plays has no number, and does not come back."""
    return all(word in training_words() for word in PreTokenizer().split(text))


def _by_word_piece(text: str) -> bool:
    return word_piece_round_trip(text) == text


def word_piece_round_trip(text: str) -> str:
    """Return what MiniLM's tokenizer makes of a text, and makes of that again."""
    tokenizer = word_piece()
    return tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids)


_SURVIVES = {"bpe": _by_bytes, "words": _by_words, "word_piece": _by_word_piece}


@claim_of("C4", round_trips)
def any_text_comes_back(trips: RoundTrips) -> Finding:
    """Judge whether byte pairs lose nothing, and whether the others do."""
    kept, lines = trips.random_texts, trips.lines
    holds = kept["bpe"] == lines["bpe"] == trips.num_texts
    limits = (0.9 * trips.num_texts, 0.1 * trips.num_texts)
    tells = lines["words"] < limits[0] and lines["word_piece"] < limits[1]
    tells = tells and max(kept["words"], kept["word_piece"]) < limits[1]
    return Finding(
        f"byte pairs gave back {kept['bpe']:,} of {trips.num_texts:,} texts of random Unicode, and "
        f"{lines['bpe']:,} of {trips.num_texts:,} lines of an unseen play",
        f"a list of words {kept['words']} and {lines['words']}, MiniLM's WordPiece "
        f"{kept['word_piece']} and {lines['word_piece']}",
        holds and tells,
    )


SIZES = (256, 512, 1_024, 2_048, 4_096, 8_192)


@dataclass(frozen=True, kw_only=True)
class Compression:
    """Characters a token on an unseen play, by tokenizer.

    Attributes:
        sizes: Vocabularies of byte pairs; the first is bytes alone.
        byte_pairs: Characters a token for each size.
        words: Characters a word.
        num_words: Different words in the 26 plays: the vocabulary that a list of words needs.
        unknown: Share of the unseen play's running words that are not among them.
        word_piece: Characters a token for MiniLM's tokenizer.
        word_piece_size: Its vocabulary.
    """

    sizes: Sequence[int]
    byte_pairs: Sequence[float]
    words: float
    num_words: int
    unknown: float
    word_piece: float
    word_piece_size: int


def characters_per_token(_: int = 0) -> Compression:
    """Cut the unseen play by vocabularies of growing size, all learned from the 26 plays."""
    play, tokenizer = unseen_play(), word_piece()
    words = PreTokenizer().split(play)
    num_pieces = len(tokenizer.encode(play, add_special_tokens=False).ids)
    return Compression(
        sizes=SIZES,
        byte_pairs=[len(play) / len(byte_pair_tokenizer(size).encode(play)) for size in SIZES],
        words=len(play) / len(words),
        num_words=len(training_words()),
        unknown=sum(word not in training_words() for word in words) / len(words),
        word_piece=len(play) / num_pieces,
        word_piece_size=tokenizer.get_vocab_size(),
    )


@claim_of("C4", characters_per_token)
def merges_shorten_text(found: Compression) -> Finding:
    """Judge whether a larger vocabulary gives longer tokens, and each doubling less."""
    gains = [after - before for before, after in pairwise(found.byte_pairs)]
    holds = min(gains) > 0 and gains == sorted(gains, reverse=True) and found.byte_pairs[-1] > 3
    control = found.byte_pairs[0] == 1 and found.words > found.byte_pairs[-1] > found.words / 2
    steps = ", ".join(f"{number:.2f}" for number in found.byte_pairs)
    return Finding(
        f"characters a token on an unseen play: {steps} as the vocabulary doubles from "
        f"{found.sizes[0]} to {found.sizes[-1]:,}; each doubling gains less",
        f"bytes alone {found.byte_pairs[0]:.2f}; words {found.words:.2f}, with "
        f"{found.num_words:,} words on the list and {found.unknown:.1%} of the play's not on it",
        holds and control and found.num_words > 2 * found.sizes[-1] and found.unknown > 0.03,
    )


@dataclass(frozen=True, kw_only=True)
class Merges:
    """Our merges beside those that the library `tokenizers` learns from the same text.

    Attributes:
        num_merges: Learned by either.
        agreed: Merges that are the same before the first that is not.
        counts: How often the two pairs that differ first stand in the text by then: ours, theirs.
        agreed_uncounted: Merges that are the same if every word is counted once.
    """

    num_merges: int
    agreed: int
    counts: tuple[int, int]
    agreed_uncounted: int


def merges_compared(_: int = 0, num_merges: int = 500) -> Merges:
    """Learn merges from the 26 plays by our code and by the library.

    Args:
        num_merges: How many.
    """
    library = library_merges(shakespeare_text(split().train), num_merges)
    ours = training_merges()[:num_merges]
    agreed = _agreed(ours, library)
    differing = [merges[agreed] for merges in (ours, library) if agreed < num_merges]
    counts = _counts_after(ours[:agreed], training_words())
    uncounted = learn_merges(dict.fromkeys(training_words(), 1), num_merges)
    return Merges(
        num_merges=num_merges,
        agreed=agreed,
        counts=(counts[differing[0]], counts[differing[1]]) if differing else (0, 0),
        agreed_uncounted=_agreed(uncounted, library),
    )


def _agreed(one: Sequence[Pair], other: Sequence[Pair]) -> int:
    """Return how many merges are the same before the first that is not."""
    pairs = enumerate(zip(one, other, strict=True))
    return next((place for place, (mine, theirs) in pairs if mine != theirs), len(one))


def _counts_after(merges: Sequence[Pair], words: Mapping[str, int]) -> Counter[Pair]:
    """Count all pairs anew once these merges are done, word by word."""
    counts: Counter[Pair] = Counter()
    for word, times in words.items():
        tokens = split_into_bytes(word)
        for pair in merges:
            if pair[0] in tokens:
                tokens = merge_pair(tokens, pair)
        for pair in pairwise(tokens):
            counts[pair] += times
    return counts


@claim_of("C4", merges_compared)
def merges_are_the_librarys(merges: Merges) -> Finding:
    """Judge whether both learn the same until two pairs are equally frequent."""
    ours, theirs = merges.counts
    return Finding(
        f"the first {merges.agreed} merges equal the library's; then its pair and ours stand "
        f"{theirs:,} and {ours:,} times in the text" + (", a tie" if ours == theirs else ""),
        f"{merges.agreed_uncounted} are equal if every different word is counted once",
        merges.agreed > 100 and ours == theirs and merges.agreed_uncounted < 10,
    )
