"""Lesson 04's claim C7, trained: which schemes for positions let a model tell what came first.

A sentence names the river once and the money once, among other words; the model says which came
first. Every question that is asked after training comes with its twin, in which the two have
changed places: the same bag of words, and the other answer. Whoever sees only the bag is right on
one of the two, on exactly half of all.

Builds on: model, training, fitting.  Lacks: models without positions that look back only
(positional_mask), more seeds (positional_seeds).
Source: Vaswani et al. 2017, section 3.5; Press et al. 2022, section 2.2 (longer than in training).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.device import one_thread
from transformer_course.experiments.fitting import fit
from transformer_course.model import Transformer
from transformer_course.training import Batch, TrainingConfig

NAMED = ("river", "money")
OTHERS = ("the", "of", "was", "but", "and", "bank", "crowded", "empty")
QUESTION = "first?"
WORDS = (*NAMED, *OTHERS, QUESTION)
LENGTHS = (16, 32, 64)
"""In training, and twice and four times as long: the question is the last of the words."""

QUARTERS = tuple(
    range(start, min(start + LENGTHS[0], LENGTHS[-1] - 1))
    for start in range(0, LENGTHS[-1], LENGTHS[0])
)
"""The places of the longest questions, in as many stretches as are as long as in training."""

SCHEMES: Mapping[str, str] = {
    "none": "none",
    "sinusoidal": "sinusoidal",
    "learned": "learned",
    "RoPE": "rotary",
    "ALiBi": "alibi",
}
"""The names that people use, and what `TransformerConfig` calls them."""

NUM_QUESTIONS = 2_000
TRAINING = TrainingConfig(
    num_steps=200, batch_size=64, learning_rate=3e-3, weight_decay=0.0, warmup_steps=20
)


def sample_sentences(
    batch_size: int, generator: torch.Generator, length: int, among: range | None = None
) -> Batch:
    """Draw sentences of `length` words, and which of river and money each names first.

    Args:
        batch_size: How many.
        generator: Draws them.
        length: Of each, the question included.
        among: Places at which river and money may stand; anywhere before the question if None.

    Returns:
        The words' numbers in `WORDS`, and 0 where the river comes first, 1 where the money does.
    """
    ids = torch.randint(
        len(NAMED), len(NAMED) + len(OTHERS), (batch_size, length), generator=generator
    )
    ids[:, -1] = WORDS.index(QUESTION)
    among = range(length - 1) if among is None else among
    drawn = torch.rand((batch_size, len(among)), generator=generator).argsort(1)[:, :2]
    places = among.start + drawn
    ids.scatter_(1, places, torch.arange(len(NAMED)).expand(batch_size, -1))
    return Batch(ids, (places[:, 0] > places[:, 1]).long())


def with_twins(sentences: Batch) -> Batch:
    """Add to each sentence the one in which river and money have changed places."""
    ids, answers = sentences
    river, money = (WORDS.index(word) for word in NAMED)
    twins = torch.where(ids == river, money, torch.where(ids == money, river, ids))
    return Batch(torch.cat((ids, twins)), torch.cat((answers, 1 - answers)))


def read_sentence(seed: int, length: int = LENGTHS[0]) -> tuple[str, str]:
    """Write out one question with its answer, and its twin."""
    generator = torch.Generator().manual_seed(seed)
    ids, answers = with_twins(sample_sentences(1, generator, length))
    one, twin = (
        f"{' '.join(WORDS[number] for number in row)} → {NAMED[answer]}"
        for row, answer in zip(ids.tolist(), answers.tolist(), strict=True)
    )
    return one, twin


def build_reader(
    scheme: str,
    generator: torch.Generator | None = None,
    *,
    causal: bool = False,
    num_layers: int = 2,
    parts: Mapping[str, Any] | None = None,
) -> Transformer:
    """Build a small model that reads a sentence and answers at its last word, untrained.

    Args:
        scheme: How it tells positions, a key of `SCHEMES`.
        generator: Draws the first weights.
        causal: Whether a word may look back only, and not ahead.
        num_layers: How often the words look at one another.
        parts: Replacements, as `Transformer` takes them.

    Raises:
        ValueError: If the scheme is unknown.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"scheme={scheme!r} is unknown; choose one of {list(SCHEMES)}")
    config = TransformerConfig(
        vocab_size=len(WORDS),
        context_length=max(LENGTHS),
        d_model=64,
        num_layers=num_layers,
        num_heads=4,
        d_feed_forward=128,
        architecture="decoder" if causal else "encoder",
        position=SCHEMES[scheme],
        head="classification",
        num_classes=len(NAMED),
        pooling="last",
        initialisation="silent",
    )
    return Transformer(config, parts=parts, generator=generator)


@dataclass(frozen=True, kw_only=True)
class OrderByScheme:
    """How well each scheme tells what came first.

    Attributes:
        right: Share of right answers by scheme, one for each of `LENGTHS`; a bag of words allows
            one half.
        by_quarter: The same at the longest, river and money both in one of the `QUARTERS`.
    """

    right: Mapping[str, Sequence[float]]
    by_quarter: Mapping[str, Sequence[float]]


def order_by_scheme(
    seed: int = 0,
    *,
    num_steps: int = TRAINING.num_steps,
    num_questions: int = NUM_QUESTIONS,
    parts: Mapping[str, Any] | None = None,
) -> OrderByScheme:
    """Train a model for each of the five schemes on sentences of 16 words, and ask all of them.

    Args:
        seed: Of weights and sentences.
        num_steps: Optimiser steps, of each.
        num_questions: Asked at each length, twins included.
        parts: Replacements, as `Transformer` takes them.
    """
    right, by_quarter = {}, {}
    for scheme in SCHEMES:
        model = trained_reader(scheme, seed, num_steps=num_steps, parts=parts)
        right[scheme] = shares_right(model, seed, num_questions)
        by_quarter[scheme] = tuple(
            share_right(model, LENGTHS[-1], seed, num_questions // 2, among) for among in QUARTERS
        )
    return OrderByScheme(right=right, by_quarter=by_quarter)


def trained_reader(
    scheme: str,
    seed: int,
    *,
    num_steps: int = TRAINING.num_steps,
    causal: bool = False,
    num_layers: int = 2,
    parts: Mapping[str, Any] | None = None,
) -> Transformer:
    """Build a reader, as `build_reader` does, and train it."""
    generator = torch.Generator().manual_seed(seed)
    model = build_reader(scheme, generator, causal=causal, num_layers=num_layers, parts=parts)
    training = replace(
        TRAINING, num_steps=num_steps, warmup_steps=min(TRAINING.warmup_steps, num_steps)
    )
    fit(model, partial(sample_sentences, length=LENGTHS[0]), training, generator)
    return model


def shares_right(
    model: Transformer, seed: int, num_questions: int = NUM_QUESTIONS
) -> tuple[float, ...]:
    """Return the share of right answers at each of `LENGTHS`."""
    return tuple(share_right(model, length, seed, num_questions) for length in LENGTHS)


@torch.inference_mode()
def share_right(
    model: Transformer,
    length: int,
    seed: int,
    num_questions: int = NUM_QUESTIONS,
    among: range | None = None,
) -> float:
    """Ask fresh questions of a length, each with its twin; return the share of right answers.

    There are too many sentences of 16 words for one to be met twice. `among` is where river and
    money stand, as `sample_sentences` takes it.
    """
    generator = torch.Generator().manual_seed(seed + 1_000)
    questions = with_twins(sample_sentences(num_questions // 2, generator, length, among))
    with one_thread():
        answers = torch.cat([model(ids).logits.argmax(-1) for ids in questions.inputs.split(250)])
    return (answers == questions.targets).double().mean().item()


TOLD = tuple(scheme for scheme in SCHEMES if scheme != "none")
FADING = ("sinusoidal", "learned", "RoPE")


@claim_of("C7", order_by_scheme)
def positions_let_a_model_tell_order(order: OrderByScheme) -> Finding:
    """Judge whether each scheme tells order at the length of training, and none of them cannot."""
    worst = above(min(order.right[scheme][0] for scheme in TOLD), 0.98)
    bag = below(max(abs(share - 0.5) for share in order.right["none"]), 0.01)
    return Finding(
        f"which of two words came first, of {LENGTHS[0]}: {', '.join(TOLD)} each right {worst}",
        f"no positions: right on one half, all that a bag of words allows (difference {bag}, also "
        f"at {LENGTHS[1]} and {LENGTHS[2]} words)",
        worst.holds and bag.holds,
    )


@claim_of("C7", order_by_scheme)
def length_is_not_free(order: OrderByScheme) -> Finding:
    """Judge what is left at twice and at four times the length of training."""
    at_first = above(min(order.right[scheme][0] for scheme in TOLD), 0.98)
    twice, four_times = above(order.right["ALiBi"][1], 0.93), above(order.right["ALiBi"][2], 0.8)
    others_twice = below(max(order.right[scheme][1] for scheme in FADING), 0.88)
    others = below(max(order.right[scheme][2] for scheme in FADING), 0.65)
    return Finding(
        f"trained on {LENGTHS[0]} words, asked on {LENGTHS[1]} and {LENGTHS[2]}: ALiBi right "
        f"{twice} and {four_times}; {', '.join(FADING)} each {others_twice} and {others}",
        f"the same models on {LENGTHS[0]} words: each {at_first}",
        all(bound.holds for bound in (at_first, twice, four_times, others_twice, others)),
    )


@claim_of("C7", order_by_scheme)
def each_holds_where_it_was_trained(order: OrderByScheme) -> Finding:
    """Judge where in the longest questions a scheme still tells order, and where it does not."""
    learned, rotary, alibi = (order.by_quarter[scheme] for scheme in ("learned", "RoPE", "ALiBi"))
    first, last = above(learned[0], 0.8), above(min(rotary[-1], alibi[-1]), 0.93)
    bag = below(max(abs(share - 0.5) for share in order.by_quarter["none"]), 0.01)
    untrained, far = below(max(learned[1:]), 0.75), below(alibi[0], 0.6)
    farther = above(alibi[-2], 0.75)
    return Finding(
        f"of {LENGTHS[-1]} words, both named in the first {LENGTHS[0]}: learned right {first}, "
        f"ALiBi {far}; both in the last {LENGTHS[0]}: RoPE, ALiBi right {last}, learned "
        f"{untrained}; in the {LENGTHS[0]} before those: ALiBi {farther}",
        f"no positions: one half wherever they stand (difference {bag})",
        all(bound.holds for bound in (first, last, untrained, far, farther, bag)),
    )
