"""Lesson 01's claim C1, the signal: what an untrained model still answers to, by distance.

Builds on: recurrent, recurrent_readers.  Lacks: training (recurrent).
Source: Pascanu et al. 2013, section 2 (a factor a step).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.device import one_thread
from transformer_course.experiments.recurrent import KINDS, NUM_SEEDS, SET_TO_REMEMBER
from transformer_course.experiments.recurrent_readers import (
    FIRST_LETTERS,
    Initialise,
    Readers,
    keep_by,
    sample_letters,
)
from transformer_course.recurrent import gradient_by_distance

Probe = Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]

GRADIENT_DISTANCE = 40
STARTS: Mapping[str, tuple[str, Initialise | None]] = {
    **KINDS,
    "LSTM, keep bias 5": ("LSTM", keep_by(5.0)),
}


@dataclass(frozen=True, kw_only=True)
class StartingGradients:
    """What an untrained model's score still answers to, by distance.

    Attributes:
        by_distance: Mean length of the gradient of the right letter's score by the letter read
            that many steps before, by name; in float64.
        factor: What is left of it from one step to the next, on average.
    """

    by_distance: Mapping[str, Sequence[float]]
    factor: Mapping[str, float]


def starting_gradients(
    seed: int = 0,
    *,
    distance: int = GRADIENT_DISTANCE,
    num_models: int = NUM_SEEDS,
    probe: Probe = gradient_by_distance,
) -> StartingGradients:
    """Measure gradients by distance in untrained models of every kind.

    Args:
        seed: Of weights and sequences.
        distance: The longest.
        num_models: Models of each kind.
        probe: In place of the course's own `gradient_by_distance`.
    """
    curves = {}
    for name, (kind, initialise) in STARTS.items():
        generator = torch.Generator().manual_seed(seed)
        readers = Readers(kind, num_models, generator, initialise).double()
        ids = sample_letters((num_models, 16), distance, generator)
        curves[name] = letter_gradients(readers, ids, probe)
    return StartingGradients(
        by_distance={name: curve.tolist() for name, curve in curves.items()},
        factor={name: _factor(curve) for name, curve in curves.items()},
    )


def letter_gradients(readers: Readers, ids: Tensor, probe: Probe = gradient_by_distance) -> Tensor:
    """Return the gradient, by distance, of the right letter's score at the last place.

    Args:
        readers: A bank.
        ids: What its models read, each its own batch.
        probe: Called once a model, on its batch.
    """
    models = [_alone(readers, number) for number in range(*readers.front)]
    with one_thread():
        lengths = [
            probe(partial(_right_score, model), model.embed(letters).detach())
            for model, letters in zip(models, ids, strict=True)
        ]
    return torch.stack(lengths).mean(0).detach()


def _alone(readers: Readers, number: int) -> Readers:
    """Return one model of a bank by itself."""
    alone = Readers(readers.kind, None, torch.Generator()).to(readers.letters.dtype)
    alone.load_state_dict({name: bank[number] for name, bank in readers.state_dict().items()})
    return alone


def _right_score(model: Readers, inputs: Tensor) -> Tensor:
    """Score the right letter of as many sequences as there are: it is known by its vector.

    A probe may hand over all sequences, or one at a time.
    """
    letters = model.letters[: len(FIRST_LETTERS)]
    right = (inputs[:, :1] - letters).norm(dim=-1).argmin(-1, keepdim=True)
    return model.score(inputs)[:, -1].gather(-1, right)[:, 0]


def _factor(curve: Tensor) -> float:
    """Return the mean factor a step from distance 5 on: the first steps are still uneven."""
    return float((curve[-1] / curve[5]) ** (1 / (len(curve) - 6)))


@claim_of("C1", starting_gradients)
def the_signal_fades(found: StartingGradients) -> Finding:
    """Judge how much of the gradient is left a step, by kind and by initialisation."""
    factor = found.factor
    bounds = (
        below(factor["RNN"], 0.65),
        below(max(factor["GRU"], factor["LSTM"]), 0.8),
        above(factor[SET_TO_REMEMBER], 0.9),
        above(factor["LSTM, keep bias 5"], 0.98),
        below(abs(factor["attention"] - 1), 0.05),
    )
    return Finding(
        f"untrained, what is left of the gradient a step: RNN {bounds[0]}, GRU and LSTM "
        f"{bounds[1]}",
        f"LSTM set to remember {bounds[2]}, keep bias 5 {bounds[3]}; attention 1 (difference "
        f"{bounds[4]})",
        all(bound.holds for bound in bounds),
    )


def sentence_gradients(
    num_words: int, seed: int = 0, *, probe: Probe = gradient_by_distance
) -> dict[str, list[float]]:
    """Return what an untrained model's last score answers to, word by word, in reading order.

    Args:
        num_words: Each gets a vector drawn at random: untrained models know no words.
        seed: Of weights and vectors.
        probe: In place of the course's own `gradient_by_distance`.
    """
    lengths = {}
    for kind in ("RNN", "attention"):
        generator = torch.Generator().manual_seed(seed)
        readers = Readers(kind, None, generator).double()
        width = readers.letters.shape[-1]
        words = torch.randn(64, num_words, width, generator=generator, dtype=torch.float64)
        lengths[kind] = probe(partial(_last_score, readers), words).flip(0).tolist()
    return lengths


def _last_score(readers: Readers, words: Tensor) -> Tensor:
    return readers.score(words)[:, -1, 0]
