"""Training: sample a batch, measure the loss, step downhill, and look at unseen text now and then.

Builds on: model, heads, optimizers, windows.  Lacks: files (checkpoints), speech (generation).
Source: Vaswani et al. 2017, section 5.3 (warm-up); Loshchilov and Hutter 2017, section 3 (cosine).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from tqdm.auto import tqdm

from transformer_course.config import PlainData
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer, evaluation_mode
from transformer_course.optimizers import OPTIMIZERS, build_optimizers
from transformer_course.windows import Batch, TokenStream, TrainingData

__all__ = [
    "Batch",
    "StepReport",
    "TokenStream",
    "TrainingConfig",
    "TrainingData",
    "TrainingRun",
    "evaluate",
    "learning_rate_share",
    "num_processes",
    "process_rank",
    "train",
    "training_step",
]

ON_THE_WAY = 8
"""While training goes on, every eighth window of the validation set is evaluated."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(PlainData):
    """How a model is trained.

    Attributes:
        num_steps: Optimiser steps.
        batch_size: Windows a step and process.
        gradient_accumulation: Batches whose gradients are averaged into one step.
        optimizer: "adamw" or "muon".
        learning_rate: Highest learning rate (under Muon: of embeddings, head and vectors).
        matrix_learning_rate: Highest learning rate of the matrices under Muon.
        betas: AdamW's averaging constants.
        weight_decay: AdamW's pull on matrices.
        warmup_steps: Steps over which the rate rises from 0.
        decay: "cosine" or "linear", from the highest rate to the final one.
        final_learning_rate: Where the rate ends, as a share of its highest.
        clip_norm: Longest gradient that is used as it is; longer ones are shortened to it.
        evaluate_every: Steps between two looks at an eighth of the validation set.

    Raises:
        ValueError: If a number is outside its range or a name is unknown.
    """

    num_steps: int
    batch_size: int = 12
    gradient_accumulation: int = 1
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    matrix_learning_rate: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.1
    warmup_steps: int = 100
    decay: str = "cosine"
    final_learning_rate: float = 0.1
    clip_norm: float = 1.0
    evaluate_every: int = 250

    def __post_init__(self) -> None:
        self._check_numbers()
        for name, names in (("optimizer", OPTIMIZERS), ("decay", tuple(DECAYS))):
            if getattr(self, name) not in names:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is unknown; choose one of {list(names)}"
                )

    def _check_numbers(self) -> None:  # noqa: C901 - one line a rule
        for name in ("num_steps", "batch_size", "gradient_accumulation", "evaluate_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be 1 or more")
        for name in ("learning_rate", "matrix_learning_rate", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)} must be a number above 0")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay={self.weight_decay} must be 0 or more")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas={self.betas} must both be in [0, 1)")
        if not 0 <= self.final_learning_rate <= 1:
            raise ValueError(
                f"final_learning_rate={self.final_learning_rate} is outside [0, 1]; "
                "it is a share of the highest rate"
            )
        if not 0 <= self.warmup_steps <= self.num_steps:
            raise ValueError(
                f"warmup_steps={self.warmup_steps} is outside 0 to num_steps={self.num_steps}; "
                "choose about a twentieth of num_steps"
            )


def learning_rate_share(step: int, config: TrainingConfig) -> float:
    """Return the share of the highest learning rate that step 0, 1, 2 … uses.

    It rises in a straight line over the warm-up, while the optimiser's averages are still poor,
    then falls by the chosen decay to `final_learning_rate`.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
    final = config.final_learning_rate
    return final + (1 - final) * DECAYS[config.decay](min(1.0, progress))


DECAYS: Mapping[str, Callable[[float], float]] = {
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
    "linear": lambda progress: 1 - progress,
}


def training_step(
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    batches: Sequence[Batch],
    clip_norm: float,
) -> tuple[float, float]:
    """Average the gradients of the batches, clip them, and step.

    Args:
        model: Returns an object with `logits` for a batch's inputs.
        optimizers: Every one that has a share of the parameters.
        batches: More than one when a batch of the wanted size does not fit into memory.
        clip_norm: Longest gradient that is used as it is.

    Returns:
        The mean loss in nats a token, and the gradient's norm before clipping.
    """
    total = 0.0
    for batch in batches:
        loss = cross_entropy(model(batch.inputs).logits, batch.targets) / len(batches)
        loss.backward()
        total += loss.item()
    gradient_norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return total, gradient_norm.item()


Step = Callable[
    [nn.Module, Sequence[torch.optim.Optimizer], Sequence[Batch], float], tuple[float, float]
]


Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@torch.inference_mode()
def evaluate(model: Transformer, batches: Iterator[Batch], loss: Loss = cross_entropy) -> float:
    """Return the mean loss in nats a token over all batches, with dropout off."""
    device = next(model.parameters()).device
    total, count = 0.0, 0
    with evaluation_mode(model):
        for batch in batches:
            inputs, targets = (part.to(device) for part in batch)
            total += loss(model(inputs).logits, targets).item() * targets.numel()
            count += targets.numel()
    return total / count


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What is known after a step.

    Attributes:
        step: Steps done so far.
        loss: Mean training loss of this step's batch, in nats a token.
        learning_rate: AdamW's rate in this step.
        gradient_norm: Norm of the gradient before clipping.
        validation_loss: On an eighth of the validation set, at every `evaluate_every`-th step; on
            the whole of it after the last step; None at all others.
    """

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    validation_loss: float | None


class TrainingRun:
    """A training run that can be stopped after any step, kept, and taken up again.

    Args:
        model: What to train; it stays where it is (`model.to(device)` first).
        data: Where batches come from.
        config: How to train.
        generator: Draws the batches. Give each run its own.
        step: What does a step, in place of the course's own `training_step`.
        loss: What measures the validation loss, in place of the course's own `cross_entropy`. A
            step brings its own.

    Under `torchrun`, each of the processes takes its own share of a batch of `batch_size` windows
    a process, and they average their gradients: the step that one process would do with them all.
    """

    def __init__(
        self,
        model: Transformer,
        data: TrainingData,
        config: TrainingConfig,
        *,
        generator: torch.Generator,
        step: Step = training_step,
        loss: Loss = cross_entropy,
    ) -> None:
        self._do_step = step
        self._loss = loss
        self.model = model
        self.data = data
        self.config = config
        self.generator = generator
        self.step = 0
        self.optimizers = build_optimizers(
            model,
            config.optimizer,
            learning_rate=config.learning_rate,
            matrix_learning_rate=config.matrix_learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
        )
        self._highest_rates = [
            [group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers
        ]
        self._trained: nn.Module = model
        if num_processes() > 1:
            self._trained = nn.parallel.DistributedDataParallel(model)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def steps(self) -> Iterator[StepReport]:
        """Do the steps that are left, one for each report; leave the loop to stop.

        A run that was stopped goes on where it was when `steps` is called again.
        """
        while self.step < self.config.num_steps:
            yield self._next_step()

    def evaluate(self, every: int = 1) -> float:
        """Return the loss on the validation set, or on one in `every` of its windows."""
        return evaluate(self.model, self.data.validation_batches(every), self._loss)

    def _next_step(self) -> StepReport:
        share = learning_rate_share(self.step, self.config)
        for optimizer, highest in zip(self.optimizers, self._highest_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, highest, strict=True):
                group["lr"] = rate * share
        self.model.train()
        batches = [self._sample() for _ in range(self.config.gradient_accumulation)]
        loss, gradient_norm = self._do_step(
            self._trained, self.optimizers, batches, self.config.clip_norm
        )
        self.step += 1
        return StepReport(
            step=self.step,
            loss=self._mean_over_processes(loss),
            learning_rate=self.config.learning_rate * share,
            gradient_norm=gradient_norm,
            validation_loss=self._validation_loss(),
        )

    def _sample(self) -> Batch:
        """Draw the batch of all processes, the same in each, and keep this one's share."""
        rank, world_size = process_rank(), num_processes()
        batch = self.data.sample(self.config.batch_size * world_size, self.generator)
        return Batch(*(part.chunk(world_size)[rank].to(self.device) for part in batch))

    def _mean_over_processes(self, loss: float) -> float:
        if num_processes() == 1:
            return loss
        total = torch.tensor(loss, device=self.device)
        torch.distributed.all_reduce(total)
        return total.item() / num_processes()

    def _validation_loss(self) -> float | None:
        if self.step == self.config.num_steps:
            return self.evaluate()
        if self.step % self.config.evaluate_every == 0:
            return self.evaluate(every=ON_THE_WAY)
        return None


def train(
    run: TrainingRun,
    *,
    on_report: Callable[[StepReport], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    show_progress: bool = True,
) -> list[StepReport]:
    """Do the steps that are left, with a progress bar.

    Args:
        run: What to train; it can be trained further after a stop.
        on_report: Called after each step, to log, to draw, to keep a checkpoint.
        should_stop: Asked after each step; True ends the training there.
        show_progress: Whether to draw the bar.

    Returns:
        One report a step.
    """
    reports = []
    total = run.config.num_steps
    with tqdm(total=total, initial=run.step, unit="step", disable=not show_progress) as bar:
        for report in run.steps():
            reports.append(report)
            bar.update()
            bar.set_postfix(loss=f"{report.loss:.3f}", refresh=False)
            if on_report is not None:
                on_report(report)
            if should_stop is not None and should_stop():
                break
    return reports


def num_processes() -> int:
    """Count the processes that train together: 1 unless started by `torchrun`."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def process_rank() -> int:
    """Return this process's number among those that train together, from 0."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
