"""Sentences for the heads of a real model: ambiguous words with hints, adjectives with opposites.

Each sentence comes with controls: the same with hints at one sense, with neutral words in the
hints' places, with a synonym or an unrelated word in place of the opposite.

Builds on: pretrained, data/two_senses.json, data/contrasts.json.
Lacks: what the model's heads make of them (multi_head_minilm, multi_head_context).
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

from transformer_course.device import one_thread
from transformer_course.heads import mean_pooling
from transformer_course.model import TransformerOutput
from transformer_course.pretrained import PretrainedEncoder, load_minilm

FOLDER = Path(__file__).resolve().parents[2] / "data"


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
        TwoSenses(
            word=row["word"],
            template=row["template"],
            two_senses=tuple(row["two_senses"]),
            one_sense=tuple(row["one_sense"]),
            neutral=tuple(row["neutral"]),
        )
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
    with one_thread():
        return encoder.model(
            texts.ids, padding_mask=texts.real, need_weights=True, need_hidden_states=True
        )


@torch.inference_mode()
def sentence_vectors(encoder: PretrainedEncoder, texts: Batch) -> Float[Tensor, "batch d_model"]:
    """Return what MiniLM's users use: the mean of a text's token vectors, at length 1."""
    hidden = encoder.model(texts.ids, padding_mask=texts.real).hidden
    return normalize(mean_pooling(hidden, texts.real), dim=-1)


@cache
def minilm() -> PretrainedEncoder:
    """Load MiniLM once, for all that only read it."""
    return load_minilm()
