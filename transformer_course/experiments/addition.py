"""Claim C11, arithmetic as text: a decoder reads 45+78= and writes the sum, digit by digit.

A decoder writes from left to right, and a carry travels from right to left. So the sum is written
in both orders, highest digit first and lowest digit first, and otherwise all is the same. Problems
that are asked after training were not met in it, in neither order of their two numbers.

Source: Lee et al. 2024 (plain and reversed answers).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.experiments.fitting import Answer, Sample, count_parameters, fit
from transformer_course.generation import extend
from transformer_course.heads import IGNORED_TARGET
from transformer_course.model import Transformer
from transformer_course.training import Batch, Step, TrainingConfig, training_step

CHARACTERS = "0123456789+="
NUM_DIGITS = 2
ANSWER_LENGTH = NUM_DIGITS + 1
PROBLEM_LENGTH = len("45+78=")
LIMIT = 10**NUM_DIGITS
HELD_OUT_SHARE = 0.1
NUM_QUESTIONS = 1_000
NUM_SHOWN = 5
TRAINING = TrainingConfig(
    num_steps=600, batch_size=128, learning_rate=5e-3, weight_decay=0.0, warmup_steps=100
)
MATRICES_RATE = 1e-2
"""The network without attention does better by a rate above the transformer's."""


@cache
def held_out_pairs() -> Bool[Tensor, "first second"]:
    """Choose the pairs of numbers that are kept out of training: a + b together with b + a."""
    chance = torch.rand((LIMIT, LIMIT), generator=torch.Generator().manual_seed(0))
    chosen = (chance < HELD_OUT_SHARE).triu()
    return chosen | chosen.T


@cache
def _allowed(*, held_out: bool) -> Int[Tensor, "pair 2"]:
    return (held_out_pairs() == held_out).nonzero()


def draw_pairs(
    batch_size: int, generator: torch.Generator, *, held_out: bool = False
) -> Int[Tensor, "batch 2"]:
    """Draw pairs of numbers from 0 to 99: of training, or of those held out."""
    pairs = _allowed(held_out=held_out)
    return pairs[torch.randint(len(pairs), (batch_size,), generator=generator)]


def write_problems(pairs: Int[Tensor, "batch 2"], *, reverse: bool) -> Int[Tensor, "batch length"]:
    """Write problems with their sums, "45+78=123" or, the sum reversed, "45+78=321".

    All numbers are filled up with zeros in front, so that each digit has its own place.
    """
    first, second = (_digits(pairs[:, place], NUM_DIGITS) for place in (0, 1))
    answer = _digits(pairs.sum(1), ANSWER_LENGTH)
    plus, equals = (torch.full((len(pairs), 1), CHARACTERS.index(character)) for character in "+=")
    return torch.cat((first, plus, second, equals, answer.flip(1) if reverse else answer), dim=1)


def _digits(numbers: Int[Tensor, " batch"], count: int) -> Int[Tensor, "batch digit"]:
    """Return the decimal digits, highest first; a digit's id is its value."""
    return numbers[:, None] // 10 ** torch.arange(count - 1, -1, -1) % 10


def sampler(*, reverse: bool) -> Sample:
    """Return what draws training batches; only the digits of the sum count as targets."""

    def sample(batch_size: int, generator: torch.Generator) -> Batch:
        text = write_problems(draw_pairs(batch_size, generator), reverse=reverse)
        targets = text[:, 1:].clone()
        targets[:, : PROBLEM_LENGTH - 1] = IGNORED_TARGET
        return Batch(text[:, :-1], targets)

    return sample


def build_adder(
    generator: torch.Generator, position: str = "learned", parts: Mapping[str, Any] | None = None
) -> Transformer:
    """Build a decoder of two layers with four heads, untrained."""
    config = TransformerConfig(
        vocab_size=len(CHARACTERS),
        context_length=PROBLEM_LENGTH + ANSWER_LENGTH,
        d_model=64,
        num_layers=2,
        num_heads=4,
        d_feed_forward=256,
        position=position,
        normalize_query_key=True,
        initialisation="silent",
    )
    return Transformer(config, parts=parts, generator=generator)


class DigitsAtOnce(nn.Module):
    """The control without attention: two matrices from the whole problem to the whole sum.

    It fills the places before the sum with zeros, so that it is trained and asked as the decoder.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        width, d_hidden = PROBLEM_LENGTH * len(CHARACTERS), 800
        self.layers = nn.Sequential(
            nn.Linear(width, d_hidden),
            nn.GELU(),
            nn.Linear(d_hidden, ANSWER_LENGTH * len(CHARACTERS)),
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1, generator=generator)

    def forward(self, ids: Int[Tensor, "batch length"]) -> Answer:
        """Score the digits of the sum, from the problem alone."""
        problem = nn.functional.one_hot(ids[:, :PROBLEM_LENGTH], len(CHARACTERS)).float()
        logits = self.layers(problem.flatten(1)).unflatten(1, (ANSWER_LENGTH, len(CHARACTERS)))
        return Answer(nn.functional.pad(logits, (0, 0, PROBLEM_LENGTH - 1, 0)))


@dataclass(frozen=True, kw_only=True)
class Written:
    """A sum, and what became of it where each digit follows those that were written before.

    Attributes:
        problem: The two numbers, "45+78".
        right: Their sum, three digits.
        reversed: What the model wrote that begins with the units, put in the usual order.
        plain: What the one wrote that begins with the hundreds.
        no_positions: What the one without positions wrote, put in the usual order.
    """

    problem: str
    right: str
    reversed: str
    plain: str
    no_positions: str


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums of pairs held out, by a transformer and by what it is compared with.

    Attributes:
        reversed_exact: Share of problems with every digit right, the lowest written first.
        plain_exact: The same of a model that writes the highest first.
        digits: Share of right digits, as they are written: of "reversed", "plain", and, lowest
            first, "no_positions".
        untrained_exact: Share of a model that was never trained, lowest digit first.
        no_positions_exact: Share without positions, lowest digit first.
        without_attention_exact: Share of a network that has no attention.
        num_parameters: Of the transformer.
        num_parameters_without_attention: Of that network.
        examples: A few of the problems, and what was written.
    """

    reversed_exact: float
    plain_exact: float
    digits: Mapping[str, Sequence[float]]
    untrained_exact: float
    no_positions_exact: float
    without_attention_exact: float
    num_parameters: int
    num_parameters_without_attention: int
    examples: tuple[Written, ...]


def numbers_added(
    seed: int = 0,
    *,
    num_steps: int = TRAINING.num_steps,
    parts: Mapping[str, Any] | None = None,
    step: Step = training_step,
) -> Sums:
    """Train all four on as many batches, and ask for sums of pairs that none has seen.

    Args:
        seed: Of weights and batches.
        num_steps: Optimiser steps, of each.
        parts: Replacements in the transformers, as `Transformer` takes them.
        step: What does a step, in place of the course's own.
    """
    generator = torch.Generator().manual_seed(seed)
    model, plain, untrained = (build_adder(generator, parts=parts) for _ in range(3))
    no_positions = build_adder(generator, "none", parts)
    network = DigitsAtOnce(generator)
    for learner in (model, plain, no_positions, network):
        rate = MATRICES_RATE if learner is network else TRAINING.learning_rate
        draw = sampler(reverse=learner is not plain)
        fit(learner, draw, _training(num_steps, rate), generator, step)
    pairs = draw_pairs(NUM_QUESTIONS, torch.Generator().manual_seed(seed + 1_000), held_out=True)
    problems, plain_problems = (write_problems(pairs, reverse=order) for order in (True, False))
    right, plain_right = _right(model, problems), _right(plain, plain_problems)
    without_positions = _right(no_positions, problems)
    return Sums(
        reversed_exact=_exact(right),
        plain_exact=_exact(plain_right),
        digits={
            "reversed": right.double().mean(0).tolist(),
            "plain": plain_right.double().mean(0).tolist(),
            "no_positions": without_positions.double().mean(0).tolist(),
        },
        untrained_exact=_exact(_right(untrained, problems)),
        no_positions_exact=_exact(without_positions),
        without_attention_exact=_exact(_right(network, problems)),
        num_parameters=count_parameters(model),
        num_parameters_without_attention=count_parameters(network),
        examples=tuple(
            _written(first, second, model, plain, no_positions)
            for first, second in pairs[:NUM_SHOWN].tolist()
        ),
    )


def _written(
    first: int, second: int, model: Transformer, plain: Transformer, no_positions: Transformer
) -> Written:
    answers = [add(one, first, second)[PROBLEM_LENGTH:] for one in (model, plain, no_positions)]
    return Written(
        problem=f"{first:02}+{second:02}",
        right=f"{first + second:03}",
        reversed=answers[0][::-1],
        plain=answers[1],
        no_positions=answers[2][::-1],
    )


def _training(num_steps: int, learning_rate: float) -> TrainingConfig:
    return replace(
        TRAINING,
        num_steps=num_steps,
        learning_rate=learning_rate,
        warmup_steps=min(TRAINING.warmup_steps, num_steps),
    )


@torch.inference_mode()
def _right(model: nn.Module, problems: Int[Tensor, "batch length"]) -> Bool[Tensor, "batch digit"]:
    """Tell which digits are right, each after the right ones before it.

    A model that writes alone gets the same sums wholly right: up to the first mistake it reads
    the same.
    """
    answered = model(problems[:, :-1]).logits[:, PROBLEM_LENGTH - 1 :].argmax(-1)
    return answered == problems[:, PROBLEM_LENGTH:]


def _exact(right: Bool[Tensor, "batch digit"]) -> float:
    return right.all(-1).double().mean().item()


@torch.inference_mode()
def add(model: Transformer, first: int, second: int) -> str:
    """Have a model write a problem on, character by character.

    Raises:
        ValueError: If a number has more digits than the model has seen, or is negative.
    """
    if not (0 <= first < LIMIT and 0 <= second < LIMIT):
        raise ValueError(f"{first} + {second}: give two numbers from 0 to {LIMIT - 1}")
    problem = write_problems(torch.tensor([[first, second]]), reverse=True)[:, :PROBLEM_LENGTH]
    written = extend(model, problem, ANSWER_LENGTH, lambda logits: logits.argmax(-1, keepdim=True))
    return "".join(CHARACTERS[number] for number in written[0])


@claim_of("C11", numbers_added)
def sums_are_right_in_both_orders(sums: Sums) -> Finding:
    """Judge whether sums of unseen pairs are right, and only with positions and attention.

    Which order is learned better is not judged: twelve seeds learned both, .95 right or more.
    """
    size = sums.num_parameters_without_attention / sums.num_parameters
    said = lowest_first, highest_first, lost, matrices = (
        above(sums.reversed_exact, 0.9),
        above(sums.plain_exact, 0.85),
        below(sums.no_positions_exact, 0.25),
        below(sums.without_attention_exact, 0.7),
    )
    return Finding.of(
        f"adding: unseen sums wholly right {lowest_first}, highest digit first {highest_first}",
        f"right without positions {lost}; without attention {matrices}",
        said,
        {
            "untrained": below(sums.untrained_exact, 0.02),
            "parameters without attention, over the model's,": above(size, 0.8),
        },
    )
