"""Claim C11, images: a transformer reads a digit of 8 × 8 pixels as a sentence of 16 patches.

A patch of 2 × 2 pixels of 17 greys is one of 83,521 "words", too many to look up: its vector is
its four pixels times a matrix. All else is the course's `Transformer`, an encoder with a
classification head. Beside it stand the same model without positions, and models without attention.

Source: Dosovitskiy et al. 2021, section 3.1 (patches as tokens); the images are those of
scikit-learn's `load_digits`, from Alpaydin and Kaynak 1998 (UCI).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from torch import Tensor, nn

from transformer_course.config import TransformerConfig
from transformer_course.model import Transformer
from transformer_course.training import Batch, TrainingConfig

SIDE, PATCH, NUM_GREYS, NUM_CLASSES = 8, 2, 17, 10
NUM_PATCHES = (SIDE // PATCH) ** 2
NUM_WORDS = NUM_GREYS ** (PATCH * PATCH)
NUM_TEST = 360
"""Of 1,797 images; the rest is trained on."""

TRAINING = TrainingConfig(
    num_steps=300, batch_size=64, learning_rate=5e-3, weight_decay=0.1, warmup_steps=20
)


@dataclass(frozen=True)
class Digits:
    """Images as sentences of 16 words, with the digits that they show."""

    words: Int[Tensor, "image patch"]
    labels: Int[Tensor, " image"]

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw images at random."""
        chosen = torch.randint(len(self.labels), (batch_size,), generator=generator)
        return Batch(self.words[chosen], self.labels[chosen])


@cache
def read_digits() -> tuple[Digits, Digits]:
    """Return 1,437 images to train on and 360 others, the same for every seed."""
    pixels, labels = load_digits(return_X_y=True)
    words = words_of(torch.tensor(pixels).long().unflatten(1, (SIDE, SIDE)))
    order = torch.randperm(len(words), generator=torch.Generator().manual_seed(0))
    train, test = order[:-NUM_TEST], order[-NUM_TEST:]
    targets = torch.tensor(labels).long()
    return Digits(words[train], targets[train]), Digits(words[test], targets[test])


def words_of(images: Int[Tensor, "image side side"]) -> Int[Tensor, "image patch"]:
    """Number each patch of 2 × 2 pixels by its greys, row by row: 0 is white all over.

    Raises:
        ValueError: If a pixel is not a grey from 0 to 16.
    """
    low, high = int(images.min()), int(images.max())
    if low < 0 or high >= NUM_GREYS:
        raise ValueError(
            f"pixels from {low} to {high}, expected 0 to {NUM_GREYS - 1}; scale the images"
        )
    patches = images.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).flatten(3).flatten(1, 2)
    return (patches * NUM_GREYS ** torch.arange(PATCH * PATCH)).sum(-1)


def pixels_of(words: Int[Tensor, "image patch"]) -> Float[Tensor, "image patch pixel"]:
    """Return the greys of each patch, from 0 to 1: what `words_of` has numbered."""
    places = NUM_GREYS ** torch.arange(PATCH * PATCH)
    return (words[..., None] // places % NUM_GREYS) / (NUM_GREYS - 1)


class PatchEmbedding(nn.Module):
    """The vector of a patch: its pixels times a matrix, in place of a row that is looked up."""

    def __init__(self, vocab_size: int, d_model: int) -> None:
        super().__init__()
        if vocab_size != NUM_WORDS:
            raise ValueError(f"vocab_size={vocab_size}, but there are {NUM_WORDS} patches")
        self.projection = nn.Linear(PATCH * PATCH, d_model)

    @property
    def weight(self) -> Tensor:
        """The matrix, as other embeddings have it."""
        return self.projection.weight

    def forward(self, ids: Int[Tensor, "image patch"]) -> Float[Tensor, "image patch d_model"]:
        """Return one vector a patch."""
        return self.projection(pixels_of(ids))


def build_digit_reader(
    generator: torch.Generator, position: str = "learned", parts: Mapping[str, Any] | None = None
) -> Transformer:
    """Build an encoder of two layers with four heads and ten classes, untrained."""
    config = TransformerConfig(
        vocab_size=NUM_WORDS,
        context_length=NUM_PATCHES,
        d_model=64,
        num_layers=2,
        num_heads=4,
        d_feed_forward=128,
        architecture="encoder",
        position=position,
        head="classification",
        num_classes=NUM_CLASSES,
        initialisation="silent",
    )
    own = {"embedding": PatchEmbedding, **(parts or {})}
    return Transformer(config, parts=own, generator=generator)
