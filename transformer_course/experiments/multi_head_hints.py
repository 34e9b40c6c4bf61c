"""How much each head of a real model looks from an ambiguous word to the hints beside it.

Read once with hints at two senses, once with hints at one, and once with neutral words in the
hints' places: what a head gives a neutral word there, it gives to the place.

Builds on: multi_head_sentences.  Lacks: which head is the best, and a verdict (multi_head_minilm).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from transformer_course.experiments.multi_head_sentences import batch, read, two_senses
from transformer_course.pretrained import PretrainedEncoder

CLEARLY = 0.1
"""A word looks clearly more at one hint than at another if their weights differ by more."""

HintWeights = Float[Tensor, "sentence layer head word"]


@dataclass(frozen=True, kw_only=True)
class Hints:
    """How much each head looks from an ambiguous word to hints, at both of its places.

    Attributes:
        own: To the hint at its own sense, in sentences with two senses.
        other: To the hint at the other sense, in the same sentences.
        neutral: To a neutral word in the place of its own hint,
        neutral_other: and to one in the place of the other hint.
        one_sense: To its own hint, where both words have one sense.
        beside: Whether the hint stands right before the word.
    """

    own: HintWeights
    other: HintWeights
    neutral: HintWeights
    neutral_other: HintWeights
    one_sense: HintWeights
    beside: Bool[Tensor, "sentence word"]

    def mean(
        self, kind: str, head: tuple[int, int], chosen: Bool[Tensor, "sentence word"] | None = None
    ) -> float:
        """Return a head's mean weight of a kind, at all places or at some."""
        weights = getattr(self, kind)[:, head[0], head[1]]
        return (weights if chosen is None else weights[chosen]).mean().item()

    def right(self, head: tuple[int, int]) -> float:
        """Return the share of sentences in which both words look clearly more at their own hint."""
        own, other = self.own[:, head[0], head[1]], self.other[:, head[0], head[1]]
        return (own > other + CLEARLY).all(-1).double().mean().item()

    def leaning(self) -> Float[Tensor, "layer head"]:
        """Return the share of sentences in which both words look more at their own hint.

        By however little.
        """
        return (self.own > self.other).all(-1).double().mean(0)

    def leaning_to_neutral(self) -> Float[Tensor, "layer head"]:
        """Return the same of neutral words in the hints' places."""
        return (self.neutral > self.neutral_other).all(-1).double().mean(0)

    def preferring(self) -> Float[Tensor, "layer head"]:
        """Return the share in which both also look more at the hint than at a neutral word there.

        By however little.
        """
        rival = torch.maximum(self.other, self.neutral)
        return (self.own > rival).all(-1).double().mean(0)

    def halves(self) -> tuple["Hints", "Hints"]:
        """Return every other sentence, to search in, and those between, to judge by."""
        parts = vars(self).items()
        search, judge = (
            Hints(**{name: numbers[first::2] for name, numbers in parts}) for first in (0, 1)
        )
        return search, judge


def hint_weights(encoder: PretrainedEncoder) -> Hints:
    """Read every sentence with its hints, with hints at one sense, and with neutral words."""
    sentences = two_senses()

    def looks(kind: str) -> tuple[HintWeights, HintWeights, Tensor]:
        pairs = [getattr(sentence, kind) for sentence in sentences]
        texts = batch(encoder, [s.text(pair) for s, pair in zip(sentences, pairs, strict=True)])
        weights = torch.stack(read(encoder, texts).attention_weights, dim=1)
        own, other, beside = [], [], []
        for row, (sentence, pair) in enumerate(zip(sentences, pairs, strict=True)):
            words = texts.places(row, sentence.word)
            hints = [texts.places(row, hint)[0] for hint in pair]
            own.append(weights[row][:, :, words, hints])
            other.append(weights[row][:, :, words, hints[::-1]])
            beside.append([hint + 1 == word for hint, word in zip(hints, words, strict=True)])
        return torch.stack(own), torch.stack(other), torch.tensor(beside)

    own, other, beside = looks("two_senses")
    neutral, neutral_other, _ = looks("neutral")
    return Hints(
        own=own,
        other=other,
        neutral=neutral,
        neutral_other=neutral_other,
        one_sense=looks("one_sense")[0],
        beside=beside,
    )
