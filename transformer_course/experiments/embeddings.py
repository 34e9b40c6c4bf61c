"""Lesson 03's claim C5: whether words of like meaning lie close together, and what it is worth.

Fifty related pairs were written down before any vector was trained (data/word_pairs.json). A pair
is compared with pairs of words that are as frequent as its own two: against pairs drawn from the
whole vocabulary, vectors that know nothing but frequency look good, too.

Source: Mikolov et al. 2013 (see word_vectors); Schnabel et al. 2015, "Evaluation methods for
unsupervised word embeddings" (vectors hold a word's frequency).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.data import load_shakespeare
from transformer_course.pretrained import PretrainedEncoder, load_minilm
from transformer_course.word_vectors import (
    SkipGramConfig,
    Vocabulary,
    WordVectors,
    centred,
    read_words,
    train_word_vectors,
)

DRAWS = 40
"""As many other pairs are drawn for each related one."""

NEAR_RANK = 0.1
"""A word's stand-in is drawn from ranks that differ by this share (and five more) from its own."""


@dataclass(frozen=True)
class Corpus:
    """All plays as one text.

    Attributes:
        vocabulary: The words that were met five times or more.
        ids: The text in rows of the vocabulary; rarer words are left out.
    """

    vocabulary: Vocabulary
    ids: Int[Tensor, " length"]

    def shuffled(self, seed: int) -> "Corpus":
        """Return the same words in random order: their counts stay, their company goes."""
        generator = torch.Generator().manual_seed(seed + 100)
        return Corpus(self.vocabulary, self.ids[torch.randperm(len(self.ids), generator=generator)])


@lru_cache(maxsize=1)
def shakespeare_words() -> Corpus:
    """Read what is said in all plays, without the names of speakers."""
    words = [
        word
        for play in load_shakespeare()
        for speech in play.speeches
        for word in read_words(speech.text)
    ]
    vocabulary = Vocabulary.count(words)
    return Corpus(vocabulary, vocabulary.encode(words))


@lru_cache(maxsize=1)
def word_pairs() -> Mapping[str, Any]:
    """Read the course's own table of related pairs and analogies.

    Raises:
        FileNotFoundError: If the package does not stand in a checkout of the course.
    """
    path = Path(__file__).resolve().parents[2] / "data" / "word_pairs.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path.name} in {path.parent}; run the lessons from a checkout of the "
            "course, installed by 'pip install -e .'"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def related_pairs() -> list[tuple[str, str]]:
    """Return the fifty pairs that were written down beforehand."""
    return [(one, other) for one, other in word_pairs()["related"]]


def random_vectors(vectors: WordVectors, seed: int) -> WordVectors:
    """Return a table of the same words and shape, drawn from a normal distribution."""
    generator = torch.Generator().manual_seed(seed + 200)
    table = torch.randn(vectors.table.shape, generator=generator)
    return centred(vectors.vocabulary, table)


def minilm_vectors(encoder: PretrainedEncoder | None = None) -> WordVectors:
    """Take the whole words out of MiniLM's table: no pieces of words, signs or empty rows.

    Its rows run roughly from frequent words to rare ones, as the makers of the vocabulary sorted
    it; how often each was met is not known.
    """
    encoder = encoder or load_minilm()
    rows = {
        token: row
        for token, row in encoder.tokenizer.get_vocab().items()
        if len(token) > 1 and token.isascii() and token.isalpha()
    }
    words = sorted(rows, key=rows.__getitem__)
    table = encoder.model.get_parameter("encoder.embedding.weight").detach()
    return centred(Vocabulary(words), table[[rows[word] for word in words]])


@dataclass(frozen=True, kw_only=True)
class PairScores:
    """Cosines of related pairs and of the pairs that each is compared with.

    Attributes:
        related: Of the related pairs.
        random: Of pairs of any words, a row for each related pair.
        matched: Of pairs of words that are as frequent as those of the related pair.
    """

    related: Float[Tensor, " pairs"]
    random: Float[Tensor, "pairs draws"]
    matched: Float[Tensor, "pairs draws"]

    @property
    def against_random(self) -> float:
        """The share of comparisons with random pairs that related pairs win."""
        return _won(self.related, self.random)

    @property
    def against_matched(self) -> float:
        """The share of comparisons with equally frequent pairs that related pairs win."""
        return _won(self.related, self.matched)


def _won(related: Tensor, others: Tensor) -> float:
    """Return the area under the ROC curve, each pair against its own others; a tie is half won."""
    difference = related[:, None] - others
    return ((difference > 0).double() + 0.5 * (difference == 0).double()).mean().item()


def score_pairs(vectors: WordVectors, seed: int = 0) -> PairScores:
    """Compare the related pairs with random and with frequency-matched ones."""
    generator = torch.Generator().manual_seed(seed + 300)
    rows = torch.stack([vectors.vocabulary.rows(pair) for pair in related_pairs()])
    size = len(vectors.vocabulary)
    anything = torch.randint(size, (len(rows), DRAWS, 2), generator=generator)
    return PairScores(
        related=_cosines(vectors, rows),
        random=_cosines(vectors, anything),
        matched=_cosines(vectors, matched_pairs(rows, size, generator)),
    )


def matched_pairs(
    rows: Int[Tensor, "pairs 2"], size: int, generator: torch.Generator
) -> Int[Tensor, "pairs draws 2"]:
    """Draw a stand-in of like rank for each word of each pair, `DRAWS` times.

    Rows are sorted by frequency, so words of like rank are met about as often.
    """
    reach = (NEAR_RANK * rows).long() + 5
    low, high = (rows - reach).clamp(min=0), (rows + reach).clamp(max=size - 1)
    drawn = torch.rand((len(rows), DRAWS, 2), generator=generator)
    found = low[:, None] + (drawn * (high - low)[:, None]).long()
    found = found + (found >= rows[:, None])  # no word stands in for itself
    # Nor is a word paired with itself: its neighbour by rank takes the second place.
    same = found[..., 0] == found[..., 1]
    found[..., 1] += torch.where(found[..., 1] == size - 1, -1, 1) * same
    return found


def _cosines(vectors: WordVectors, rows: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
    pairs = vectors.directions[rows]
    return (pairs[..., 0, :] * pairs[..., 1, :]).sum(-1)


Shares = tuple[float, float]
"""Of comparisons won: against random pairs, and against equally frequent ones."""


@dataclass(frozen=True, kw_only=True)
class SimilarWords:
    """The shares of comparisons that related pairs win, by vectors.

    Attributes:
        trained: Skip-gram on the plays, the mean of all vectors subtracted.
        shuffled: The same training on the same words in random order, the mean subtracted.
        shuffled_plain: The same vectors with their mean left in, as cosines are mostly taken.
        noise: Random vectors for the same words.
        minilm: The whole words of MiniLM's table.
        minilm_noise: Random vectors for these.
    """

    trained: Shares
    shuffled: Shares
    shuffled_plain: Shares
    noise: Shares
    minilm: Shares
    minilm_noise: Shares


def compare_similarities(
    trained: WordVectors, shuffled: WordVectors, minilm: WordVectors, seed: int = 0
) -> SimilarWords:
    """Score vectors that are there already, and random ones beside them."""

    def both(vectors: WordVectors) -> Shares:
        scores = score_pairs(vectors, seed)
        return scores.against_random, scores.against_matched

    return SimilarWords(
        trained=both(trained),
        shuffled=both(shuffled),
        shuffled_plain=both(shuffled.with_mean()),
        noise=both(random_vectors(trained, seed)),
        minilm=both(minilm),
        minilm_noise=both(random_vectors(minilm, seed)),
    )


def similar_words(seed: int = 0) -> SimilarWords:
    """Train on the plays and on shuffled plays, and score both, MiniLM and random vectors."""
    corpus = shakespeare_words()
    trained, shuffled = (
        train_word_vectors(
            text.ids, text.vocabulary, SkipGramConfig(), torch.Generator().manual_seed(seed)
        )
        for text in (corpus, corpus.shuffled(seed))
    )
    return compare_similarities(trained, shuffled, minilm_vectors(), seed)


@claim_of("C5", similar_words)
def similar_words_lie_close(found: SimilarWords) -> Finding:
    """Judge whether related words are more alike than equally frequent ones, and only there."""
    noise = (*found.noise, *found.minilm_noise)
    bounds = (
        above(found.trained[1], 0.9),
        above(found.minilm[1], 0.9),
        above(found.shuffled_plain[0], 0.7),
        below(max(found.shuffled_plain[1], found.shuffled[1]), 0.65),
        below(max(abs(share - 0.5) for share in noise), 0.15),
    )
    return Finding(
        "a related pair is closer than two equally frequent words: in vectors trained on the "
        f"plays {bounds[0]}, in MiniLM’s table {bounds[1]}",
        f"trained on shuffled plays {bounds[2]} against any two words, {bounds[3]} against "
        f"equally frequent ones; random vectors: {bounds[4]} away from one half",
        all(bound.holds for bound in bounds),
    )
