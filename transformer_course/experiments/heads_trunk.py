"""The trunk of lesson 07 where one is trained from the start, for each fold of plays anew.

The lesson itself takes the trunk that comes with the course: it has read more, and longer.

Source: Radford et al. 2019 (language modelling).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from transformer_course.config import TransformerConfig
from transformer_course.experiments.fitting import fit
from transformer_course.experiments.heads_speeches import NUM_TOKENS, Library
from transformer_course.model import Transformer
from transformer_course.training import Step, TokenStream, TrainingConfig, training_step

TRAINING = TrainingConfig(
    num_steps=200,
    batch_size=16,
    learning_rate=0.01,
    betas=(0.9, 0.95),
    weight_decay=0.0,
    warmup_steps=0,
    decay="linear",
    final_learning_rate=0.0,
)


def trunk_config(vocab_size: int) -> TransformerConfig:
    """Describe a decoder of two blocks, with the choices of the recipes that learn quickly."""
    return TransformerConfig(
        vocab_size=vocab_size,
        context_length=NUM_TOKENS,
        d_model=128,
        num_layers=2,
        num_heads=4,
        d_feed_forward=512,
        position="rotary",
        normalize_query_key=True,
        norm="plain_layer_norm",
        embedding_norm=True,
        mix_previous=True,
        feed_forward="squared_relu",
        bias=False,
        tie_embedding=False,
        initialisation="silent",
    )


def train_trunk(
    library: Library,
    seed: int = 0,
    *,
    num_steps: int = TRAINING.num_steps,
    parts: Mapping[str, Any] | None = None,
    step: Step = training_step,
) -> Transformer:
    """Train a trunk with a language-model head on the plays that may be read.

    Args:
        library: The plays.
        seed: Of weights and batches.
        num_steps: Optimiser steps, of 16 windows of 64 tokens each.
        parts: Replacements, as `Transformer` takes them.
        step: What does a step, in place of the course's own.
    """
    generator = torch.Generator().manual_seed(seed)
    config = trunk_config(library.tokenizer.vocab_size)
    model = Transformer(config, parts=parts, generator=generator)
    ids = library.ids(held_out=False)
    stream = TokenStream(ids, ids, NUM_TOKENS)
    fit(model, stream.sample, replace(TRAINING, num_steps=num_steps), generator, step)
    return model


def untrained_trunk(vocab_size: int, seed: int = 0) -> Transformer:
    """Build the trunk with weights drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    return Transformer(trunk_config(vocab_size), generator=generator).eval()
