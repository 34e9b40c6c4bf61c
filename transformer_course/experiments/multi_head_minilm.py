"""The bank sentence in a real model: two heads that are usually promised, and what is found.

A head that tells the two banks apart by "river" and "financial", and one that sets "crowded"
against "empty": both are looked for among the 72 heads of MiniLM on half of some fifty sentences,
and judged on the other half, beside sentences in which there is nothing to find.

Source: the sentences are this course's own (data/README.md); Michel et al. 2019, section 2.3, for
going without a head; Clark et al. 2019, section 4, for heads that follow one relation.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from transformer_course.experiments.fitting import one_thread
from transformer_course.experiments.multi_head_scores import (
    SilenceFunction,
    best,
    without_heads,
)
from transformer_course.heads import mean_pooling
from transformer_course.model import TransformerOutput
from transformer_course.multi_head import silence_head
from transformer_course.pretrained import PretrainedEncoder, load_minilm

FOLDER = Path(__file__).resolve().parents[2] / "data"
NEAR = "The {hint} {word} was near."
"""Puts a word at the same place behind any hint, so that its first vector is the same, too."""


@dataclass(frozen=True, kw_only=True)
class TwoSenses:
    """A sentence in which an ambiguous word stands twice, each time with a hint.

    Attributes:
        word: The ambiguous word.
        template: The sentence, with gaps {a} and {b} for the hints.
        two_senses: Hints at different senses.
        one_sense: Hints at one and the same sense.
        neutral: Words that hint at nothing, in the hints' places.
    """

    word: str
    template: str
    two_senses: tuple[str, str]
    one_sense: tuple[str, str]
    neutral: tuple[str, str]

    def text(self, hints: tuple[str, str]) -> str:
        """Return the sentence with two words in its gaps."""
        return self.template.format(a=hints[0], b=hints[1])


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A sentence of two halves, each with an adjective.

    Attributes:
        template: The sentence, with gaps {first}, {link} and {second}.
        first: The first adjective.
        opposite: A second that is its opposite,
        alike: one that is much like it,
        unrelated: and one of another kind.
    """

    template: str
    first: str
    opposite: str
    alike: str
    unrelated: str

    def text(self, second: str, link: str) -> str:
        """Return the sentence with this second adjective, and "but" or "and" between the halves."""
        return self.template.format(first=self.first, link=link, second=second)


def two_senses() -> tuple[TwoSenses, ...]:
    """Read the sentences with ambiguous words; the first is about the banks."""
    return tuple(
        TwoSenses(**{name: tuple(v) if isinstance(v, list) else v for name, v in row.items()})
        for row in _rows("two_senses.json")
    )


def contrasts() -> tuple[Contrast, ...]:
    """Read the sentences with two adjectives; the first is about the banks."""
    return tuple(Contrast(**row) for row in _rows("contrasts.json"))


def _rows(name: str) -> Sequence[Mapping[str, Any]]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))["sentences"]


BANKS = two_senses()[0].text(two_senses()[0].two_senses)
"""The bank sentence."""


@dataclass(frozen=True)
class Batch:
    """Several texts as one batch.

    Attributes:
        tokens: Of each text.
        ids: Padded at the end.
        real: True where a token is none of padding.
    """

    tokens: tuple[tuple[str, ...], ...]
    ids: Int[Tensor, "batch length"]
    real: Bool[Tensor, "batch length"]

    def places(self, row: int, word: str) -> list[int]:
        """Return where a word stands in a text.

        Raises:
            ValueError: If it does not, as one token.
        """
        found = [place for place, token in enumerate(self.tokens[row]) if token == word]
        if not found:
            raise ValueError(
                f"{word!r} is no token of {' '.join(self.tokens[row])!r}; take a word that the "
                "tokenizer leaves whole"
            )
        return found


def batch(encoder: PretrainedEncoder, texts: Sequence[str]) -> Batch:
    """Tokenize texts, and pad them to one length."""
    encoded = [encoder.tokenizer.encode(text) for text in texts]
    length = max(len(one.ids) for one in encoded)
    ids = torch.tensor([one.ids + [0] * (length - len(one.ids)) for one in encoded])
    counts = torch.tensor([len(one.ids) for one in encoded])
    return Batch(
        tuple(tuple(one.tokens) for one in encoded), ids, torch.arange(length) < counts[:, None]
    )


@torch.inference_mode()
def read(encoder: PretrainedEncoder, texts: Batch) -> TransformerOutput:
    """Have the model read a batch; return its vectors and weights of every layer."""
    return encoder.model(
        texts.ids, padding_mask=texts.real, need_weights=True, need_hidden_states=True
    )


@torch.inference_mode()
def sentence_vectors(encoder: PretrainedEncoder, texts: Batch) -> Float[Tensor, "batch d_model"]:
    """Return what MiniLM's users use: the mean of a text's token vectors, at length 1."""
    hidden = encoder.model(texts.ids, padding_mask=texts.real).hidden
    return normalize(mean_pooling(hidden, texts.real), dim=-1)


HintWeights = Float[Tensor, "sentence layer head word"]


@dataclass(frozen=True, kw_only=True)
class Hints:
    """How much each head looks from an ambiguous word to hints, at both of its places.

    Attributes:
        own: To the hint at its own sense, in sentences with two senses.
        other: To the hint at the other sense, in the same sentences.
        neutral: To a neutral word in the place of its own hint.
        one_sense: To its own hint, where both words have one sense.
    """

    own: HintWeights
    other: HintWeights
    neutral: HintWeights
    one_sense: HintWeights

    def halves(self) -> tuple["Hints", "Hints"]:
        """Return the sentences to search in, the first half, and those to judge by."""
        middle = len(self.own) // 2
        parts = vars(self).items()
        return (
            Hints(**{name: numbers[:middle] for name, numbers in parts}),
            Hints(**{name: numbers[middle:] for name, numbers in parts}),
        )


def hint_weights(encoder: PretrainedEncoder) -> Hints:
    """Read every sentence with its hints, with hints at one sense, and with neutral words."""
    sentences = two_senses()

    def looks(kind: str) -> tuple[HintWeights, HintWeights]:
        pairs = [getattr(sentence, kind) for sentence in sentences]
        texts = batch(encoder, [s.text(pair) for s, pair in zip(sentences, pairs, strict=True)])
        weights = torch.stack(read(encoder, texts).attention_weights, dim=1)
        own, other = [], []
        for row, (sentence, pair) in enumerate(zip(sentences, pairs, strict=True)):
            words = texts.places(row, sentence.word)
            hints = [texts.places(row, hint)[0] for hint in pair]
            own.append(weights[row][:, :, words, hints])
            other.append(weights[row][:, :, words, hints[::-1]])
        return torch.stack(own), torch.stack(other)

    own, other = looks("two_senses")
    return Hints(own=own, other=other, neutral=looks("neutral")[0], one_sense=looks("one_sense")[0])


ContrastWeights = Float[Tensor, "sentence layer head"]


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """How much each head looks from a sentence's second adjective to its first.

    Attributes:
        opposite: Where the two are opposites, with "but" between the halves,
        with_and: and with "and".
        alike: Where they mean much the same.
        unrelated: Where they are of different kinds.
    """

    opposite: ContrastWeights
    with_and: ContrastWeights
    alike: ContrastWeights
    unrelated: ContrastWeights

    def halves(self) -> tuple["Contrasts", "Contrasts"]:
        """Return the sentences to search in, the first half, and those to judge by."""
        middle = len(self.opposite) // 2
        parts = vars(self).items()
        return (
            Contrasts(**{name: numbers[:middle] for name, numbers in parts}),
            Contrasts(**{name: numbers[middle:] for name, numbers in parts}),
        )


def contrast_weights(encoder: PretrainedEncoder) -> Contrasts:
    """Read every sentence with an opposite, with "and", with a synonym, and with another word."""
    sentences = contrasts()

    def looks(kind: str, link: str) -> ContrastWeights:
        seconds = [getattr(sentence, kind) for sentence in sentences]
        texts = batch(
            encoder, [s.text(second, link) for s, second in zip(sentences, seconds, strict=True)]
        )
        weights = torch.stack(read(encoder, texts).attention_weights, dim=1)
        return torch.stack(
            [
                weights[row, :, :, texts.places(row, second)[-1], texts.places(row, s.first)[0]]
                for row, (s, second) in enumerate(zip(sentences, seconds, strict=True))
            ]
        )

    return Contrasts(
        opposite=looks("opposite", "but"),
        with_and=looks("opposite", "and"),
        alike=looks("alike", "and"),
        unrelated=looks("unrelated", "and"),
    )


@torch.inference_mode()
def sentence_changes(
    encoder: PretrainedEncoder, texts: Batch, silence: SilenceFunction = silence_head
) -> Float[Tensor, "layer head"]:
    """Return how far each text's vector turns without each head: 1 − cosine, the mean over texts.

    The layers below the head are computed once: nothing in them changes.
    """
    model = encoder.model
    states = read(encoder, texts).hidden_states
    whole = normalize(mean_pooling(states[-1], texts.real), dim=-1)
    blocks: Any = model.get_submodule("encoder.blocks")
    changes = torch.zeros(len(blocks), model.config.num_heads)
    for layer, head in torch.cartesian_prod(*map(torch.arange, changes.shape)).tolist():
        hidden = states[layer]
        with without_heads(model, [(layer, head)], silence):
            for block in blocks[layer:]:
                hidden, _, _ = block(hidden, key_mask=texts.real)
        vectors = normalize(mean_pooling(hidden, texts.real), dim=-1)
        changes[layer, head] = 1 - (vectors * whole).sum(-1).mean()
    return changes


@dataclass(frozen=True, kw_only=True)
class PromisedHeads:
    """What the search for two promised heads came to, each judged on sentences not searched in.

    Attributes:
        hints: Weights from ambiguous words to hints.
        contrasts: Weights from one adjective to another.
        changes: How far sentence vectors turn without each head.
        apart: The head that looks most from a word to its own hint rather than to the other.
        opposed: The head that looks most at an opposite rather than at an unrelated word.
    """

    hints: Hints
    contrasts: Contrasts
    changes: Float[Tensor, "layer head"]
    apart: tuple[int, int]
    opposed: tuple[int, int]


@cache
def minilm() -> PretrainedEncoder:
    """Load MiniLM once, for all that only read it."""
    return load_minilm()


def search_heads(seed: int = 0, encoder: PretrainedEncoder | None = None) -> PromisedHeads:  # noqa: ARG001 (nothing is drawn)
    """Look for both heads in the first half of the sentences, and take the weights of the second.

    The head for hints is sought among those that do not simply look one place back or ahead: it
    has to gain by the hint over a neutral word in its place.
    """
    encoder = minilm() if encoder is None else encoder
    searched_hints, judged_hints = hint_weights(encoder).halves()
    searched_contrasts, judged_contrasts = contrast_weights(encoder).halves()
    gain = searched_hints.own - torch.maximum(searched_hints.other, searched_hints.neutral)
    opposition = searched_contrasts.opposite - searched_contrasts.unrelated
    texts = batch(encoder, [one.text(one.two_senses) for one in two_senses()])
    with one_thread():
        changes = sentence_changes(encoder, texts)
    return PromisedHeads(
        hints=judged_hints,
        contrasts=judged_contrasts,
        changes=changes,
        apart=best(gain.mean((0, 3))),
        opposed=best(opposition.mean(0)),
    )
