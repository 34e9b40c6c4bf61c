"""Lesson 06's claim C9, where heads come from: those that start alike stay alike.

Nothing in a layer tells one head from another but the numbers that it starts with. Where these are
the same, gradients are the same, and so is every step. The balance is unstable: a difference of
10⁻⁶ grows once there is something to learn.

`python -m transformer_course.experiments.multi_head_twins` trains for longer than a lesson has
time for, and keeps what came out in data/twin_heads.json.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.experiments.fitting import fit
from transformer_course.experiments.multi_head_repeats import (
    TRAINING,
    build_repeater,
    sample_repeats,
)
from transformer_course.experiments.multi_head_scores import attention_layers
from transformer_course.files import replacing
from transformer_course.model import Transformer

FILE = Path(__file__).resolve().parents[2] / "data" / "twin_heads.json"
STORED_STEPS = (20, 1_000, 2_000)

TWIN_BATCH = 8
NUDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Twins:
    """How far heads that started alike are apart, at most, in any number of their q, k and v.

    Attributes:
        num_steps: Optimiser steps.
        alike: All of a head alike, its columns of the output projection included, after all steps.
        nudged: The same, but one number of one head was moved by 10⁻⁶ before.
        other_output_once: Only the columns of the output projection differ, after one step,
        other_output: and after all.
    """

    num_steps: int
    alike: float
    nudged: float
    other_output_once: float
    other_output: float


def make_twins(model: Transformer, *, output: bool) -> None:
    """Give every head of a layer the numbers of its first.

    Args:
        model: Not yet trained.
        output: Whether also to those columns of the output projection that it speaks through.
    """
    with torch.no_grad():
        for layer in attention_layers(model):
            d_head = layer.query.out_features // layer.num_heads
            for projection in (layer.query, layer.key, layer.value):
                projection.weight.copy_(projection.weight[:d_head].repeat(layer.num_heads, 1))
            if output:
                columns = layer.output.weight[:, :d_head]
                layer.output.weight.copy_(columns.repeat(1, layer.num_heads))


def largest_difference(model: Transformer) -> float:
    """Return how far any head's numbers for q, k and v are from those of its layer's first head."""
    differences = []
    for layer in attention_layers(model):
        for projection in (layer.query, layer.key, layer.value):
            heads = projection.weight.detach().unflatten(0, (layer.num_heads, -1))
            differences.append((heads - heads[:1]).abs().max().item())
    return max(differences)


def train_twins(seed: int = 0, num_steps: int = 100) -> Twins:
    """Train models whose heads start alike, and see whether they part.

    Args:
        seed: Of the weights that they start from and of the batches.
        num_steps: Optimiser steps.
    """

    def trained(num_steps: int, *, output: bool, nudge: float = 0.0) -> float:
        generator = torch.Generator().manual_seed(seed)
        model = build_repeater(2, generator)
        make_twins(model, output=output)
        with torch.no_grad():
            attention_layers(model)[0].query.weight[0, 0] += nudge
        training = replace(
            TRAINING, num_steps=num_steps, batch_size=TWIN_BATCH, warmup_steps=min(20, num_steps)
        )
        fit(model, sample_repeats, training, generator)
        return largest_difference(model)

    return Twins(
        num_steps=num_steps,
        alike=trained(num_steps, output=True),
        nudged=trained(num_steps, output=True, nudge=NUDGE),
        other_output_once=trained(1, output=False),
        other_output=trained(num_steps, output=False),
    )


def stored_twins() -> tuple[Twins, ...]:
    """Read what longer training came to, the shortest first."""
    return tuple(Twins(**row) for row in json.loads(FILE.read_text(encoding="utf-8"))["rows"])


@dataclass(frozen=True, kw_only=True)
class TwinsTwice:
    """Heads that started alike, trained briefly now, and for long when the numbers were stored."""

    now: Twins
    stored: Twins


def twins_twice(seed: int = 0, num_steps: int = 100) -> TwinsTwice:
    """Train for a moment, and look up what long training came to."""
    return TwinsTwice(now=train_twins(seed, num_steps), stored=stored_twins()[-1])


@claim_of("C9", twins_twice)
def heads_part_by_their_start(twins: TwinsTwice) -> Finding:
    """Judge whether heads become different by themselves, or because they start so."""
    now, stored = twins.now, twins.stored
    bounds = (
        below(now.alike, 1e-6),
        below(stored.alike, 1e-6),
        above(now.other_output_once, 1e-4),
        above(stored.nudged, 0.05),
    )
    return Finding(
        f"heads that start alike stay so: difference {bounds[0]} now, {bounds[1]} after "
        f"{stored.num_steps:,} steps (stored)",
        f"other output columns: {bounds[2]} after one step; one number moved by 10⁻⁶: {bounds[3]} "
        f"after {stored.num_steps:,} steps (stored)",
        all(bound.holds for bound in bounds),
    )


def main(steps: Sequence[int] = STORED_STEPS, file: Path = FILE, seed: int = 0) -> None:
    """Train for each number of steps, and keep what came out."""
    rows = [asdict(train_twins(seed, num_steps)) for num_steps in steps]
    kept = {
        "about": "How far heads that started alike are apart, by steps of training.",
        "command": "python -m transformer_course.experiments.multi_head_twins",
        "seed": seed,
        "versions": {"python": sys.version.split()[0], "torch": torch.__version__},
        "rows": rows,
    }
    with replacing(file) as aside:
        aside.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
