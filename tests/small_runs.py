"""A tiny model and a tiny text that the tests of training, checkpoints and generation share."""

import torch

from transformer_course.config import TransformerConfig
from transformer_course.model import Transformer
from transformer_course.training import TokenStream, TrainingConfig, TrainingRun, training_step

VOCAB_SIZE = 23
CONTEXT = 11

SIZES = {
    "vocab_size": VOCAB_SIZE,
    "context_length": CONTEXT,
    "d_model": 12,
    "num_layers": 2,
    "num_heads": 3,
    "d_feed_forward": 20,
}


def model_config(**changes) -> TransformerConfig:
    return TransformerConfig(**{**SIZES, **changes})


def random_stream(num_train: int = 500, num_validation: int = 150) -> TokenStream:
    generator = torch.Generator().manual_seed(5)
    train, validation = (
        torch.randint(VOCAB_SIZE, (count,), generator=generator)
        for count in (num_train, num_validation)
    )
    return TokenStream(train, validation, CONTEXT)


def small_run(data=None, *, model=None, step=training_step, **changes) -> TrainingRun:
    settings = {"num_steps": 12, "batch_size": 3, "warmup_steps": 2, "evaluate_every": 5, **changes}
    return TrainingRun(
        Transformer(model or model_config(), generator=torch.Generator().manual_seed(2)),
        data or random_stream(),
        TrainingConfig(**settings),
        generator=torch.Generator().manual_seed(3),
        step=step,
    )


def same_weights(first: Transformer, second: Transformer) -> bool:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)
