"""Measure how fast the course's model learns Shakespeare, against a plain GPT in the same run.

Three contestants take turns, a few steps each, so that whatever slows the machine slows all:

- the baseline (baseline.py): 2,000 steps by the usual recipe for small GPTs on a CPU;
- "quick": this course's quick recipe, given a small share of the baseline's time;
- "strong": this course's strong recipe, given the baseline's whole time.

Losses are on the whole of a play that none has trained on; settings were chosen on it, so the
losses on a third play, which nothing was chosen on, stand beside them. Evaluation is no part of
any contestant's time and is reported apart. The machine's own rate of matrix products is measured
in between, and each contestant's rate is given as a share of it.
"""

import argparse
import io
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from time import perf_counter
from types import SimpleNamespace
from typing import Any, cast

import torch
from baseline import BATCH, CONTEXT, LAYERS, STEPS, WIDTH, BaselineRun
from torch import Tensor, nn
from torch.nn import functional

from transformer_course.config import TransformerConfig
from transformer_course.data import PlaySplit, load_shakespeare, shakespeare_text, small_split
from transformer_course.model import Transformer
from transformer_course.recipes import quick_model, quick_training, strong_model, strong_training
from transformer_course.tokenization import CharacterTokenizer
from transformer_course.training import (
    Batch,
    StepReport,
    TokenStream,
    TrainingConfig,
    TrainingRun,
    train,
)

VOCAB_SIZE = 69
ROUNDS = 50
CALIBRATION_STEPS = 24


@dataclass
class Contestant:
    """One training run, and the time that its steps have taken."""

    name: str
    model: nn.Module
    step: Callable[[], None]
    num_steps: int
    characters_a_step: int
    flops_a_character: float
    done: int = 0
    seconds: float = 0.0
    slices: list[float] = field(default_factory=list)

    def advance(self, until: int) -> None:
        """Do the steps up to this number."""
        start, before = perf_counter(), self.done
        while self.done < until:
            self.step()
            self.done += 1
        elapsed = perf_counter() - start
        self.seconds += elapsed
        self.slices.append(elapsed / max(1, self.done - before))


class OurRun(TrainingRun):
    """A run of the course's, without evaluation (done here, by one function for all)."""

    def evaluate(self, every: int = 1) -> float:  # noqa: ARG002
        """Return nothing of use."""
        return 0.0


class TimedStream(TokenStream):
    """Tells how long drawing batches takes."""

    seconds = 0.0

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch."""
        start = perf_counter()
        batch = super().sample(batch_size, generator)
        self.seconds += perf_counter() - start
        return batch


def main(share: float, seed: int) -> None:
    """Run the contest; print its table, then one line of JSON."""
    texts = _texts()
    stream = TimedStream(texts.train, texts.validation, CONTEXT)
    num_steps = _equal_times(texts, stream, share, seed)
    baseline = _baseline(texts.train, seed)
    quick = _ours("quick", quick_model, quick_training, num_steps["quick"], stream, seed)
    strong = _ours("strong", strong_model, strong_training, num_steps["strong"], stream, seed)
    stream.seconds = 0.0
    rates = []
    for turn in range(1, ROUNDS + 1):
        rates.append(_matrix_rate())
        for contestant in (baseline, quick, strong):
            contestant.advance(contestant.num_steps * turn // ROUNDS)
    _report(
        [
            _row(contestant, baseline, texts, statistics.median(rates))
            for contestant in (baseline, quick, strong)
        ],
        {
            "matrix_gflops": statistics.median(rates) / 1e9,
            "loading_share": stream.seconds / (quick.seconds + strong.seconds),
            "logging_share": _logging_seconds() / (quick.seconds / quick.num_steps),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "seed": seed,
        },
    )


def _texts() -> SimpleNamespace:
    plays = load_shakespeare()
    split: PlaySplit = small_split(plays)
    tokenizer = CharacterTokenizer.train(shakespeare_text(plays))
    if tokenizer.vocab_size != VOCAB_SIZE:
        raise ValueError(f"the plays have {tokenizer.vocab_size} characters, not {VOCAB_SIZE}")
    return SimpleNamespace(
        **{
            part: torch.tensor(tokenizer.encode(shakespeare_text(getattr(split, part))))
            for part in ("train", "validation", "test")
        }
    )


def _equal_times(
    texts: SimpleNamespace, stream: TokenStream, share: float, seed: int
) -> dict[str, int]:
    """Measure a few steps of each in turns, and give ours as many as fit into their time."""
    trial = [
        _baseline(texts.train, seed),
        _ours("quick", quick_model, quick_training, STEPS, stream, seed),
        _ours("strong", strong_model, strong_training, STEPS, stream, seed),
    ]
    for until in range(2, CALIBRATION_STEPS + 1, 2):
        for contestant in trial:
            contestant.advance(until)
    # The first slices are warm-up.
    base, quick, strong = (statistics.median(contestant.slices[3:]) for contestant in trial)
    return {"quick": int(STEPS * base * share / quick), "strong": int(STEPS * base / strong)}


def _baseline(ids: Tensor, seed: int) -> Contestant:
    run = BaselineRun(ids, VOCAB_SIZE, seed)
    return Contestant(
        "baseline", run.model, run.step, STEPS, BATCH * CONTEXT, _flops(run.model, LAYERS)
    )


def _ours(
    name: str,
    model_recipe: Callable[[int], TransformerConfig],
    training_recipe: Callable[[int], TrainingConfig],
    num_steps: int,
    stream: TokenStream,
    seed: int,
) -> Contestant:
    model = Transformer(model_recipe(VOCAB_SIZE), generator=torch.Generator().manual_seed(seed))
    config = training_recipe(num_steps)
    run = OurRun(model, stream, config, generator=torch.Generator().manual_seed(seed))
    steps: Iterator[StepReport] = run.steps()
    return Contestant(
        name,
        model,
        lambda: (next(steps), None)[1],
        num_steps,
        config.batch_size * CONTEXT,
        _flops(model, model.config.num_layers),
    )


def _flops(model: nn.Module, num_layers: int) -> float:
    """Count forward and backward: 6 a weight of each matrix product, 12 a query–key pair and width.

    Tables that are only looked up cost nothing; a tied one is counted, once, as the head.
    """
    products = [m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear)]
    if not any(isinstance(m, Transformer) for m in model.modules()):
        products.append(cast(Any, model).tokens.weight.numel())
    return 6 * sum(products) + 12 * num_layers * CONTEXT * WIDTH


def _matrix_rate() -> float:
    """Multiply two square matrices, large enough to keep the machine busy; operations a second."""
    size = 1_536
    one, other = torch.ones(2, size, size)
    torch.mm(one, other)
    start = perf_counter()
    torch.mm(one, other)
    return 2 * size**3 / (perf_counter() - start)


@torch.inference_mode()
def _loss(model: nn.Module, ids: Tensor) -> float:
    """Measure either model the same way, on every whole window."""
    model.eval()
    windows = ids[: (len(ids) - 1) // CONTEXT * CONTEXT + 1]
    inputs, targets = windows[:-1].view(-1, CONTEXT), windows[1:].view(-1, CONTEXT)
    total = 0.0
    for some, wanted in zip(inputs.split(128), targets.split(128), strict=True):
        output = model(some)
        logits = output if isinstance(output, Tensor) else output.logits
        total += functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), reduction="sum"
        ).item()
    return total / targets.numel()


def _logging_seconds() -> float:
    """Time the progress bar and the list of reports alone, on a run whose steps do nothing."""
    report = StepReport(
        step=1, loss=2.0, learning_rate=0.1, gradient_norm=1.0, validation_loss=None
    )
    count = 2_000
    idle = SimpleNamespace(
        step=0, config=SimpleNamespace(num_steps=count), steps=lambda: iter([report] * count)
    )
    with redirect_stderr(io.StringIO()):
        start = perf_counter()
        train(cast(TrainingRun, idle))
        return (perf_counter() - start) / count


def _row(
    contestant: Contestant, baseline: Contestant, texts: SimpleNamespace, matrix_rate: float
) -> dict[str, float | str]:
    characters = contestant.num_steps * contestant.characters_a_step
    start = perf_counter()
    losses = {
        part: _loss(contestant.model, getattr(texts, part)) for part in ("validation", "test")
    }
    rate = characters * contestant.flops_a_character / contestant.seconds
    return {
        "name": contestant.name,
        "parameters": sum(parameter.numel() for parameter in contestant.model.parameters()),
        "steps": contestant.num_steps,
        "seconds": contestant.seconds,
        "share_of_time": contestant.seconds / baseline.seconds,
        **losses,
        "characters_a_second": characters / contestant.seconds,
        "gflops": rate / 1e9,
        "share_of_matrix_rate": rate / matrix_rate,
        "evaluation_seconds": perf_counter() - start,
    }


def _report(rows: list[dict[str, Any]], conditions: dict[str, Any]) -> None:
    write = sys.stdout.write
    write(
        "            parameters  steps  seconds  share  validation    test"
        "   chars/s  GFLOP/s  share\n"
    )
    for row in rows:
        write(
            f"{row['name']:10}  {row['parameters']:10,}  {row['steps']:5}  {row['seconds']:7.1f}  "
            f"{row['share_of_time']:5.3f}  {row['validation']:10.4f}  {row['test']:6.4f}  "
            f"{row['characters_a_second']:8,.0f}  {row['gflops']:7.1f}  "
            f"{row['share_of_matrix_rate']:5.2f}\n"
        )
    base, quick, strong = rows
    for part in ("validation", "test"):
        write(
            f"{part}: quick {quick[part] - base[part]:+.4f} in {quick['share_of_time']:.3f} of the "
            f"time (wanted: 0 or less in 0.2); strong {strong[part] - base[part]:+.4f} in "
            f"{strong['share_of_time']:.3f} (wanted: −0.24 or less in 1)\n"
        )
    write(
        f"matrix products {conditions['matrix_gflops']:.0f} GFLOP/s; drawing batches "
        f"{conditions['loading_share']:.1%} and logging {conditions['logging_share']:.1%} of a "
        f"step; evaluation on both plays, apart: {base['evaluation_seconds']:.1f} s\n"
    )
    write(json.dumps({"rows": rows, **conditions}) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--share", type=float, default=0.12, help="of the time, for quick")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.share, given.seed)
