"""What lesson 01 asks for in section 2: a probe that measures gradients by distance.

Builds on: recurrent, engine.  Lacks: the step that it looks through (recurrent).
"""

from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.exercises.recurrent import normal_tensors
from transformer_course.recurrent import gradient_by_distance as course_gradient
from transformer_course.recurrent import rnn_step as course_step
from transformer_course.recurrent import unroll as course_unroll

gradient_by_distance = Exercise(
    "recurrent.gradient_by_distance",
    lesson="01",
    level=2,
    minutes=12,
    largest_cost=200.0,  # it measures a few models and trains none: sequence by sequence is fine
    stub="""def gradient_by_distance(score, inputs):
    # score: a function; takes inputs (batch, length, d_input), gives one number a sequence
    # → (length): for distance 0 (the last word), 1, 2 …: the norm of the gradient of a
    #   sequence's score by that word's d_input numbers, its mean over the batch
    ...
""",
    start="Begin with a tensor that torch follows: inputs.detach().clone().requires_grad_().",
    hints=(
        "torch.autograd.grad(result, inputs) gives a tuple with one tensor of the shape of "
        "`inputs`: how a single number, the result, changes with each of them. score gives one "
        "number a sequence; the sequences do not mix, so their sum serves for all at once.",
        "The gradient has the shape (batch, length, d_input). A word's d_input numbers have a "
        "norm: .norm(dim=-1). After that comes the mean over the batch, axis 0.",
        "What you have then stands in the order of reading. The last word is distance 0: .flip(0).",
    ),
    unlocks="It measures the untrained models of section 2, and our sentence.",
    mistakes=(
        Mistake(
            "it is ordered by place, not by distance",
            "Distance 0 is the last word. Which word does your first number belong to?",
            {".flip(0)": ""},
        ),
        Mistake(
            "the sequences are averaged before the length is taken",
            "Two gradients that point opposite ways have the mean 0. Are they small?",
            {"gradient.norm(dim=-1).mean(0)": "gradient.mean(0).norm(dim=-1)"},
        ),
        Mistake(
            "a word's numbers are added up, sign and all",
            "Can the length of (1, −1) be 0?",
            {"gradient.norm(dim=-1)": "gradient.sum(-1)"},
        ),
        Mistake(
            "the length's square is taken, not its root",
            "How long is (3, 4): 25 or 5?",
            {"gradient.norm(dim=-1)": "gradient.square().sum(-1)"},
        ),
        Mistake(
            "each gradient is divided by the size of the batch",
            "You took the gradient of the mean score. What is a single sequence's own gradient?",
            {"score(inputs).sum()": "score(inputs).mean()"},
            source="https://discuss.pytorch.org/t/what-is-param-grad-the-gradient-of/136751",
        ),
        Mistake(
            "the batch is added up, not averaged",
            "Should twice as many sequences give twice the number?",
            {".mean(0)": ".sum(0)"},
        ),
        Mistake(
            "the gradient is multiplied by the input",
            "That is another probe. Here: how would the score answer to a small change?",
            {"gradient.norm(dim=-1)": "(gradient * inputs).norm(dim=-1)"},
            source="trap 9",
        ),
        Mistake(
            "absolute numbers are added up, not squared",
            "How long is the arrow (3, 4): 7 or 5?",
            {"gradient.norm(dim=-1)": "gradient.abs().sum(-1)"},
        ),
        Mistake(
            "the mean over the batch is missing",
            "One number a distance is asked for, not one a sequence. Which axis is the batch?",
            {".mean(0)": ""},
        ),
        Mistake(
            "each sequence has its own numbers",
            "One number a distance is asked for. What is still to be done with the batch, axis 0?",
            {".mean(0).flip(0)": ".flip(-1)"},
        ),
        Mistake(
            "only the first sequence is measured",
            "There is a batch of sequences. Where do the others enter?",
            {"gradient.norm(dim=-1).mean(0)": "gradient[0].norm(dim=-1)"},
        ),
        Mistake(
            "only the first sequence has a gradient",
            "Whose score is it that you took the gradient of? What do the others add to the mean?",
            {"score(inputs).sum()": "score(inputs)[0]"},
        ),
        Mistake(
            "the whole batch makes one arrow",
            "Each sequence has its own norm; then comes their mean. Which axes go into your norm?",
            {"gradient.norm(dim=-1).mean(0)": "gradient.norm(dim=(0, -1))"},
        ),
        Mistake(
            "the squares are averaged over the batch, then comes the root",
            "Each sequence has its own norm, root and all. Which comes first, root or mean?",
            {"gradient.norm(dim=-1).mean(0)": "gradient.square().sum(-1).mean(0).sqrt()"},
        ),
        Mistake(
            "a word's squares are averaged, not added up",
            "How long is the arrow (3, 4)? Is anything divided by 2 on the way?",
            {"gradient.norm(dim=-1)": "gradient.square().mean(-1).sqrt()"},
        ),
        Mistake(
            "a word's numbers are averaged, not made into a length",
            "How long is the arrow (3, 4): 3.5 or 5?",
            {"gradient.norm(dim=-1)": "gradient.abs().mean(-1)"},
        ),
        Mistake(
            "the gradients of several calls add up",
            "The first call is right, the second is not. backward() adds to .grad; whose is it?",
            {
                "inputs.detach().clone().requires_grad_()": "inputs.requires_grad_()",
                "(gradient,) = torch.autograd.grad(score(inputs).sum(), inputs)": (
                    "score(inputs).sum().backward()\n    gradient = inputs.grad"
                ),
            },
        ),
    ),
)


@gradient_by_distance.inputs
def _readings(rng: Generator) -> dict[str, dict[str, Any]]:
    # torch imports a good deal when it first meets grad_outputs, which is not the answer's time.
    leaf = torch.ones(2, requires_grad=True)
    torch.autograd.grad(2 * leaf, leaf, torch.ones(2))

    def draw(batch: int, length: int, d_input: int, d_hidden: int, dtype: Any) -> dict[str, Any]:
        shapes = {
            "inputs": (batch, length, d_input),
            "input_weight": (d_input, d_hidden),
            "hidden_weight": (d_hidden, d_hidden),
            "bias": (d_hidden,),
        }
        return normal_tensors(rng, shapes, dtype)

    return {
        "one sequence of three words, one number each": draw(1, 3, 1, 1, torch.float64),
        "one sequence of four words, two numbers each": draw(1, 4, 2, 3, torch.float64),
        "a batch of five sequences": draw(5, 7, 3, 4, torch.float64),
        "a batch of two, in float32": draw(2, 4, 5, 3, torch.float32),
    }


EXACT = {"float64": 1e-7, "float32": 1e-4}
COARSE = 0.1
"""Off by a share between these, a length is not rounded, and not far off either."""


@gradient_by_distance.probe
def _probed(candidate: Any, *, inputs: Any, **weights: Any) -> Any:
    score = _score_by(weights)
    lengths = candidate(score, inputs)
    return None if lengths is None else {"lengths": lengths, "again": candidate(score, inputs)}


def _score_by(weights: dict[str, Any]) -> Any:
    """Return what scores sequences, as many as it is given, by an RNN's last state."""
    step = partial(course_step, **weights)

    def score(read: Any) -> Any:
        start = read.new_zeros(len(read), len(weights["bias"]))
        return course_unroll(step, read, start)[:, -1].sum(-1)

    return score


@gradient_by_distance.property("no length is below 0")
def _no_negative_length(_: SimpleNamespace, found: Any) -> str | None:
    shortest = found["lengths"].min()
    return None if shortest >= 0 else f"a length of {shortest:.2g} comes out"


@gradient_by_distance.property("a second call gives the same")
def _same_again(_: SimpleNamespace, found: Any) -> str | None:
    if np.allclose(found["lengths"], found["again"], 1e-4):
        return None
    return f"called again, it gives {found['again'][0]:.3g}, not {found['lengths'][0]:.3g}"


@gradient_by_distance.property("distance 0 is the last word")
def _last_word_first(given: SimpleNamespace, found: Any) -> str | None:
    if given.inputs.shape[:2] != (1, 3):
        return None
    before = np.zeros(1)
    for word in given.inputs[0, :, 0]:
        before = np.tanh(word * given.input_weight[0] + before @ given.hidden_weight + given.bias)
    last = abs(float(((1 - before**2) * given.input_weight[0])[0]))
    first = found["lengths"][0]
    if abs(first - last) < COARSE * last:
        return None
    if abs(first - last**2) < COARSE * last**2:
        return f"the first number is {first:.3g}, the square of {last:.3g}, the last word's norm"
    return f"the first number is {first:.3g}, the last word's norm is {last:.3g}"


@gradient_by_distance.property("the lengths are exact")
def _exact(given: SimpleNamespace, found: Any) -> str | None:
    tensors = {name: torch.as_tensor(value).double() for name, value in vars(given).items()}
    exact = _probed(course_gradient, **tensors)["lengths"].numpy()
    off = np.abs(found["lengths"] / exact - 1)
    if off.max() <= EXACT[given.inputs.dtype.name]:
        return None
    if off.max() < COARSE:
        return (
            f"a length is off by {off.max():.1g} of itself. Gradients by small changes are that "
            "coarse, torch.autograd.grad is exact"
        )
    worst = int(off.argmax())
    times = found["lengths"][worst] / exact[worst]
    return f"at distance {worst} it gives {times:.2g} times the length"


@gradient_by_distance.workload
def _probed_at_a_models_size(candidate: Any) -> Any:
    score, inputs, exact = _model_sized()
    lengths = candidate(score, inputs)
    if not torch.allclose(lengths, exact, EXACT["float64"]):
        raise ValueError("its numbers are not the course's own there")
    return (lengths * torch.ones_like(exact, requires_grad=True)).sum()


@cache
def _model_sized() -> tuple[Any, Any, Any]:
    """Return a score, what it reads, and the course's own lengths, as in section 2."""
    shapes = {"input_weight": (16, 40), "hidden_weight": (40, 40), "bias": (40,)}
    rng = np.random.default_rng(0)
    score = _score_by(
        {name: torch.tensor(rng.normal(size=one)) / 6 for name, one in shapes.items()}
    )
    inputs = torch.tensor(rng.normal(size=(16, 41, 16)))
    return score, inputs, course_gradient(score, inputs)
