"""Claim C10, the first output: a trunk that learns to say which token comes next, and how surely.

Its loss is measured on whole plays that nothing has read, and told in bits a character, which
models of other tokens share. Beside it stand guessing and counting, from one token to five.

Source: Radford et al. 2019, section 2 (language modelling); Guo et al. 2017, section 2
(calibration, reliability diagrams).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.data import load_shakespeare
from transformer_course.experiments.fitting import fit
from transformer_course.experiments.heads import ngram_losses
from transformer_course.experiments.heads_speeches import NUM_TOKENS, Library, open_library
from transformer_course.heads import bits_per_character, next_token_probabilities
from transformer_course.model import Transformer
from transformer_course.tokenization import CharacterTokenizer
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
NUM_BINS = 10
HIGHEST_ORDER = 5
TOKEN_ORDER = 3
"""Among 1,024 tokens longer n-grams than trigrams are too rare to help."""


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


@dataclass(frozen=True)
class Reading:
    """What a model says of every token of a text but the first.

    Attributes:
        logits: Its scores, window by window; −inf never.
        targets: The tokens that came.
    """

    logits: Float[Tensor, "token vocab"]
    targets: Int[Tensor, " token"]


@torch.inference_mode()
def read_text(model: Transformer, ids: Int[Tensor, " token"]) -> Reading:
    """Have a model read a text in windows that follow one another, each token once."""
    stream = TokenStream(ids, ids, model.config.context_length)
    batches = list(stream.validation_batches())
    return Reading(
        torch.cat([model(batch.inputs).logits.flatten(0, 1) for batch in batches]),
        torch.cat([batch.targets.flatten() for batch in batches]),
    )


def untrained_trunk(vocab_size: int, seed: int = 0) -> Transformer:
    """Build the trunk with weights drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    return Transformer(trunk_config(vocab_size), generator=generator).eval()
