"""Ways to train a small model on Shakespeare: the plain one, and those that are fast.

The lessons start from the plain recipe. The fast ones have no more parameters and differ in what
stands here: each choice is a word in a configuration, and the module that the word belongs to
explains why it helps. `benchmarks/training.py` measures them side by side.

- Orthogonalised updates (`optimizers.Muon`) learn more from each batch than anything else here.
- Normalised queries and keys, norms without weights and a normalised embedding keep all sizes
  fixed, so that learning rates can be high from the first step: no warm-up.
- Blocks that start silent (`model.initialise_weights`) let the embedding learn first.
- Rotary positions need no training of their own.
- Squared ReLU (`blocks.squared_relu`) in the feed-forward.
- A share of the token before, mixed into each embedding (`embeddings.PreviousMixing`), does the
  work of a head that looks one place back; three blocks then learn more than four without it.
- A head of its own, instead of the embedding's table: the two want different scales.

Builds on: config, training.
Source: Jordan et al. 2024 (Muon); Henry et al. 2020, section 3 (queries and keys); So et al. 2021,
section 4 (squared ReLU); Su et al. 2021, section 3.2 (rotary); Peng et al. 2023, section 3.1.1
(a share of the token before: token shift).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from transformer_course.config import TransformerConfig
from transformer_course.training import TrainingConfig


def plain_model(vocab_size: int) -> TransformerConfig:
    """Return what small CPU trainers usually start from: 0.80 M parameters."""
    return TransformerConfig(
        vocab_size=vocab_size,
        context_length=64,
        d_model=128,
        num_layers=4,
        num_heads=4,
        d_feed_forward=512,
        bias=False,
    )


def plain_training(num_steps: int) -> TrainingConfig:
    """Return AdamW with warm-up and cosine decay."""
    return TrainingConfig(num_steps=num_steps, warmup_steps=min(100, num_steps // 10))


def quick_model(vocab_size: int) -> TransformerConfig:
    """Return the model for a run of seconds: two blocks, and a table of character pairs.

    The table holds half of the parameters and costs no matrix product (`PairEmbedding`): a step
    takes half the time of one with four blocks, and early on, when the model learns little more
    than which characters follow which two, it learns as much.
    """
    return _fast_model(vocab_size, num_layers=2, d_feed_forward=512, pair_embedding_rows=3_000)


def quick_training(num_steps: int) -> TrainingConfig:
    """Return small batches at high rates, for runs of a few hundred steps."""
    return TrainingConfig(
        num_steps=num_steps,
        batch_size=8,
        optimizer="muon",
        learning_rate=0.02,
        matrix_learning_rate=0.03,
        betas=(0.9, 0.95),
        weight_decay=0.0,
        warmup_steps=0,
        decay="linear",
        final_learning_rate=0.0,
    )


def strong_model(vocab_size: int) -> TransformerConfig:
    """Return the model for a run of minutes: three wide blocks, and mixing with the token before.

    The third block pays off in the long run; a table of pairs no longer does.
    """
    return _fast_model(vocab_size, num_layers=3, d_feed_forward=764, mix_previous=True)


def strong_training(num_steps: int) -> TrainingConfig:
    """Return larger batches at lower rates, for runs of a thousand steps and more."""
    return replace(
        quick_training(num_steps), batch_size=16, learning_rate=0.005, matrix_learning_rate=0.02
    )


def _fast_model(
    vocab_size: int,
    *,
    num_layers: int,
    d_feed_forward: int,
    pair_embedding_rows: int = 0,
    mix_previous: bool = False,
) -> TransformerConfig:
    return TransformerConfig(
        vocab_size=vocab_size,
        context_length=64,
        d_model=128,
        num_layers=num_layers,
        num_heads=4,
        d_feed_forward=d_feed_forward,
        position="rotary",
        normalize_query_key=True,
        norm="plain_layer_norm",
        embedding_norm=True,
        pair_embedding_rows=pair_embedding_rows,
        mix_previous=mix_previous,
        feed_forward="squared_relu",
        bias=False,
        tie_embedding=False,
        initialisation="silent",
    )


RECIPES: Mapping[
    str, tuple[Callable[[int], TransformerConfig], Callable[[int], TrainingConfig]]
] = {
    "plain": (plain_model, plain_training),
    "quick": (quick_model, quick_training),
    "strong": (strong_model, strong_training),
}
"""By name: the model for a vocabulary's size, and the training for a number of steps."""
