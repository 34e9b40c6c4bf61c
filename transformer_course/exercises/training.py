"""What lesson 08 asks for: a training step.

Builds on: training, engine.  Lacks: the loop around it, which is the course's own; what goes wrong
(training_mistakes).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from transformer_course.engine.exercise import Exercise
from transformer_course.exercises.training_mistakes import MISTAKES
from transformer_course.training import Batch

training_step = Exercise(
    "training.training_step",
    lesson="08",
    level=2,
    minutes=12,
    lends=("heads.cross_entropy",),
    stub="""def training_step(model, optimizers, batches, clip_norm):
    # batches: a list; model(batch.inputs).logits (windows, length, vocab) are the scores,
    # batch.targets (windows, length) is what should come out; cross_entropy takes both as they are
    # optimizers: a list; each moves its share of the parameters
    # the step uses the mean gradient over the batches, shortened to clip_norm if it is longer
    # → the mean loss over the batches and the gradient's length before clipping, two numbers
    ...
""",
    start="Begin with one batch: the loss, then its gradient.",
    hints=(
        "Four moves: for every batch a loss and its backward pass, which adds to the gradients; "
        "then once: clip, update, and clear the gradients for the next step.",
        "Divide each batch's loss by the number of batches, and the gradients add up to their "
        "mean. nn.utils.clip_grad_norm_ shortens the gradient and returns its length before.",
        "After clipping: for every optimiser step(), then zero_grad(). .item() turns a loss of "
        "one number into a number.",
    ),
    unlocks="From now on this lesson's model learns by your step.",
    mistakes=MISTAKES,
)

VOCAB_SIZE, WIDTH = 7, 3


@training_step.inputs
def _models_and_batches(rng: Generator) -> dict[str, dict[str, Any]]:
    # float32 is coarse enough for whoever clips without the 1e-6 that torch adds to the length.
    def matrix() -> Tensor:
        return torch.tensor(rng.normal(size=(VOCAB_SIZE, WIDTH)), dtype=torch.float32)

    def case(num_steps: int, num_batches: int, clip_norm: float) -> dict[str, Any]:
        return {
            "table": matrix(),
            "head": matrix(),
            "tokens": torch.tensor(rng.integers(VOCAB_SIZE, size=(num_steps, num_batches, 2, 6))),
            "clip_norm": clip_norm,
        }

    return {
        "one step, one batch": case(1, 1, 100.0),
        "one step, a gradient that is too long": case(1, 1, 0.05),
        "two steps, one batch each": case(2, 1, 100.0),
        "three steps of two batches, clipped": case(3, 2, 0.1),
    }


class _SmallModel(nn.Module):
    """Two matrices: a table of vectors, and a head that scores them."""

    def __init__(self, table: Tensor, head: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.head = nn.Parameter(head.clone())

    def forward(self, ids: Tensor) -> SimpleNamespace:
        if not isinstance(ids, Tensor):
            raise TypeError("model reads batch.inputs, one batch at a time")
        return SimpleNamespace(logits=self.table[ids] @ self.head.T)


class _Descent(torch.optim.Optimizer):
    """Plain gradient descent on one parameter, with what a step may ask of an optimiser.

    Without torch's own constructor, which would import a compiler and take seconds to do so.
    """

    def __init__(self, parameter: nn.Parameter, rate: float) -> None:
        self.parameter = parameter
        self.rate = rate
        self.used: list[Tensor | None] = []

    def step(self) -> None:  # type: ignore[override]
        gradient = self.parameter.grad
        self.used.append(None if gradient is None else gradient.clone())
        if self.parameter.grad is not None:
            self.parameter.data -= self.rate * self.parameter.grad

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT001, FBT002 (as in torch)
        if set_to_none or self.parameter.grad is None:
            self.parameter.grad = None
        else:
            self.parameter.grad.zero_()


@training_step.probe
def _trained(
    candidate: Any, *, table: Tensor, head: Tensor, tokens: Tensor, clip_norm: float
) -> dict[str, Any] | None:
    model = _SmallModel(table, head)
    optimizers = [_Descent(model.table, 0.5), _Descent(model.head, 0.2)]
    returned, starts, used = [], [], []
    for step in tokens:
        starts.append((model.table.detach().clone(), model.head.detach().clone()))
        batches = [Batch(one[:, :-1], one[:, 1:]) for one in step]
        returned.append(candidate(model, optimizers, batches, clip_norm))
        used.append([optimizer.used for optimizer in optimizers])
        for optimizer in optimizers:
            optimizer.used = []
    if all(one is None for one in returned):
        return None
    return {
        "returned": returned,
        "table": model.table,
        "head": model.head,
        "starts": starts,
        "used": used,
    }


@training_step.property("two things are returned", form=True)
def _two_things(_: SimpleNamespace, found: Any) -> str | None:
    if all(not isinstance(one, str) and np.shape(one)[:1] == (2,) for one in found["returned"]):
        return None
    return "what a step returns is not two numbers: the mean loss and the gradient's length"


@training_step.property("every optimiser steps once, by a gradient", form=True)
def _every_one_steps(_: SimpleNamespace, found: Any) -> str | None:
    for turn, used in enumerate(found["used"], start=1):
        for number, gradients in enumerate(used, start=1):
            if len(gradients) != 1:
                return (
                    f"in step {turn}, step() of optimiser {number} is called {len(gradients)} "
                    "times, expected once"
                )
            if gradients[0] is None:
                return f"in step {turn}, optimiser {number} finds no gradient when it steps"
    return None


@training_step.property("the weights move")
def _weights_move(given: SimpleNamespace, found: Any) -> str | None:
    for name in ("table", "head"):
        if np.array_equal(found[name], getattr(given, name)):
            return "a matrix of the model is still the same after the step"
    return None


@training_step.property("no step is longer than clip_norm allows")
def _steps_are_short(given: SimpleNamespace, found: Any) -> str | None:
    moved = np.linalg.norm(found["head"] - given.head) / 0.2
    allowed = given.clip_norm * len(given.tokens)
    if moved <= 1.001 * allowed:
        return None
    return f"the gradient that moved the head was {moved:.2f} long, allowed was {allowed:.2f}"


@training_step.property("the first loss is as on paper")
def _loss_on_paper(given: SimpleNamespace, found: Any) -> str | None:
    loss, wanted = found["returned"][0][0], _first_loss(given)
    if np.isclose(loss, wanted, rtol=1e-3):
        return None
    return f"the first loss is {loss:.3f}; the mean of −log p(right next token) is {wanted:.3f}"


@training_step.property("the length is the mean gradient's, before clipping")
def _length_on_paper(given: SimpleNamespace, found: Any) -> str | None:
    told = found["returned"][0][1]
    length = _length(_mean_gradients(given.table, given.head, given.tokens[0]))
    if np.isclose(told, length, rtol=1e-3):
        return None
    return f"the first length is {told:.3f}; before clipping the mean gradient's is {length:.3f}"


@training_step.property("each step uses the gradient of its own batches alone")
def _own_gradient(given: SimpleNamespace, found: Any) -> str | None:
    for turn, ((table, head), used) in enumerate(zip(found["starts"], found["used"], strict=True)):
        wanted = _mean_gradients(table, head, given.tokens[turn])
        shrink = min(1.0, given.clip_norm / _length(wanted))
        for (gradient,), whole in zip(used, wanted, strict=True):
            if not np.allclose(gradient, shrink * whole, rtol=1e-3, atol=1e-5):
                return (
                    f"in step {turn + 1} an optimiser reads another gradient than the mean over "
                    "that step's batches, shortened where it is too long"
                )
    return None


def _mean_gradients(table: Any, head: Any, tokens: Any) -> tuple[Any, Any]:
    """Return how the mean loss changes with both matrices, by the formula p − (1 if right)."""
    inputs, targets = tokens[..., :-1].reshape(-1), tokens[..., 1:].reshape(-1)
    scores = table[inputs] @ head.T
    errors = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    errors[np.arange(len(targets)), targets] -= 1
    errors /= len(targets)
    of_table = np.zeros_like(table)
    np.add.at(of_table, inputs, errors @ head)
    return of_table, errors.T @ table[inputs]


def _length(gradients: tuple[Any, Any]) -> float:
    return float(np.sqrt(sum(np.square(one).sum() for one in gradients)))


def _first_loss(given: SimpleNamespace) -> float:
    """Return the mean of −log p over the first step's batches, before anything has moved."""
    inputs, targets = given.tokens[0, ..., :-1], given.tokens[0, ..., 1:]
    scores = given.table[inputs] @ given.head.T
    right = np.take_along_axis(scores, targets[..., None], -1)[..., 0]
    return float((np.log(np.exp(scores).sum(-1)) - right).mean())


@training_step.workload
def _step_of_a_model(candidate: Any) -> Any:
    model = _SmallModel(torch.ones(69, 128) / 100, torch.ones(69, 128) / 100)
    ids = torch.arange(12 * 65).view(12, 65) % 69
    optimizers = [_Descent(model.table, 0.5), _Descent(model.head, 0.2)]
    loss, _ = candidate(model, optimizers, [Batch(ids[:, :-1], ids[:, 1:])], 1.0)
    # A step returns a number; what a workload returns has to carry gradients.
    return torch.tensor(loss, requires_grad=True)
