"""Claim C11 in a table: one model class and five tasks, each beside simpler models.

Every model of a task is trained on as many batches. Transformers have the rate that their own
module chose, all others one rate; nothing else was tuned. It takes minutes, so what was measured
stands in data/five_tasks.json; lesson 07 repeats one task.

    python -m transformer_course.experiments.heads_tasks data/five_tasks.json

Builds on: heads_task_list, fitting, files.  Lacks: pictures (heads_plots).
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.experiments.fitting import count_parameters, fit
from transformer_course.experiments.heads_task_list import (
    GRU,
    LINEAR,
    MLP,
    MODELS,
    NO_POSITIONS,
    TASKS,
    TRANSFORMER,
    Task,
    digits_task,
)
from transformer_course.experiments.versions import versions
from transformer_course.files import replacing

FILE = Path(__file__).parents[2] / "data" / "five_tasks.json"
COMMAND = "python -m transformer_course.experiments.heads_tasks data/five_tasks.json"
PLAIN_RATE = 1e-2
"""Of all models that are no transformers."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model on one task.

    Attributes:
        score: Share right; for Shakespeare bits a character, where less is better.
        num_parameters: Numbers that training changed.
        seconds: Processor time of the training.
    """

    score: float
    num_parameters: int
    seconds: float


def measure(task: Task, name: str, seed: int = 0, num_steps: int | None = None) -> Row:
    """Train one model for a task, and measure it.

    Args:
        task: What to learn.
        name: One of `MODELS`.
        seed: Of weights and batches.
        num_steps: In place of the task's own.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # what is no transformer draws its weights from here
        model = task.models[name](generator)
    steps = task.training.num_steps if num_steps is None else num_steps
    rate = task.training.learning_rate if name in (TRANSFORMER, NO_POSITIONS) else PLAIN_RATE
    training = replace(
        task.training,
        num_steps=steps,
        learning_rate=rate,
        warmup_steps=min(task.training.warmup_steps, steps),
    )
    start = time.process_time()
    fit(model, task.sample, training, generator)
    seconds = time.process_time() - start
    with torch.inference_mode():
        score = task.score(model)
    return Row(score=score, num_parameters=count_parameters(model), seconds=round(seconds, 2))


@dataclass(frozen=True, kw_only=True)
class FiveTasks:
    """What was measured, and with what.

    Attributes:
        command: Makes the file anew.
        seed: Of weights and batches.
        versions: Of what computed it.
        rows: By task and model.
    """

    command: str
    seed: int
    versions: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Row]]


Rows = Mapping[str, Row]
"""Of one task, by model."""


def digits_measured(
    seed: int = 0, num_steps: int | None = None, parts: Mapping[str, Any] | None = None
) -> Rows:
    """Train three of the models that read digits: with positions, without, and no transformer.

    Args:
        seed: Of weights and batches.
        num_steps: In place of 300.
        parts: Replacements in the transformers, as `Transformer` takes them.
    """
    task = digits_task(parts)
    return {name: measure(task, name, seed, num_steps) for name in (TRANSFORMER, NO_POSITIONS, MLP)}


@claim_of("C11", digits_measured)
def digits_are_read_patch_by_patch(rows: Rows) -> Finding:
    """Judge whether a transformer reads images, and whether it took one to read these."""
    reader, unordered, plain = (rows[name] for name in (TRANSFORMER, NO_POSITIONS, MLP))
    bounds = (
        above(reader.score, 0.93),
        below(unordered.score, 0.8),
        below(abs(reader.score - plain.score), 0.04),
        below(plain.seconds / max(reader.seconds, 0.01), 0.4),
    )
    return Finding(
        f"unseen digits of 8 × 8 pixels, read as 16 patches: right {bounds[0]}",
        f"no positions: {bounds[1]}; two matrices without attention: a tie (difference "
        f"{bounds[2]}) in {bounds[3]} of the time",
        all(bound.holds for bound in bounds),
    )


def write_tasks(path: Path, seed: int = 0) -> None:
    """Train every model for every task, and write the table with what made it."""
    rows = {}
    for task_name, build in TASKS.items():
        task = build()
        rows[task_name] = {name: asdict(measure(task, name, seed)) for name in MODELS}
    stored = {
        "command": COMMAND,
        "seed": seed,
        "versions": versions("numpy", "scikit-learn", "torch"),
        "rows": rows,
    }
    with replacing(path) as aside:
        aside.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


@cache
def read_tasks(path: Path = FILE) -> FiveTasks:
    """Read the table.

    Raises:
        FileNotFoundError: If the file is not there; says how to make it.
        ValueError: If a task or a model is missing.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is not in {path.parent}; run {COMMAND}")
    stored = json.loads(path.read_text(encoding="utf-8"))
    for task in TASKS:
        if set(stored["rows"].get(task, ())) != set(MODELS):
            raise ValueError(f"{path.name} lacks a model of {task!r}; run {COMMAND}")
    rows = {
        task: {name: Row(**row) for name, row in by_model.items()}
        for task, by_model in stored["rows"].items()
    }
    return FiveTasks(**{**stored, "rows": rows})


def stored_tasks(seed: int = 0) -> FiveTasks:  # noqa: ARG001
    """Return the table that is stored; its seed is in it."""
    return read_tasks()


def _behind(task: str, scores: Mapping[str, float], name: str) -> float:
    """Return how far a model is from the best of a row; in Shakespeare's, less is better."""
    if task == "Shakespeare":
        return scores[name] - min(scores.values())
    return max(scores.values()) - scores[name]


@claim_of("C11", stored_tasks)
def one_class_learns_five_tasks(tasks: FiveTasks) -> Finding:
    """Judge whether one class learns all five, and where something simpler does as well."""
    score = {
        task: {name: row.score for name, row in rows.items()} for task, rows in tasks.rows.items()
    }
    behind = {
        name: max(_behind(task, rows, name) for task, rows in score.items()) for name in MODELS
    }
    bounds = (
        below(score["Shakespeare"][TRANSFORMER], 2.7),
        above(score["genre"][TRANSFORMER], 0.42),
        above(score["reverse"][TRANSFORMER], 0.98),
        above(score["addition"][TRANSFORMER], 0.9),
        above(score["digits"][TRANSFORMER], 0.93),
        below(max(score[task][NO_POSITIONS] for task in ("reverse", "addition")), 0.1),
        below(score["reverse"][GRU], 0.1),
        below(max(score["addition"][name] for name in (MLP, LINEAR)), 0.9),
        below(score["Shakespeare"][GRU] - score["Shakespeare"][TRANSFORMER], 0.05),
        above(score["reverse"][LINEAR], 0.98),
        above(score["digits"][MLP], 0.93),
        above(score["genre"][MLP] - score["genre"][TRANSFORMER], 0.0),
        below(score["genre"][LINEAR], 0.41),
        below(behind[TRANSFORMER], 0.05),
        above(min(behind[name] for name in MODELS if name != TRANSFORMER), 0.2),
    )
    return Finding(
        f"one class, five tasks: Shakespeare {bounds[0]} bits a character, genre {bounds[1]}, "
        f"reverse {bounds[2]}, sums {bounds[3]}, digits {bounds[4]}; behind the best of a row by "
        f"{bounds[13]}",
        f"every other model: behind by {bounds[14]} somewhere; no positions: reverse and sums "
        f"{bounds[5]}; GRU: reverse {bounds[6]}; without attention: "
        f"sums {bounds[7]}; but a GRU writes as well (worse {bounds[8]}), one matrix reverses "
        f"({bounds[9]}), an MLP reads digits ({bounds[10]}) and tells genres better "
        f"({bounds[11]}); one matrix, which calls every speech a history, has genre {bounds[12]}",
        all(bound.holds for bound in bounds),
    )


def main(arguments: Sequence[str]) -> int:
    """Measure everything and write it to the path that is given."""
    if len(arguments) != 1:
        sys.stderr.write(f"usage: {COMMAND}\n")
        return 2
    write_tasks(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
