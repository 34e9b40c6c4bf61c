"""Models without attention that stand beside the transformer: a hidden layer, none, or a GRU.

All take the ids that the transformer takes and give logits of the shape that it gives.

Source: Bengio et al. 2003 (a window of words and a hidden layer); Cho et al. 2014 (GRU).
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from transformer_course.experiments.fitting import Answer
from transformer_course.experiments.heads_digits import pixels_of
from transformer_course.heads import mean_pooling


class Places(nn.Module):
    """A row for each token at each place, added up: a one-hot vector times a matrix."""

    def __init__(self, length: int, vocab_size: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(length * vocab_size, width)
        nn.init.normal_(self.table.weight, std=length**-0.5)
        self.vocab_size = vocab_size

    def forward(self, ids: Int[Tensor, "*batch length"]) -> Float[Tensor, "*batch width"]:
        """Return one vector for all places."""
        return self.table(ids + self.vocab_size * torch.arange(ids.shape[-1])).sum(-2)


class Window(nn.Module):
    """The same for the last few tokens before each target, whatever came earlier."""

    def __init__(self, length: int, vocab_size: int, width: int) -> None:
        super().__init__()
        self.length = length
        self.places = Places(length, vocab_size, width)

    def forward(self, ids: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return one vector a position."""
        return self.places(nn.functional.pad(ids, (self.length - 1, 0)).unfold(1, self.length, 1))


class Bag(nn.Module):
    """A row for each token, averaged over the real ones, wherever they stand."""

    def __init__(self, vocab_size: int, width: int, padding_id: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(vocab_size, width, mode="mean", padding_idx=padding_id)

    def forward(self, ids: Int[Tensor, "batch length"]) -> Float[Tensor, "batch width"]:
        """Return one vector a text."""
        return self.table(ids)


class Pixels(nn.Module):
    """The pixels of an image times a matrix."""

    def __init__(self, num_pixels: int, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(num_pixels, width)

    def forward(self, ids: Int[Tensor, "image patch"]) -> Float[Tensor, "image width"]:
        """Return one vector an image."""
        return self.projection(pixels_of(ids).flatten(1))


class WithoutAttention(nn.Module):
    """One matrix after another, with a bend between them (MLP) or without (linear).

    Args:
        front: Turns ids into vectors of some width.
        width: That width.
        outputs: Shape of the logits behind the front's axes: (classes,) or (places, classes).
        bend: Whether GELU stands between the two matrices.
        start: Zeros in front of the places that are scored, where the transformer scores more.
    """

    def __init__(
        self, front: nn.Module, width: int, outputs: Sequence[int], *, bend: bool, start: int = 0
    ) -> None:
        super().__init__()
        self.front = front
        self.bend = nn.GELU() if bend else nn.Identity()
        self.last = nn.Linear(width, math.prod(outputs))
        self.outputs = tuple(outputs)
        self.start = start

    def forward(self, ids: Int[Tensor, "batch length"]) -> Answer:
        """Score the outputs."""
        logits = self.last(self.bend(self.front(ids))).unflatten(-1, self.outputs)
        return Answer(nn.functional.pad(logits, (0, 0, self.start, 0)) if self.start else logits)


class Recurrent(nn.Module):
    """A GRU that reads from left to right, or both ways.

    Args:
        embedding: Turns ids into vectors.
        width: Of these, and of the state.
        num_classes: Number of scores.
        both_ways: Whether a second one reads from right to left.
        averages: Whether one answer is asked for, from the mean state, instead of one a place.
        padding_id: The token that does not count in that mean.
    """

    def __init__(
        self,
        embedding: nn.Module,
        width: int,
        num_classes: int,
        *,
        both_ways: bool,
        averages: bool = False,
        padding_id: int = -1,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.recurrent = nn.GRU(width, width, batch_first=True, bidirectional=both_ways)
        self.head = nn.Linear(2 * width if both_ways else width, num_classes)
        self.averages = averages
        self.padding_id = padding_id

    def forward(self, ids: Int[Tensor, "batch length"]) -> Answer:
        """Score the classes."""
        states = self.recurrent(self.embedding(ids))[0]
        if self.averages:
            states = mean_pooling(states, ids != self.padding_id)
        return Answer(self.head(states))
