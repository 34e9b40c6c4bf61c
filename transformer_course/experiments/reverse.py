"""Claim C11, a map that is known beforehand: who turns a sequence around must look at its mirror.

One head of one layer gives out 16 symbols in the opposite order. Each place needs one symbol, and
nothing else helps, so that the map can only be the anti-diagonal. Beside it stand the same model
without positions, a plain matrix, and a GRU.

Source: Vaswani et al. 2017, sections 3.2 and 3.5; Cho et al. 2014, section 2.3 (GRU).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.experiments.fitting import Answer, count_parameters, fit
from transformer_course.model import Transformer, evaluation_mode
from transformer_course.training import Batch, Step, TrainingConfig, training_step

SYMBOLS = "abcdefghij"
LENGTH = 16
NUM_QUESTIONS = 1_000
WATCHED = (0, 0.1, 0.2)
"""When the map is looked at, as shares of all steps; and once more after the last."""
TRAINING = TrainingConfig(
    num_steps=150, batch_size=128, learning_rate=3e-3, weight_decay=0.0, warmup_steps=15
)
SIMPLER_RATE = 1e-2
"""GRU and matrix learn faster, and no worse, by a rate above the transformer's."""


def sample_sequences(batch_size: int, generator: torch.Generator) -> Batch:
    """Draw sequences of 16 symbols, and turn each around.

    There are 10¹⁶: those that are drawn for a test were not met in training.
    """
    ids = torch.randint(len(SYMBOLS), (batch_size, LENGTH), generator=generator)
    return Batch(ids, ids.flip(1))


def build_reverser(
    generator: torch.Generator, position: str = "learned", parts: Mapping[str, Any] | None = None
) -> Transformer:
    """Build an encoder of one layer with one head, untrained."""
    config = TransformerConfig(
        vocab_size=len(SYMBOLS),
        context_length=LENGTH,
        d_model=64,
        num_layers=1,
        num_heads=1,
        d_feed_forward=128,
        architecture="encoder",
        position=position,
        initialisation="silent",
    )
    return Transformer(config, parts=parts, generator=generator)


class OneMatrix(nn.Module):
    """The control without attention: one matrix from all symbols at all places to all others."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Linear(LENGTH * len(SYMBOLS), LENGTH * len(SYMBOLS))
        nn.init.zeros_(self.matrix.weight)
        nn.init.zeros_(self.matrix.bias)

    def forward(self, ids: Int[Tensor, "batch length"]) -> Answer:
        """Score the symbol of each place."""
        places = nn.functional.one_hot(ids, len(SYMBOLS)).float()
        return Answer(self.matrix(places.flatten(1)).unflatten(1, (LENGTH, len(SYMBOLS))))


class BothWays(nn.Module):
    """The control that reads in order: a GRU from the left and one from the right."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        width = 48
        self.embedding = nn.Embedding(len(SYMBOLS), width)
        self.recurrent = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, len(SYMBOLS))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)

    def forward(self, ids: Int[Tensor, "batch length"]) -> Answer:
        """Score the symbol of each place."""
        return Answer(self.head(self.recurrent(self.embedding(ids))[0]))


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """One sequence, turned around.

    Attributes:
        symbols: What the model was given.
        written: What it gave out.
        weights: Who looked at whom.
    """

    symbols: tuple[str, ...]
    written: tuple[str, ...]
    weights: Float[Tensor, "query key"]


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """Fresh sequences, turned around by a transformer and by what it is compared with.

    Attributes:
        exact: Share of sequences that are right at all 16 places.
        mirror_weight: Weight on the place that is needed, the mean over all places.
        untrained_exact: Share of a model of its kind that was never trained.
        untrained_mirror_weight: That model's weight on the place that is needed; 1/16 is uniform.
        no_positions_exact: Share of the same model trained without positions.
        no_positions_symbols: Share of single symbols that this model has right.
        gru_exact: Share of a GRU in both directions.
        matrix_exact: Share of one matrix.
        num_parameters: Of the transformer.
        num_matrix_parameters: Of the matrix.
        example: One sequence.
        in_training: The example's map by the number of steps done, the last after all.
    """

    exact: float
    mirror_weight: float
    untrained_exact: float
    untrained_mirror_weight: float
    no_positions_exact: float
    no_positions_symbols: float
    gru_exact: float
    matrix_exact: float
    num_parameters: int
    num_matrix_parameters: int
    example: Mirror
    in_training: Mapping[int, Float[Tensor, "query key"]]


def sequences_reversed(
    seed: int = 0,
    *,
    num_steps: int = TRAINING.num_steps,
    parts: Mapping[str, Any] | None = None,
    step: Step = training_step,
) -> Reversal:
    """Train all four on as many batches, and ask them for fresh sequences.

    Args:
        seed: Of weights and batches.
        num_steps: Optimiser steps, of each.
        parts: Replacements in the transformers, as `Transformer` takes them.
        step: What does a step, in place of the course's own.
    """
    generator = torch.Generator().manual_seed(seed)
    model, untrained = (build_reverser(generator, parts=parts) for _ in range(2))
    no_positions = build_reverser(generator, "none", parts)
    gru, matrix = BothWays(generator), OneMatrix()
    questions = sample_sequences(NUM_QUESTIONS, torch.Generator().manual_seed(seed + 1_000))
    in_training: dict[int, Tensor] = {}
    watched = _watched(step, model, questions.inputs[:1], in_training, num_steps)
    for learner in (model, no_positions, gru, matrix):
        do_step = watched if learner is model else step
        fit(learner, sample_sequences, _training(learner, num_steps), generator, do_step)
    example = turn_around(model, "".join(SYMBOLS[number] for number in questions.inputs[0]))
    in_training[num_steps] = example.weights
    return Reversal(
        exact=_exact(model, questions),
        mirror_weight=mirror_weight(model, questions.inputs),
        untrained_exact=_exact(untrained, questions),
        untrained_mirror_weight=mirror_weight(untrained, questions.inputs),
        no_positions_exact=_exact(no_positions, questions),
        no_positions_symbols=_right(no_positions, questions).double().mean().item(),
        gru_exact=_exact(gru, questions),
        matrix_exact=_exact(matrix, questions),
        num_parameters=count_parameters(model),
        num_matrix_parameters=count_parameters(matrix),
        example=example,
        in_training=in_training,
    )


def _watched(
    step: Step,
    model: Transformer,
    ids: Int[Tensor, "batch length"],
    maps: dict[int, Tensor],
    num_steps: int,
) -> Step:
    """Return a step that first notes the map of the ids, before some of the steps."""
    moments = {round(share * num_steps) for share in WATCHED}
    done = 0

    def watch_and_step(
        learner: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        batches: Sequence[Batch],
        clip_norm: float,
    ) -> tuple[float, float]:
        nonlocal done
        if done in moments:
            with torch.inference_mode(), evaluation_mode(model):
                maps[done] = model(ids, need_weights=True).attention_weights[0][0, 0]
        done += 1
        return step(learner, optimizers, batches, clip_norm)

    return watch_and_step


def _training(learner: nn.Module, num_steps: int) -> TrainingConfig:
    return replace(
        TRAINING,
        num_steps=num_steps,
        learning_rate=(
            TRAINING.learning_rate if isinstance(learner, Transformer) else SIMPLER_RATE
        ),
        warmup_steps=min(TRAINING.warmup_steps, num_steps),
    )


def _exact(model: nn.Module, questions: Batch) -> float:
    return _right(model, questions).all(-1).double().mean().item()


@torch.inference_mode()
def _right(model: nn.Module, questions: Batch) -> Bool[Tensor, "batch length"]:
    return model(questions.inputs).logits.argmax(-1) == questions.targets


@torch.inference_mode()
def mirror_weight(model: Transformer, ids: Int[Tensor, "batch length"]) -> float:
    """Return the mean weight on the anti-diagonal: of each place on the one opposite."""
    weights = model(ids, need_weights=True).attention_weights[0]
    return weights.flip(-1).diagonal(dim1=-2, dim2=-1).mean().item()


@torch.inference_mode()
def turn_around(model: Transformer, text: str) -> Mirror:
    """Have a text of 16 symbols turned around.

    Raises:
        ValueError: If it has another length or other symbols.
    """
    unknown = sorted(set(text) - set(SYMBOLS))
    if unknown or len(text) != LENGTH:
        raise ValueError(
            f"{text!r} has {len(text)} symbols, unknown {unknown}; expected {LENGTH} of "
            f"{SYMBOLS!r}, such as {(SYMBOLS * 2)[:LENGTH]!r}"
        )
    output = model(torch.tensor([[SYMBOLS.index(symbol) for symbol in text]]), need_weights=True)
    return Mirror(
        symbols=tuple(text),
        written=tuple(SYMBOLS[number] for number in output.logits[0].argmax(-1)),
        weights=output.attention_weights[0][0, 0],
    )


@claim_of("C11", sequences_reversed)
def the_map_is_the_anti_diagonal(reversal: Reversal) -> Finding:
    """Judge whether sequences are turned around by looking at the mirrored place, and only so."""
    size = reversal.num_matrix_parameters / reversal.num_parameters
    said = right, mirrored, lost, matrix = (
        above(reversal.exact, 0.98),
        above(reversal.mirror_weight, 0.95),
        below(reversal.no_positions_exact, 0.01),
        above(reversal.matrix_exact, 0.98),
    )
    return Finding.of(
        f"turning around: {LENGTH} symbols wholly right {right}; weight on the mirror {mirrored}",
        f"right without positions {lost}; by one plain matrix {matrix}",
        said,
        {
            "untrained, right": below(reversal.untrained_exact, 0.01),
            "untrained, weight on the mirror": below(reversal.untrained_mirror_weight, 0.1),
            "no positions, single symbols right": below(reversal.no_positions_symbols, 0.35),
            "a GRU in both directions, right": below(reversal.gru_exact, 0.1),
            "the matrix's parameters, over the model's,": below(size, 0.8),
        },
    )
