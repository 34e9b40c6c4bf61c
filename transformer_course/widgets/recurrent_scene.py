"""What the memory explorer shows: gradients computed at once, recall that was stored.

Builds on: recurrent_readers, recurrent_stored.  Lacks: pictures and controls.
"""

from dataclasses import dataclass
from functools import cache

import torch

from transformer_course.experiments.recurrent_gradients import letter_gradients
from transformer_course.experiments.recurrent_readers import (
    CHANCE,
    Readers,
    rotate_by,
    sample_letters,
)
from transformer_course.experiments.recurrent_stored import (
    RECURRENT_WEIGHTS,
    STORED_DISTANCES,
    read_stored,
    rotated,
)

NUM_MODELS = 3
NUM_SEQUENCES = 8


@dataclass(frozen=True, kw_only=True)
class MemoryScene:
    """One recurrent weight and one distance, and what they make of an RNN.

    Attributes:
        weight: The RNN begins with a rotation times this number.
        distance: Of the letter that is to be named.
        on_paper: What a memory of one number leaves after 0, 1, 2 … steps.
        gradient: The same of the gradient in untrained RNNs, as a share of that at distance 0.
        recall: Share of first letters named by RNNs trained at one distance, one number a model.
    """

    weight: float
    distance: int
    on_paper: tuple[float, ...]
    gradient: tuple[float, ...]
    recall: dict[int, tuple[float, ...]]

    @property
    def mean_recall(self) -> float:
        """The mean over models at the chosen distance."""
        shares = self.recall[self.distance]
        return sum(shares) / len(shares)


@cache
def gradient_shares(weight: float) -> tuple[float, ...]:
    """Measure gradients by distance in three untrained RNNs, as shares of that at distance 0."""
    generator = torch.Generator().manual_seed(0)
    readers = Readers("RNN", NUM_MODELS, generator, rotate_by(weight)).double()
    ids = sample_letters((NUM_MODELS, NUM_SEQUENCES), max(STORED_DISTANCES), generator)
    curve = letter_gradients(readers, ids)
    return tuple((curve / curve[0]).tolist())


def remember(weight: float, distance: int) -> MemoryScene:
    """Compute what there is to see.

    Raises:
        ValueError: If nothing is stored for the weight or the distance.
    """
    if weight not in RECURRENT_WEIGHTS or distance not in STORED_DISTANCES:
        raise ValueError(
            f"no recall is stored for weight {weight} and distance {distance}; choose a weight of "
            f"{list(RECURRENT_WEIGHTS)} and a distance of {list(STORED_DISTANCES)}"
        )
    stored = read_stored().accuracy[rotated(weight)]
    return MemoryScene(
        weight=weight,
        distance=distance,
        on_paper=tuple(weight**step for step in range(max(STORED_DISTANCES) + 1)),
        gradient=gradient_shares(weight),
        recall={one: tuple(stored[one]) for one in STORED_DISTANCES},
    )


def describe(scene: MemoryScene) -> str:
    """Say in a sentence or two what there is to see."""
    paper, measured = scene.on_paper[scene.distance], scene.gradient[scene.distance]
    shares = scene.recall[scene.distance]
    learned = sum(share > 0.9 for share in shares)
    return (
        f"Recurrent weight {scene.weight:g}, distance {scene.distance}: on paper "
        f"{in_words(paper)} is left of a gradient of 1, in an RNN with tanh "
        f"{in_words(measured)}. Of {len(shares)} such RNNs trained at this distance alone, "
        f"{learned or 'none'} learned it; their mean recall is "
        f"{scene.mean_recall:.2f} (chance {CHANCE:g})."
    )


def in_words(number: float) -> str:
    """Write a share so that it can be read: plainly, or as a power of ten."""
    if number >= 0.001:
        return f"{number:,.3g}" if number < 1_000 else f"{number:,.0f}"
    mantissa, _, exponent = f"{number:.0e}".partition("e")
    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return "0" if number == 0 else f"{mantissa} · 10{str(int(exponent)).translate(digits)}"
