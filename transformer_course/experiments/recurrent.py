"""Lesson 01's claim C1: who recalls the first letter, by distance, and by what it was trained on.

Four kinds of small models of like size learn to name the first letter of a sequence at its end.
Trained at one long distance only, most stay at chance; trained on mixed distances, or set to
remember before training, they succeed at the same distance. Beside it stands the gradient that an
untrained model starts with.

Source: Hochreiter and Schmidhuber 1997, section 5; Bengio et al. 1994, section II (the task).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

import torch

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.experiments.fitting import count_parameters
from transformer_course.experiments.recurrent_readers import (
    CHANCE,
    MOST_STEPS,
    WIDTHS,
    Distances,
    Initialise,
    Readers,
    chrono,
    recall,
    teach,
)

DISTANCES = (5, 10, 20, 50)
NUM_SEEDS = 5
FAR = 50
SET_TO_REMEMBER = "LSTM, set to remember"
KINDS: Mapping[str, tuple[str, Initialise | None]] = {
    **{kind: (kind, None) for kind in WIDTHS},
    SET_TO_REMEMBER: ("LSTM", chrono),
}
"""What is compared: a kind, and how its weights begin."""


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Share of first letters named, one bank of models a distance.

    Attributes:
        distances: From the first letter to the last.
        accuracy: By name of a kind and distance, one number a seed.
        num_parameters: Of one model, by name.
    """

    distances: Sequence[int]
    accuracy: Mapping[str, Mapping[int, Sequence[float]]]
    num_parameters: Mapping[str, int] = field(default_factory=dict)

    def mean(self, name: str, distance: int) -> float:
        """Return the mean over seeds."""
        return mean(self.accuracy[name][distance])


def recall_by_distance(
    seed: int = 0,
    *,
    distances: Sequence[int] = DISTANCES,
    names: Sequence[str] = tuple(KINDS),
    num_models: int = NUM_SEEDS,
    num_steps: int = MOST_STEPS,
) -> Recall:
    """Train one bank of models for each kind and each distance, and ask it at that distance.

    Args:
        seed: Of weights and batches.
        distances: Those to train at, each by itself.
        names: Keys of `KINDS`.
        num_models: Models a bank.
        num_steps: The most optimiser steps that each gets.
    """
    accuracy: dict[str, dict[int, list[float]]] = {}
    for name in names:
        accuracy[name] = {}
        for distance in distances:
            kind, initialise = KINDS[name]
            generator = torch.Generator().manual_seed(1_000 * seed + distance)
            readers = Readers(kind, num_models, generator, initialise)
            only = Distances(shortest=distance, longest=distance)
            teach(readers, only, generator, num_steps)
            accuracy[name][distance] = recall(readers, distance, seed)
    sizes = {name: count_parameters(Readers(KINDS[name][0], None, _any())) for name in names}
    return Recall(distances=tuple(distances), accuracy=accuracy, num_parameters=sizes)


def _any() -> torch.Generator:
    return torch.Generator()


@claim_of("C1", recall_by_distance)
def far_alone_is_not_learned(found: Recall) -> Finding:
    """Judge whether RNN and LSTM learn the near and not the far, and attention both."""
    near = min(found.mean(name, found.distances[0]) for name in WIDTHS)
    gated = max(found.mean(name, FAR) for name in ("RNN", "GRU", "LSTM"))
    sizes = [found.num_parameters[name] for name in WIDTHS]
    bounds = (
        above(near, 0.9),
        below(gated, 0.4),
        above(found.mean("attention", FAR), 0.9),
        above(found.mean(SET_TO_REMEMBER, FAR), 0.9),
        below(max(sizes) / min(sizes), 1.2),
    )
    return Finding(
        f"trained at one distance only: at 5 all four recall {bounds[0]}, at {FAR} RNN, GRU and "
        f"LSTM {bounds[1]} (chance {CHANCE:g})",
        f"at {FAR} attention recalls {bounds[2]}, an LSTM set to remember {bounds[3]}; sizes "
        f"differ by a factor {bounds[4]}",
        all(bound.holds for bound in bounds),
    )


MIXED = Distances(shortest=1, longest=100)
WITHOUT_NEAR = Distances(shortest=20, longest=100)
MIXED_KINDS = ("RNN", "LSTM", "attention")
ASKED = (5, 20, 50, 100, 200)


@dataclass(frozen=True, kw_only=True)
class MixedRecall:
    """Share of first letters named by models that were trained on distances of 1 to 100.

    Attributes:
        distances: Those that they are asked at; the last is twice the longest of training.
        accuracy: By kind and distance, one number a seed.
        readers: The banks themselves, by kind.
        without_near: Those of RNNs that were trained on distances of 20 to 100, by distance.
        untrained: Those of untrained RNNs, by distance.
    """

    distances: Sequence[int]
    accuracy: Mapping[str, Mapping[int, Sequence[float]]]
    without_near: Mapping[int, Sequence[float]]
    untrained: Mapping[int, Sequence[float]]
    readers: Mapping[str, Readers] = field(default_factory=dict)

    def mean(self, name: str, distance: int) -> float:
        """Return the mean over seeds."""
        return mean(self.accuracy[name][distance])


def recall_after_mixed(
    seed: int = 0, *, num_models: int = NUM_SEEDS, num_steps: int = MOST_STEPS
) -> MixedRecall:
    """Train one bank of each kind on distances of 1 to 100, plain initialisation.

    A bank of RNNs gets the same without the near ones, from the same start and in as many steps.

    Args:
        seed: Of weights and batches.
        num_models: Models a bank.
        num_steps: The most optimiser steps that each gets.
    """

    def taught(kind: str, distances: Distances) -> Readers:
        generator = torch.Generator().manual_seed(1_000 * seed + 7)
        readers = Readers(kind, num_models, generator)
        teach(readers, distances, generator, num_steps)
        return readers

    def asked(readers: Readers) -> dict[int, list[float]]:
        return {distance: recall(readers, distance, seed) for distance in ASKED}

    banks = {kind: taught(kind, MIXED) for kind in MIXED_KINDS}
    return MixedRecall(
        distances=ASKED,
        accuracy={kind: asked(readers) for kind, readers in banks.items()},
        without_near=asked(taught("RNN", WITHOUT_NEAR)),
        untrained=asked(Readers("RNN", num_models, torch.Generator().manual_seed(seed))),
        readers=banks,
    )


@claim_of("C1", recall_after_mixed)
def mixed_distances_are_learned(found: MixedRecall) -> Finding:
    """Judge whether the same models recall from afar once near distances are among the lessons."""
    rnn, lstm, attention = (
        min(found.mean(kind, distance) for distance in found.distances) for kind in MIXED_KINDS
    )
    bounds = (
        above(rnn, 0.9),
        above(lstm, 0.9),
        above(attention, 0.9),
        *(
            below(max(mean(shares) for shares in control.values()), 0.4)
            for control in (found.without_near, found.untrained)
        ),
    )
    return Finding(
        f"trained on distances 1 to 100, mixed: asked at 5 to 200, RNN {bounds[0]}, LSTM "
        f"{bounds[1]}, attention {bounds[2]}",
        f"RNNs trained on {WITHOUT_NEAR.shortest} to {WITHOUT_NEAR.longest}, mixed, {bounds[3]}; "
        f"untrained {bounds[4]} (chance {CHANCE:g})",
        all(bound.holds for bound in bounds),
    )
