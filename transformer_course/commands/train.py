"""Train a transformer on Shakespeare, alone or in several processes under ``torchrun``.

All that the run needs to go on later is kept in one folder: the checkpoint, the tokenizer, which
plays it learns from, and a line of JSON for each step. Ctrl-C stops after the step that is under
way and keeps it.

Builds on: data, tokenization, training, checkpoints, generation.
Lacks: several machines (scaling).
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import TypeVar

import torch

from transformer_course.checkpoints import load_checkpoint, save_checkpoint
from transformer_course.config import TransformerConfig
from transformer_course.data import load_shakespeare, shakespeare_text, small_split, split_plays
from transformer_course.device import default_device
from transformer_course.files import replacing
from transformer_course.generation import generate
from transformer_course.model import Transformer
from transformer_course.recipes import RECIPES
from transformer_course.tokenization import (
    AnyTokenizer,
    BytePairTokenizer,
    CharacterTokenizer,
    load_tokenizer,
)
from transformer_course.training import (
    StepReport,
    TokenStream,
    TrainingConfig,
    TrainingRun,
    process_rank,
    train,
)

CHECKPOINT = "checkpoint.safetensors"
TOKENIZER = "tokenizer.json"
DATA = "data.json"
HISTORY = "history.jsonl"
SAMPLE_LENGTH = 200
SPLITS = {"small": small_split, "all": split_plays}
SIZES: Mapping[str, type] = {
    "context_length": int,
    "d_model": int,
    "num_layers": int,
    "num_heads": int,
    "dropout": float,
}
TRAINING: Mapping[str, type] = {"batch_size": int, "learning_rate": float, "evaluate_every": int}
Settings = TypeVar("Settings", TransformerConfig, TrainingConfig)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``train`` takes."""
    parser.add_argument("output", type=Path, help="folder of the run, such as runs/shakespeare")
    parser.add_argument("--resume", action="store_true", help="go on with the run in OUTPUT")
    parser.add_argument(
        "--plays", choices=SPLITS, default="small", help="which split of the plays (default small)"
    )
    parser.add_argument(
        "--bpe", type=int, metavar="SIZE", help="use so many byte-pair tokens (else characters)"
    )
    parser.add_argument(
        "--recipe", choices=RECIPES, default="plain", help="how all is set that is not given here"
    )
    parser.add_argument("--num-steps", type=int, default=2000, help="default 2000")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--optimizer", help="adamw or muon")
    for name, kind in {**SIZES, **TRAINING}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)


def run(arguments: argparse.Namespace) -> int:
    """Train, or go on training."""
    with _process_group():
        if arguments.resume:
            return _train(arguments.output, _resumed(arguments.output))
        return _train(arguments.output, _started(arguments))


def _started(arguments: argparse.Namespace) -> TrainingRun:
    output = arguments.output
    if (output / CHECKPOINT).exists():
        raise ValueError(
            f"{output} already holds a run; go on with it by --resume, or name another folder"
        )
    build_config, build_training = RECIPES[arguments.recipe]
    config = _with_given(build_training(arguments.num_steps), arguments, "optimizer", *TRAINING)
    tokenizer = _new_tokenizer(arguments.plays, arguments.bpe)
    generator = torch.Generator().manual_seed(arguments.seed)
    usual = build_config(tokenizer.vocab_size)
    sizes = _with_given(usual, arguments, *SIZES)
    # The feed-forward layers are so many times as wide as the model, whatever its width.
    width = usual.d_feed_forward * sizes.d_model // usual.d_model
    model = Transformer(replace(sizes, d_feed_forward=width), generator=generator)
    model.to(default_device())
    # Each process drops other numbers; they draw their batches together, from the generator.
    torch.manual_seed(arguments.seed + process_rank())
    data = _tokens(arguments.plays, tokenizer, sizes.context_length)
    if process_rank() == 0:
        output.mkdir(parents=True, exist_ok=True)
        tokenizer.save(output / TOKENIZER)
        with replacing(output / DATA) as aside:
            aside.write_text(json.dumps({"plays": arguments.plays}) + "\n", encoding="utf-8")
    return TrainingRun(model, data, config, generator=generator)


def _with_given(recipe: Settings, arguments: argparse.Namespace, *names: str) -> Settings:
    """Put what was asked for into a recipe; the rest stays as the recipe has it."""
    asked = {name: getattr(arguments, name) for name in names}
    return replace(recipe, **{name: value for name, value in asked.items() if value is not None})


def _resumed(output: Path) -> TrainingRun:
    if not (output / DATA).exists():
        raise FileNotFoundError(f"{output} holds no run to go on with; leave out --resume")
    plays = json.loads((output / DATA).read_text(encoding="utf-8"))["plays"]
    tokenizer = load_tokenizer(output / TOKENIZER)
    return load_checkpoint(
        output / CHECKPOINT,
        lambda config: _tokens(plays, tokenizer, config.context_length),
        device=default_device(),
    )


def _new_tokenizer(plays: str, bpe_size: int | None) -> AnyTokenizer:
    everything = load_shakespeare()
    if bpe_size is None:
        # Every character of every play, so that no text of Shakespeare's is out of reach.
        return CharacterTokenizer.train(shakespeare_text(everything))
    return BytePairTokenizer.train(shakespeare_text(SPLITS[plays](everything).train), bpe_size)


def _tokens(plays: str, tokenizer: AnyTokenizer, context_length: int) -> TokenStream:
    split = SPLITS[plays](load_shakespeare())
    train_ids, validation_ids = (
        tokenizer.encode(shakespeare_text(part)) for part in (split.train, split.validation)
    )
    return TokenStream(train_ids, validation_ids, context_length)


def _train(output: Path, training_run: TrainingRun) -> int:
    """Train, keep and tell; only the first process writes and speaks."""
    if process_rank() > 0:
        train(training_run, show_progress=False)
        return 0
    tokenizer = load_tokenizer(output / TOKENIZER)
    history = _History(output / HISTORY, training_run.step)

    def keep(report: StepReport) -> None:
        history.add(report)
        if report.validation_loss is not None:
            history.write()
            save_checkpoint(output / CHECKPOINT, training_run)
            _say(f"\nstep {report.step}: validation loss {report.validation_loss:.4f}")
            _say(_sample(training_run.model, tokenizer))

    _say(f"{training_run.model.num_parameters():,} parameters on {training_run.device}")
    with _stop_on_interrupt() as interrupted:
        train(training_run, on_report=keep, should_stop=lambda: bool(interrupted))
    if training_run.step < training_run.config.num_steps:
        history.write()
        save_checkpoint(output / CHECKPOINT, training_run)
        _say(
            f"stopped after step {training_run.step} of {training_run.config.num_steps}; go on "
            f"with: python -m transformer_course train {output} --resume"
        )
    return 0


class _History:
    """The reports of all steps, one line of JSON each; a resumed run writes on where it is."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.lines: list[str] = []
        if step:
            self.lines = path.read_text(encoding="utf-8").splitlines()[:step]

    def add(self, report: StepReport) -> None:
        self.lines.append(json.dumps(asdict(report)))

    def write(self) -> None:
        with replacing(self.path) as aside:
            aside.write_text("\n".join(self.lines) + "\n", encoding="utf-8")


def _sample(model: Transformer, tokenizer: AnyTokenizer) -> str:
    prompt = tokenizer.encode("\n\n")
    generator = torch.Generator().manual_seed(0)
    (ids,) = generate(model, [prompt], SAMPLE_LENGTH, temperature=0.8, generator=generator)
    return tokenizer.decode(ids)


@contextmanager
def _stop_on_interrupt() -> Iterator[list[int]]:
    """Turn Ctrl-C into an entry of the list, so that no step is cut in half; twice means now."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _process_group() -> Iterator[None]:
    """Join the other processes where ``torchrun`` has started several."""
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    device = default_device()
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
