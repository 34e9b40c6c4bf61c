"""What lesson 02 measures on: 26 plays to learn from, one unseen, sentences in twelve languages.

Learned once and kept: the same merges, cut off at another place, make a smaller vocabulary.

Builds on: data, tokenization, pretrained.  Lacks: the measuring (tokenization).
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from transformer_course.byte_pair_merges import Pair, learn_merges
from transformer_course.data import PlaySplit, load_shakespeare, shakespeare_text, split_plays
from transformer_course.pre_tokenization import PreTokenizer
from transformer_course.pretrained import load_minilm
from transformer_course.tokenization import BytePairTokenizer

LARGEST = 8_192
"""Tokens of the largest vocabulary that is learned: 256 bytes and 7,936 merges."""

UNSEEN = "measure-for-measure"
SENTENCES = Path(__file__).parents[2] / "data" / "parallel_sentences.json"


@dataclass(frozen=True, kw_only=True)
class Language:
    """The same five sentences in one language.

    Attributes:
        script: What it is written in.
        sentences: In the order of the other languages.
    """

    script: str
    sentences: tuple[str, ...]


@lru_cache(maxsize=1)
def split() -> PlaySplit:
    """Return the plays: 26 to learn from, 6 and 6 that are kept apart."""
    return split_plays(load_shakespeare())


@lru_cache(maxsize=1)
def training_words() -> Counter[str]:
    """Count the words of the 26 plays, each with the space before it."""
    return Counter(PreTokenizer().split(shakespeare_text(split().train)))


@lru_cache(maxsize=1)
def training_merges() -> tuple[Pair, ...]:
    """Learn the largest vocabulary from the 26 plays."""
    return tuple(learn_merges(training_words(), LARGEST - 256))


@lru_cache(maxsize=16)
def byte_pair_tokenizer(vocab_size: int) -> BytePairTokenizer:
    """Return the tokenizer of the 26 plays with as many tokens.

    Raises:
        ValueError: If that is less than the 256 bytes, or more than was learned.
    """
    if not 256 <= vocab_size <= LARGEST:
        raise ValueError(f"vocab_size={vocab_size} was not learned; choose 256 to {LARGEST}")
    merges = list(training_merges()[: vocab_size - 256])
    vocab = {byte: bytes([byte]) for byte in range(256)}
    vocab |= {256 + rank: left + right for rank, (left, right) in enumerate(merges)}
    return BytePairTokenizer(vocab, merges)


@lru_cache(maxsize=1)
def unseen_play() -> str:
    """Return Measure for Measure, which none of the 26 is."""
    return shakespeare_text(play for play in split().test if play.slug == UNSEEN)


@lru_cache(maxsize=1)
def word_piece() -> Tokenizer:
    """Return MiniLM's tokenizer: WordPiece, 30,522 tokens, lower case, made by others."""
    return load_minilm().tokenizer


@lru_cache(maxsize=1)
def parallel_sentences() -> Mapping[str, Language]:
    """Read five sentences in twelve languages; data/README.md says where they come from.

    Raises:
        ValueError: If a language has more or fewer sentences than English, or one is not NFC.
    """
    content = json.loads(SENTENCES.read_text(encoding="utf-8"))
    languages = {
        name: Language(script=entry["script"], sentences=tuple(entry["sentences"]))
        for name, entry in content.items()
    }
    for name, language in languages.items():
        if len(language.sentences) != len(languages["English"].sentences):
            raise ValueError(f"{name} has {len(language.sentences)} sentences; give one for each")
        if not all(unicodedata.is_normalized("NFC", text) for text in language.sentences):
            raise ValueError(f"{name} is not in normal form C; normalise it before counting")
    return languages
