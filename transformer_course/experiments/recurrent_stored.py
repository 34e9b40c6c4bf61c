"""Results of longer runs, stored with what made them, and the command that makes them anew.

Lesson 01 trains at distances up to 50 while you wait. What was measured at 100 and 200, with other
initialisations and with another rate, takes minutes and stands in data/recurrent_recall.json.

    python -m transformer_course.experiments.recurrent_stored data/recurrent_recall.json

Builds on: recurrent, recurrent_readers, files.  Lacks: pictures (recurrent_plots).
"""

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.experiments.recurrent import NUM_SEEDS, SET_TO_REMEMBER
from transformer_course.experiments.recurrent_gradients import STARTS, starting_gradients
from transformer_course.experiments.recurrent_readers import (
    LEARNING_RATE,
    MOST_STEPS,
    Distances,
    Initialise,
    Readers,
    recall,
    rotate_by,
    teach,
)
from transformer_course.files import replacing

FILE = Path(__file__).parents[2] / "data" / "recurrent_recall.json"
COMMAND = "python -m transformer_course.experiments.recurrent_stored data/recurrent_recall.json"
FAST_RATE = "RNN, rate 0.01"
RECURRENT_WEIGHTS = (0.5, 0.7, 0.9, 1.0, 1.1, 1.3)
STORED_DISTANCES = (5, 10, 20, 50, 100, 200)


def rotated(recurrent_weight: float) -> str:
    """Return the name under which RNNs are stored that begin with a rotation times a number."""
    return f"RNN, rotation × {recurrent_weight:g}"


RUNS: Mapping[str, tuple[str, Initialise | None, float]] = {
    **{name: (kind, initialise, LEARNING_RATE) for name, (kind, initialise) in STARTS.items()},
    FAST_RATE: ("RNN", None, 1e-2),
    **{rotated(w): ("RNN", rotate_by(w), LEARNING_RATE) for w in RECURRENT_WEIGHTS},
}
"""What is stored: by name, a kind, how its weights begin, and the learning rate."""


@dataclass(frozen=True, kw_only=True)
class StoredRecall:
    """What was measured, and with what.

    Attributes:
        command: Makes the file anew.
        seed: Of weights and batches.
        versions: Of Python, numpy and torch.
        accuracy: By name and distance, one number a model.
    """

    command: str
    seed: int
    versions: Mapping[str, str]
    accuracy: Mapping[str, Mapping[int, Sequence[float]]]

    def mean(self, name: str, distance: int) -> float:
        """Return the mean over models."""
        return mean(self.accuracy[name][distance])


def measure(name: str, distance: int, seed: int = 0) -> list[float]:
    """Train five models at one distance, and ask them at it.

    Args:
        name: A key of `RUNS`.
        distance: From the first letter to the last.
        seed: Of weights and batches.
    """
    kind, initialise, rate = RUNS[name]
    generator = torch.Generator().manual_seed(1_000 * seed + distance)
    readers = Readers(kind, NUM_SEEDS, generator, initialise)
    only = Distances(shortest=distance, longest=distance)
    teach(readers, only, generator, MOST_STEPS, rate)
    return recall(readers, distance, seed)


def write_stored(path: Path, distances: Sequence[int] = STORED_DISTANCES, seed: int = 0) -> None:
    """Measure everything, and write it with what made it."""
    accuracy = {
        name: {distance: measure(name, distance, seed) for distance in distances} for name in RUNS
    }
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__.partition("+")[0],
    }
    stored = {"command": COMMAND, "seed": seed, "versions": versions, "accuracy": accuracy}
    with replacing(path) as aside:
        aside.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


@cache
def read_stored(path: Path = FILE) -> StoredRecall:
    """Read what was measured.

    Raises:
        FileNotFoundError: If the file is not there; says how to make it.
        ValueError: If it lacks a run or a distance.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is not in {path.parent}; run {COMMAND}")
    stored = json.loads(path.read_text(encoding="utf-8"))
    accuracy = {
        name: {int(distance): shares for distance, shares in by_distance.items()}
        for name, by_distance in stored["accuracy"].items()
    }
    lacking = [n for n in RUNS if set(accuracy.get(n, ())) < set(STORED_DISTANCES)]
    if lacking:
        raise ValueError(f"{path.name} lacks {lacking[0]!r} at some distance; run {COMMAND}")
    return StoredRecall(**{**stored, "accuracy": accuracy})


ALIVE, PACED = "LSTM, keep bias 5", SET_TO_REMEMBER


@dataclass(frozen=True, kw_only=True)
class LivingGradient:
    """Two LSTMs whose gradient reaches far back before training, and what they then learn.

    Attributes:
        factor: What is left of the gradient a step, by name.
        recall: Share of first letters named after training at distance 200 alone, by name.
    """

    factor: Mapping[str, float]
    recall: Mapping[str, float]


def living_gradients(seed: int = 0) -> LivingGradient:
    """Measure the factors, and read what is stored of the recall."""
    factor = starting_gradients(seed).factor
    stored = read_stored()
    return LivingGradient(
        factor={name: factor[name] for name in (ALIVE, PACED)},
        recall={name: stored.mean(name, 200) for name in (ALIVE, PACED)},
    )


@claim_of("C1", living_gradients)
def a_living_gradient_is_not_enough(found: LivingGradient) -> Finding:
    """Judge whether the LSTM whose gradient is larger learns less from afar."""
    bounds = (
        above(found.factor[ALIVE], 0.98),
        below(found.recall[ALIVE], 0.4),
        below(found.factor[PACED], 0.985),
        above(found.recall[PACED], 0.6),
    )
    return Finding(
        f"an LSTM with keep bias 5 starts with a gradient of {bounds[0]} a step, and after "
        f"training at 200 alone recalls {bounds[1]} (stored)",
        f"one set to remember for 1 to 200 steps: gradient {bounds[2]} a step, recall "
        f"{bounds[3]} (stored)",
        all(bound.holds for bound in bounds),
    )


def main(arguments: Sequence[str]) -> int:
    """Measure everything and write it to the path that is given."""
    if len(arguments) != 1:
        sys.stderr.write(f"usage: {COMMAND}\n")
        return 2
    write_stored(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
