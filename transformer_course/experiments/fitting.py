"""Training for small experiments: the course's own step, for anything that gives logits.

`training.TrainingRun` is for runs that are watched, stopped and kept. Here a model is trained from
its first step to its last in seconds, next to controls that are no transformers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from transformer_course.device import one_thread
from transformer_course.optimizers import build_optimizers
from transformer_course.training import (
    Batch,
    Step,
    TrainingConfig,
    learning_rate_share,
    training_step,
)

Sample = Callable[[int, torch.Generator], Batch]


@dataclass(frozen=True)
class Answer:
    """What a control returns: logits, as a transformer does."""

    logits: Tensor


def fit(
    model: nn.Module,
    sample: Sample,
    config: TrainingConfig,
    generator: torch.Generator,
    step: Step = training_step,
) -> None:
    """Train a model for all steps of the configuration, and leave it in evaluation mode.

    Args:
        model: Returns an object with `logits` for a batch's inputs.
        sample: Draws a batch of a size.
        config: How to train.
        generator: Draws the batches.
        step: What does a step, in place of the course's own `training_step`.
    """
    optimizers = build_optimizers(
        model,
        config.optimizer,
        learning_rate=config.learning_rate,
        matrix_learning_rate=config.matrix_learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
    )
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    highest = [group["lr"] for group in groups]
    model.train()
    with one_thread():
        for done in range(config.num_steps):
            for group, rate in zip(groups, highest, strict=True):
                group["lr"] = rate * learning_rate_share(done, config)
            step(model, optimizers, [sample(config.batch_size, generator)], config.clip_norm)
    model.eval()


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that training changes; shared ones count once."""
    return sum(parameter.numel() for parameter in model.parameters())
