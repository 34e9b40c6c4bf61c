"""What lesson 01 asks for first: a step of an RNN.

Builds on: recurrent, engine.  Lacks: the loop (recurrent_loop), gradients (recurrent_probe), gates
(recurrent_remember).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient
from transformer_course.recurrent import unroll as course_unroll

rnn_step = Exercise(
    "recurrent.rnn_step",
    lesson="01",
    level=1,
    minutes=5,
    forbidden=(nn.RNNCell, nn.RNN),
    stub="""def rnn_step(inputs, hidden, input_weight, hidden_weight, bias):
    # inputs (batch, d_input): what is read; hidden (batch, d_hidden): the state before
    # two matrices: input_weight (d_input, d_hidden), hidden_weight (d_hidden, d_hidden)
    # bias (d_hidden), added to each row
    # → the state after, (batch, d_hidden)
    ...
""",
    start="Begin with what is read: inputs @ input_weight. What else is added before tanh?",
    hints=(
        "Three things are added: one from what is read, one from the state before, and the bias.",
        "Each row times its matrix is a product with @: inputs goes with input_weight. What does "
        "the state go with?",
        "Add the two products and the bias, and put the whole sum into torch.tanh.",
    ),
    unlocks="Section 1 trains an RNN that takes this step; section 4 counts its products.",
    mistakes=(
        Mistake(
            "the sum is not squashed",
            "Which function keeps every state between −1 and 1?",
            {"torch.tanh(": "("},
        ),
        Mistake(
            "sigmoid stands in the place of tanh",
            "The states are all above 0. Which function goes from −1 to 1?",
            {"torch.tanh": "torch.sigmoid"},
        ),
        Mistake(
            "the recurrent matrix is turned round",
            "It is square, so both ways fit. A row of states goes with its rows: hidden @ …?",
            {"hidden @ hidden_weight": "hidden @ hidden_weight.T"},
        ),
        Mistake(
            "the bias is left out",
            "What becomes of a state when nothing was read and nothing remembered?",
            {" + bias": ""},
        ),
        Mistake(
            "the state before is left out",
            "Does your step remember anything? Where does `hidden` enter?",
            {" + hidden @ hidden_weight": ""},
        ),
        Mistake(
            "the state before is added as it is",
            "Each has a matrix to go through: one for what is read, one for the state.",
            {"+ hidden @ hidden_weight": "+ hidden"},
        ),
        Mistake(
            "tanh is taken of the state before, not of the sum",
            "What is squashed last of all, so that the new state stays between −1 and 1?",
            {"torch.tanh(inputs": "(inputs", "hidden @": "torch.tanh(hidden) @"},
        ),
        Mistake(
            "the bias is added after tanh",
            "What is squashed last of all? Where does your bias come in?",
            {" + bias)": ") + bias"},
        ),
        Mistake(
            "only what is read goes through tanh",
            "Where does the bracket of your tanh close? Which is to be squashed: part or sum?",
            {"input_weight + hidden": "input_weight) + hidden", " + bias)": " + bias"},
        ),
        Mistake(
            "each product is squashed by itself, then they are added",
            "Two numbers below 1 can add up to more than 1. What is to be squashed: parts, or sum?",
            {
                "input_weight + hidden": "input_weight) + torch.tanh(hidden",
                " + bias)": ") + bias",
            },
        ),
        Mistake(
            "the two matrices have changed places",
            "Which matrix has a row for each number that is read?",
            {
                "inputs @ input_weight": "inputs @ hidden_weight",
                "hidden @ hidden_weight + bias": "hidden @ input_weight + bias",
            },
        ),
    ),
)


def normal_tensors(
    rng: Generator, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype
) -> dict[str, Any]:
    """Draw a tensor of each shape, by name."""
    return {
        name: torch.tensor(rng.normal(size=shape), dtype=dtype) for name, shape in shapes.items()
    }


@rnn_step.inputs
def _states(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(batch: int, d_input: int, d_hidden: int, dtype: Any) -> dict[str, Any]:
        shapes = {
            "inputs": (batch, d_input),
            "hidden": (batch, d_hidden),
            "input_weight": (d_input, d_hidden),
            "hidden_weight": (d_hidden, d_hidden),
            "bias": (d_hidden,),
        }
        return normal_tensors(rng, shapes, dtype)

    return {
        "one sequence, one number": draw(1, 1, 1, torch.float64),
        "one sequence, two numbers read, three remembered": draw(1, 2, 3, torch.float64),
        "a batch of five": draw(5, 3, 4, torch.float32),
    }


@rnn_step.probe
def _states_and_gradients(candidate: Any, **given: Any) -> Any:
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in given.items()}
    after = candidate(**leaves)
    if after is None:
        return None
    nothing = {name: torch.zeros_like(given[name]) for name in ("inputs", "hidden")}
    return {
        "state": after,
        "gradients": gradients_by(after, leaves, ("inputs", "input_weight")),
        "from what is read": candidate(**{**given, "hidden": nothing["hidden"]}),
        "from the state before": candidate(**{**given, "inputs": nothing["inputs"]}),
    }


def gradients_by(result: Any, leaves: dict[str, Any], names: Sequence[str] = ()) -> dict[str, Any]:
    """Return the gradient by each leaf, zeros by those that have no effect on the result."""
    chosen = {name: leaves[name] for name in names or leaves}
    found = gradient(result, *chosen.values()) or [None] * len(chosen)
    return {
        name: torch.zeros_like(leaf) if one is None else one
        for (name, leaf), one in zip(chosen.items(), found, strict=True)
    }


def without_effect(gradients: dict[str, Any]) -> str | None:
    """Say which argument moves nothing of the result, or which no gradient reaches."""
    idle = [name for name, numbers in gradients.items() if not numbers.any()]
    if len(idle) == len(gradients):
        return "no gradient comes back through the result; is there a .detach() or an .item()?"
    return f"`{idle[0]}` has no effect on the result" if idle else None


@rnn_step.property("each number lies between −1 and 1")
def _squashed(_: SimpleNamespace, found: Any) -> str | None:
    largest = np.abs(found["state"]).max()
    return None if largest <= 1 else f"a state of {largest:.2f} comes out"


@rnn_step.property("a gradient comes back")
def _gradient_back(_: SimpleNamespace, found: Any) -> str | None:
    return without_effect(found["gradients"])


@rnn_step.property("with nothing remembered")
def _from_what_is_read(given: SimpleNamespace, found: Any) -> str | None:
    expected = np.tanh(given.inputs @ given.input_weight + given.bias)
    return state_off(found["from what is read"], expected, "with a state of zeros before it")


@rnn_step.property("with nothing read")
def _from_the_state_before(given: SimpleNamespace, found: Any) -> str | None:
    expected = np.tanh(given.hidden @ given.hidden_weight + given.bias)
    return state_off(found["from the state before"], expected, "where zeros are read")


def state_off(found: Any, expected: Any, when: str) -> str | None:
    """Say by how much a state is off, and when."""
    difference = np.abs(found - expected).max()
    return None if difference < ROUNDING else f"{when}, the state is off by {difference:.2g}"


@rnn_step.workload
def _step_in_training(candidate: Any) -> Any:
    weight, hidden_weight = torch.eye(16, 40).requires_grad_(), torch.eye(40).requires_grad_()
    step = partial(
        candidate, input_weight=weight, hidden_weight=hidden_weight, bias=torch.zeros(40)
    )
    return course_unroll(step, torch.ones(32, 21, 16), torch.zeros(32, 40)).sum()
