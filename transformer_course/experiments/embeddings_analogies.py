"""Lesson 03's analogies: what is right by the vectors, and what by a rule about the answer.

"a is to b as c is to …" is answered by the word nearest to b − a + c. It is usual to forbid a, b
and c as answers. Without this rule the answer is nearly always one of them; with it, the nearest
neighbour of c is often right by itself.

Source: Linzen 2016, "Issues in evaluating semantic spaces using word analogies" (the rule, and
answers without an example); the 32 analogies are the course's own (data/word_pairs.json).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from transformer_course.claims import Finding, above, below
from transformer_course.experiments.embeddings import random_vectors, word_pairs
from transformer_course.word_vectors import WordVectors


@dataclass(frozen=True, kw_only=True)
class AnalogyScores:
    """Shares of analogies whose first answer is the right one.

    Attributes:
        allowed: With every word of the table as a possible answer.
        forbidden: With the question's own three words left out, as is usual.
        third_alone: Without the example: the nearest neighbour of the third word.
        own_word: How often the first answer, with all words allowed, is one of the question's.
    """

    allowed: float
    forbidden: float
    third_alone: float
    own_word: float


@dataclass(frozen=True, kw_only=True)
class Analogies:
    """Scores by kind of analogy, of all of them together, and of random vectors."""

    kinds: Mapping[str, AnalogyScores]
    together: AnalogyScores
    noise: AnalogyScores


def analogies() -> Mapping[str, Sequence[Sequence[str]]]:
    """Return the analogies "a is to b as c is to d", by kind."""
    return word_pairs()["analogies"]


def score_analogies(vectors: WordVectors, kinds: Sequence[str] = ()) -> AnalogyScores:
    """Complete the analogies of these kinds, of all if none is given, with and without own words.

    Args:
        vectors: Whose words; analogies with a word that they lack are left out.
        kinds: Names in `analogies()`.

    Raises:
        ValueError: If no analogy is left.
    """
    asked = [
        row
        for kind, rows in analogies().items()
        for row in rows
        if (not kinds or kind in kinds) and all(word in vectors.vocabulary for word in row)
    ]
    if not asked:
        raise ValueError(
            f"no analogy of {list(kinds) or list(analogies())} has all its words among "
            f"{len(vectors.vocabulary):,}; use a larger vocabulary"
        )
    right = torch.zeros(4)
    for a, b, c, answer in asked:
        free = vectors.analogy(a, b, c, 1, own_words=True)[0][0]
        usual = vectors.analogy(a, b, c, 1, own_words=False)[0][0]
        alone = vectors.neighbours(c, 1)[0][0]
        right += torch.tensor([free == answer, usual == answer, alone == answer, free in (a, b, c)])
    allowed, forbidden, third_alone, own_word = (right / len(asked)).tolist()
    return AnalogyScores(
        allowed=allowed, forbidden=forbidden, third_alone=third_alone, own_word=own_word
    )


def compare_analogies(vectors: WordVectors, seed: int = 0) -> Analogies:
    """Score vectors by kind of analogy, and random vectors for the same words."""
    return Analogies(
        kinds={kind: score_analogies(vectors, [kind]) for kind in analogies()},
        together=score_analogies(vectors),
        noise=score_analogies(random_vectors(vectors, seed)),
    )


def a_rule_makes_analogies(found: Analogies) -> Finding:
    """Judge what forbidding the question's own words does, and what needs no example."""
    plural = found.kinds["one and many"]
    bounds = (
        above(found.together.forbidden, 0.75),
        below(found.together.allowed, 0.1),
        above(found.together.own_word, 0.9),
        above(plural.third_alone, 0.9),
        below(found.noise.forbidden, 0.05),
    )
    return Finding(
        f"32 analogies in MiniLM’s table: right {bounds[0]} if the question’s words are forbidden, "
        f"{bounds[1]} if not (then one of them is the answer, {bounds[2]})",
        f"plurals without any example: {bounds[3]}; random vectors: {bounds[4]}",
        all(bound.holds for bound in bounds),
    )
