"""Claim C11 in a table: one model class and five tasks, each beside simpler models.

Every model of a task is trained on as many batches. Transformers have the rate that their own
module chose, all others one rate; nothing else was tuned. It takes minutes, so what was measured
stands in data/five_tasks.json; lesson 07 repeats one task.

    python -m transformer_course.experiments.heads_tasks data/five_tasks.json

Builds on: reverse, addition, heads_digits, heads_genre, heads_trunk, heads_controls.
Lacks: pictures (heads_plots).
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.data import load_shakespeare
from transformer_course.experiments import addition, heads_digits, heads_genre, heads_trunk, reverse
from transformer_course.experiments.fitting import Sample, count_parameters, fit
from transformer_course.experiments.heads_controls import (
    Bag,
    Pixels,
    Places,
    Recurrent,
    Window,
    WithoutAttention,
)
from transformer_course.experiments.heads_speeches import (
    GENRES,
    NUM_TOKENS,
    PADDING_ID,
    VOCAB_SIZE,
    Library,
    encode_speeches,
    open_library,
    read_speeches,
)
from transformer_course.experiments.versions import versions
from transformer_course.files import replacing
from transformer_course.heads import bits_per_character
from transformer_course.model import Transformer
from transformer_course.training import TokenStream, TrainingConfig, evaluate

FILE = Path(__file__).parents[2] / "data" / "five_tasks.json"
COMMAND = "python -m transformer_course.experiments.heads_tasks data/five_tasks.json"
TRANSFORMER, NO_POSITIONS, GRU, MLP, LINEAR = MODELS = (
    "transformer",
    "no positions",
    "GRU",
    "MLP",
    "linear",
)
PLAIN_RATE = 1e-2
"""Of all models that are no transformers."""

FOLD = 1
PLAY = "macbeth"
"""The play that Shakespeare's row is measured on, one of the five that this fold holds out."""

Build = Callable[[torch.Generator], nn.Module]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task, and the models that are trained for it.

    Attributes:
        sample: Draws a training batch.
        score: Measures a trained model on what it has not met.
        training: How the transformer is trained.
        models: What builds each model, by name.
    """

    sample: Sample
    score: Callable[[nn.Module], float]
    training: TrainingConfig
    models: Mapping[str, Build]


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


def turn_around_task() -> Task:
    """16 symbols in the opposite order; right is what is right at every place."""
    length, symbols = reverse.LENGTH, len(reverse.SYMBOLS)
    questions = reverse.sample_sequences(1_000, torch.Generator().manual_seed(1_000))

    def score(model: nn.Module) -> float:
        return _share((model(questions.inputs).logits.argmax(-1) == questions.targets).all(-1))

    def flat(width: int, *, bend: bool) -> Build:
        return lambda _: WithoutAttention(
            Places(length, symbols, width), width, (length, symbols), bend=bend
        )

    return Task(
        sample=reverse.sample_sequences,
        score=score,
        training=reverse.TRAINING,
        models={
            TRANSFORMER: reverse.build_reverser,
            NO_POSITIONS: lambda generator: reverse.build_reverser(generator, "none"),
            GRU: lambda _: Recurrent(nn.Embedding(symbols, 48), 48, symbols, both_ways=True),
            MLP: flat(128, bend=True),
            LINEAR: flat(160, bend=False),
        },
    )


def addition_task() -> Task:
    """Two numbers of two digits, the sum written lowest digit first; right is the whole sum."""
    characters, places = len(addition.CHARACTERS), addition.PROBLEM_LENGTH
    pairs = addition.draw_pairs(1_000, torch.Generator().manual_seed(1_000), held_out=True)
    problems = addition.write_problems(pairs, reverse=True)

    def score(model: nn.Module) -> float:
        answered = model(problems[:, :-1]).logits[:, places - 1 :].argmax(-1)
        return _share((answered == problems[:, places:]).all(-1))

    class Problem(nn.Module):
        """What stands before the sum; no answer is given away."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.places = Places(places, characters, width)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.places(ids[:, :places])

    def flat(width: int, *, bend: bool) -> Build:
        outputs = (addition.ANSWER_LENGTH, characters)
        return lambda _: WithoutAttention(
            Problem(width), width, outputs, bend=bend, start=places - 1
        )

    return Task(
        sample=addition.sampler(reverse=True),
        score=score,
        training=addition.TRAINING,
        models={
            TRANSFORMER: addition.build_adder,
            NO_POSITIONS: lambda generator: addition.build_adder(generator, "none"),
            GRU: lambda _: Recurrent(
                nn.Embedding(characters, 128), 128, characters, both_ways=False
            ),
            MLP: flat(800, bend=True),
            LINEAR: flat(36, bend=False),
        },
    )


def digits_task(parts: Mapping[str, Any] | None = None) -> Task:
    """Which digit an image of 8 × 8 pixels shows.

    Args:
        parts: Replacements in the transformers, as `Transformer` takes them.
    """
    train, test = heads_digits.read_digits()
    num_pixels, classes = heads_digits.SIDE**2, heads_digits.NUM_CLASSES

    def flat(width: int, *, bend: bool) -> Build:
        return lambda _: WithoutAttention(Pixels(num_pixels, width), width, (classes,), bend=bend)

    return Task(
        sample=train.sample,
        score=lambda model: _share(model(test.words).logits.argmax(-1) == test.labels),
        training=heads_digits.TRAINING,
        models={
            TRANSFORMER: lambda generator: heads_digits.build_digit_reader(generator, parts=parts),
            NO_POSITIONS: lambda generator: heads_digits.build_digit_reader(
                generator, "none", parts
            ),
            GRU: lambda _: Recurrent(
                heads_digits.PatchEmbedding(heads_digits.NUM_WORDS, 64),
                64,
                classes,
                both_ways=True,
                averages=True,
            ),
            MLP: flat(256, bend=True),
            LINEAR: flat(classes, bend=False),
        },
    )


@cache
def _library() -> Library:
    return open_library(load_shakespeare(), FOLD)


def genre_task() -> Task:
    """The genre of a speech, from 64 tokens of it, on plays that were held out."""
    library = _library()
    train, test = read_speeches(library.train), read_speeches(library.held_out)
    ids, test_ids = (encode_speeches(part, library.tokenizer) for part in (train, test))
    classes = len(GENRES)

    def reader(**changes: str | bool) -> Build:
        config = replace(heads_trunk.trunk_config(VOCAB_SIZE), **changes)  # type: ignore[arg-type]
        return lambda generator: heads_genre.GenreReader(Transformer(config, generator=generator))

    return Task(
        sample=heads_genre.sampler(ids, train.labels),
        score=lambda model: _share(
            heads_genre.genre_logits(model, test_ids).argmax(-1) == test.labels
        ),
        training=heads_genre.FINE_TUNING,
        models={
            TRANSFORMER: reader(),
            NO_POSITIONS: reader(position="none", mix_previous=False),
            GRU: lambda _: Recurrent(
                nn.Embedding(VOCAB_SIZE, 128),
                128,
                classes,
                both_ways=True,
                averages=True,
                padding_id=PADDING_ID,
            ),
            MLP: lambda _: WithoutAttention(
                Bag(VOCAB_SIZE, 256, PADDING_ID), 256, (classes,), bend=True
            ),
            LINEAR: lambda _: WithoutAttention(
                Bag(VOCAB_SIZE, classes, PADDING_ID), classes, (classes,), bend=False
            ),
        },
    )


def shakespeare_task() -> Task:
    """The next token of a play that was held out, in bits a character; less is better."""
    library = _library()
    (play,) = (play for play in library.held_out if play.slug == PLAY)
    held_out = replace(library, held_out=(play,))
    ids, train_ids = held_out.ids(held_out=True), library.ids(held_out=False)
    stream = TokenStream(train_ids, ids, NUM_TOKENS)
    num_characters = len(held_out.text(held_out=True))

    def score(model: nn.Module) -> float:
        loss = evaluate(model, stream.validation_batches())  # type: ignore[arg-type]
        return bits_per_character(loss, len(ids), num_characters)

    def writer(**changes: str | bool) -> Build:
        config = replace(heads_trunk.trunk_config(VOCAB_SIZE), **changes)  # type: ignore[arg-type]
        return lambda generator: Transformer(config, generator=generator)

    def window(width: int, *, bend: bool) -> Build:
        return lambda _: WithoutAttention(
            Window(4, VOCAB_SIZE, width), width, (VOCAB_SIZE,), bend=bend
        )

    return Task(
        sample=stream.sample,
        score=score,
        training=heads_trunk.TRAINING,
        models={
            TRANSFORMER: writer(),
            NO_POSITIONS: writer(position="none", mix_previous=False),
            GRU: lambda _: Recurrent(
                nn.Embedding(VOCAB_SIZE, 192), 192, VOCAB_SIZE, both_ways=False
            ),
            MLP: window(128, bend=True),
            LINEAR: window(128, bend=False),
        },
    )


TASKS: Mapping[str, Callable[[], Task]] = {
    "Shakespeare": shakespeare_task,
    "genre": genre_task,
    "reverse": turn_around_task,
    "addition": addition_task,
    "digits": digits_task,
}


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


def _share(right: torch.Tensor) -> float:
    return right.double().mean().item()


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


@claim_of("C11", stored_tasks)
def one_class_learns_five_tasks(tasks: FiveTasks) -> Finding:
    """Judge whether one class learns all five, and where something simpler does as well."""
    score = {
        task: {name: row.score for name, row in rows.items()} for task, rows in tasks.rows.items()
    }
    bounds = (
        below(score["Shakespeare"][TRANSFORMER], 2.7),
        above(score["genre"][TRANSFORMER], 0.42),
        above(score["reverse"][TRANSFORMER], 0.98),
        above(score["addition"][TRANSFORMER], 0.9),
        above(score["digits"][TRANSFORMER], 0.93),
        below(max(score[task][NO_POSITIONS] for task in ("reverse", "addition")), 0.1),
        below(score["reverse"][GRU], 0.1),
        below(max(score["addition"][name] for name in (MLP, LINEAR)), 0.8),
        below(score["Shakespeare"][GRU] - score["Shakespeare"][TRANSFORMER], 0.05),
        above(score["reverse"][LINEAR], 0.98),
        above(score["digits"][MLP], 0.93),
        above(score["genre"][MLP] - score["genre"][TRANSFORMER], 0.0),
    )
    return Finding(
        f"one class, five tasks: Shakespeare {bounds[0]} bits a character, genre {bounds[1]}, "
        f"reverse {bounds[2]}, sums {bounds[3]}, digits {bounds[4]}",
        f"no positions: reverse and sums {bounds[5]}; GRU: reverse {bounds[6]}; without attention: "
        f"sums {bounds[7]}; but a GRU writes as well (worse {bounds[8]}), one matrix reverses "
        f"({bounds[9]}), an MLP reads digits ({bounds[10]}) and tells genres better ({bounds[11]})",
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
