"""Lesson 04's claim C7, trained: which schemes for positions let a model tell what came first.

A sentence names the river once and the money once, among other words; the model says which came
first. Every question that is asked after training comes with its twin, in which the two have
changed places: the same bag of words, and the other answer. Whoever sees only the bag is right on
one of the two, on exactly half of all.

Source: Vaswani et al. 2017, section 3.5; Haviv et al. 2022, sections 3 and 5 (causal models without
positions); Press et al. 2022, section 2 (longer than in training).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.experiments.fitting import fit
from transformer_course.model import Transformer
from transformer_course.training import Batch, TrainingConfig

NAMED = ("river", "money")
OTHERS = ("the", "of", "was", "but", "and", "bank", "crowded", "empty")
QUESTION = "first?"
WORDS = (*NAMED, *OTHERS, QUESTION)
LENGTHS = (16, 32, 64)
"""In training, and twice and four times as long: the question is the last of the words."""

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


def sample_sentences(batch_size: int, generator: torch.Generator, length: int) -> Batch:
    """Draw sentences of `length` words, and which of river and money each names first.

    Returns:
        The words' numbers in `WORDS`, and 0 where the river comes first, 1 where the money does.
    """
    ids = torch.randint(
        len(NAMED), len(NAMED) + len(OTHERS), (batch_size, length), generator=generator
    )
    ids[:, -1] = WORDS.index(QUESTION)
    places = torch.rand((batch_size, length - 1), generator=generator).argsort(1)[:, :2]
    ids.scatter_(1, places, torch.arange(len(NAMED)).expand(batch_size, -1))
    return Batch(ids, (places[:, 0] > places[:, 1]).long())


def with_twins(sentences: Batch) -> Batch:
    """Add to each sentence the one in which river and money have changed places."""
    ids, answers = sentences
    river, money = (WORDS.index(word) for word in NAMED)
    twins = torch.where(ids == river, money, torch.where(ids == money, river, ids))
    return Batch(torch.cat((ids, twins)), torch.cat((answers, 1 - answers)))


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
    )
    return Transformer(config, parts=parts, generator=generator)


@torch.inference_mode()
def share_right(model: Transformer, length: int, seed: int) -> float:
    """Ask 1,000 fresh questions of a length, each with its twin; return the share of right answers.

    Sentences of other lengths than in training cannot have been met there; of those of the same
    length there are too many to be met again.
    """
    generator = torch.Generator().manual_seed(seed + 1_000)
    questions = with_twins(sample_sentences(NUM_QUESTIONS // 2, generator, length))
    answers = torch.cat([model(ids).logits.argmax(-1) for ids in questions.inputs.split(250)])
    return (answers == questions.targets).double().mean().item()
