"""The order task with more seeds than a lesson has time for: a stored result, and how it was made.

`python -m transformer_course.experiments.positional_seeds` trains 60 models in about four minutes
of processor time and writes the file anew.

Builds on: positional_order.  Lacks: a picture; lesson 04 prints the table.
"""

import json
import platform
import statistics
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from transformer_course.experiments.positional_links import change_links
from transformer_course.experiments.positional_order import (
    LENGTHS,
    SCHEMES,
    TRAINING,
    shares_right,
    trained_reader,
)
from transformer_course.files import replacing

FILE = Path(__file__).parents[2] / "data" / "order_by_seed.json"
COMMAND = "python -m transformer_course.experiments.positional_seeds"
NUM_SEEDS = 5
MODELS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"scheme": name} for name in SCHEMES},
    "none, causal": {"scheme": "none", "causal": True},
    "none, causal, 1 layer": {"scheme": "none", "causal": True, "num_layers": 1},
    **{f"{name}, causal": {"scheme": name, "causal": True} for name in SCHEMES if name != "none"},
}
"""What is trained, by the name of its row."""

MASKED = tuple(name for name in MODELS if name not in SCHEMES)
"""The rows that look back only: they are told in a section of their own."""


@dataclass(frozen=True, kw_only=True)
class OrderBySeed:
    """The stored result.

    Attributes:
        command: What wrote it.
        versions: Of Python and torch that it ran on.
        lengths: How many words the questions have.
        num_steps: Optimiser steps of each model.
        right: Shares of right answers by model: a row for each seed, from 0, one share a length.
        links: Shares of right answers of the model "none, causal" at the length of training, a
            mapping for each seed: links of its first layer changed, as `LinksChanged` names them.
    """

    command: str
    versions: Mapping[str, str]
    lengths: Sequence[int]
    num_steps: int
    right: Mapping[str, Sequence[Sequence[float]]]
    links: Sequence[Mapping[str, float]]

    def table(self, names: Collection[str] | None = None) -> str:
        """Write mean and standard deviation over the seeds, a line a model.

        Args:
            names: Of the models to write down; all if None.
        """
        chosen = {n: rows for n, rows in self.right.items() if names is None or n in names}
        width = max(map(len, chosen))
        head = [f"{length} words".rjust(12) for length in self.lengths]
        lines = [" " * width + "".join(head)]
        for name, rows in chosen.items():
            cells = (
                f"{statistics.mean(shares):.2f} ± {statistics.stdev(shares):.2f}".rjust(12)
                for shares in zip(*rows, strict=True)
            )
            lines.append(name.ljust(width) + "".join(cells))
        return "\n".join(lines)


def measure(name: str, seed: int, num_steps: int = TRAINING.num_steps) -> list[float]:
    """Train one model with one seed, and ask it at all lengths."""
    model = trained_reader(seed=seed, num_steps=num_steps, **MODELS[name])
    return [round(share, 4) for share in shares_right(model, seed)]


def measure_links(seed: int, num_steps: int = TRAINING.num_steps) -> dict[str, float]:
    """Train the causal model without positions, and ask it with its first layer changed."""
    model = trained_reader(seed=seed, num_steps=num_steps, **MODELS["none, causal"])
    changed = asdict(change_links(model, seed))
    return {name: round(share, 4) for name, share in changed.items()}


def stored_order(file: Path = FILE) -> OrderBySeed:
    """Read the stored result.

    Raises:
        FileNotFoundError: If there is none; says what to run.
    """
    if not file.exists():
        raise FileNotFoundError(f"{file.name} is missing; run {COMMAND} to measure it anew")
    return OrderBySeed(**json.loads(file.read_text(encoding="utf-8")))


def main(
    file: Path = FILE, *, num_seeds: int = NUM_SEEDS, num_steps: int = TRAINING.num_steps
) -> None:
    """Measure all models with all seeds, and store what came out."""
    seeds = range(num_seeds)
    right = {name: [measure(name, seed, num_steps) for seed in seeds] for name in MODELS}
    result = {
        "command": COMMAND,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "lengths": LENGTHS,
        "num_steps": num_steps,
        "right": right,
        "links": [measure_links(seed, num_steps) for seed in seeds],
    }
    with replacing(file) as aside:
        aside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(stored_order(file).table() + "\n")


if __name__ == "__main__":
    main()
