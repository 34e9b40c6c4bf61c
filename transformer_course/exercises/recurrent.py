"""What lesson 01 asks for, first half: a step of an RNN, and the loop that unrolls it.

Builds on: recurrent, engine.  Lacks: gradients and gates (recurrent_memory).
"""

from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient
from transformer_course.recurrent import rnn_step as course_step
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
        return {
            name: torch.tensor(rng.normal(size=shape), dtype=dtype)
            for name, shape in shapes.items()
        }

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
    return _off(found["from what is read"], expected, "with a state of zeros before it")


@rnn_step.property("with nothing read")
def _from_the_state_before(given: SimpleNamespace, found: Any) -> str | None:
    expected = np.tanh(given.hidden @ given.hidden_weight + given.bias)
    return _off(found["from the state before"], expected, "where zeros are read")


def _off(found: Any, expected: Any, when: str) -> str | None:
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


unroll = Exercise(
    "recurrent.unroll",
    lesson="01",
    level=2,
    minutes=8,
    stub="""def unroll(step, inputs, state):
    # step: a function; step(what is read, the state before) gives the state after
    # inputs (batch, length, d_input): all that is read; state (batch, d_state): to begin with
    # → (batch, length, d_state): the state after each word
    ...
""",
    start="Begin with the first word, inputs[:, 0]: which state does step give for it?",
    hints=(
        "A loop over the words. In each turn step gets a word and the state that the turn before "
        "left; keep every state in a list.",
        "inputs[:, place] is what all sequences of the batch read at one place, with the shape "
        "(batch, d_input). There are inputs.shape[1] places.",
        "state = step(inputs[:, place], state), then append it. torch.stack puts a list of "
        "tensors side by side along a new axis; time is to be axis 1.",
    ),
    unlocks="Any step can be unrolled by it: your RNN's, a GRU's, an LSTM's.",
    mistakes=(
        Mistake(
            "each step begins from the first state",
            "Which state does the second step have to get?",
            {
                "        state = step(current, state)\n        states.append(state)": (
                    "        states.append(step(current, state))"
                )
            },
        ),
        Mistake(
            "the states come back from before each step",
            "The first state in your list: has the first word been read by then?",
            {
                "        state = step(current, state)\n        states.append(state)": (
                    "        states.append(state)\n        state = step(current, state)"
                )
            },
        ),
        Mistake(
            "it begins from zeros, not from the state that was given",
            "What is the argument `state` for?",
            {"    states = []": ("    states = []\n    state = torch.zeros_like(state)")},
        ),
        Mistake(
            "it reads from the last word to the first",
            "Which word is read first?",
            {"inputs.unbind(-2)": "inputs.flip(-2).unbind(-2)"},
        ),
        Mistake(
            "the gradient stops at each step",
            "The states are right. What does detach, or .data, do to the way back?",
            {"step(current, state)": "step(current, state.detach())"},
            source="https://github.com/yhs968/pyGRU4REC/issues/8",
        ),
        Mistake(
            "only the last state comes back",
            "One state for each word is asked for. Where could you collect them?",
            {"return torch.stack(states, -2)": "return state"},
        ),
        Mistake(
            "time is the first axis",
            "Which axis of `inputs` is time? The states are to have it in the same place.",
            {"torch.stack(states, -2)": "torch.stack(states, 0)"},
            source="trap 7",
        ),
        Mistake(
            "the states are cut off from what was read",
            "The numbers are right. What on their way cuts the link, as .detach() or .item() does?",
            {"return torch.stack(states, -2)": "return torch.stack(states, -2).detach()"},
        ),
        Mistake(
            "the states come back in reverse order",
            "Where in your list does the newest state go?",
            {"states.append(state)": "states.insert(0, state)"},
        ),
        Mistake(
            "the first word is read at every step",
            "What does the second step read?",
            {"step(current, state)": "step(inputs[:, 0], state)"},
        ),
        Mistake(
            "the last state stands at every place",
            "Each word has its own state. When is it put into the list?",
            {"torch.stack(states, -2)": "torch.stack([state] * len(states), -2)"},
        ),
        Mistake(
            "the loop goes over the sequences, not over the words",
            "`for word in inputs` walks along the first axis. Which axis is time?",
            {"inputs.unbind(-2)": "inputs"},
        ),
        Mistake(
            "step gets the state first, and what is read second",
            "In which order does `step` take its two arguments?",
            {"step(current, state)": "step(state, current)"},
        ),
    ),
)


@unroll.inputs
def _sequences(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(batch: int, length: int, d_input: int, d_hidden: int, dtype: Any) -> dict[str, Any]:
        shapes = {
            "inputs": (batch, length, d_input),
            "state": (batch, d_hidden),
            "input_weight": (d_input, d_hidden),
            "hidden_weight": (d_hidden, d_hidden),
            "bias": (d_hidden,),
        }
        return {
            name: torch.tensor(rng.normal(size=shape), dtype=dtype)
            for name, shape in shapes.items()
        }

    return {
        "one sequence of three words, one number each": draw(1, 3, 1, 1, torch.float64),
        "a batch of two, five words, a state of four": draw(2, 5, 3, 4, torch.float64),
        "a batch of two, two words": draw(2, 2, 3, 4, torch.float64),
        "a batch of seven": draw(7, 4, 2, 5, torch.float32),
    }


@unroll.probe
def _states_and_gradient(candidate: Any, *, inputs: Any, state: Any, **weights: Any) -> Any:
    leaf = inputs.clone().requires_grad_()
    states = candidate(partial(course_step, **weights), leaf, state)
    if states is None:
        return None
    return {"states": states, "gradients": gradients_by(states, {"inputs": leaf})}


@unroll.property("the first state is that of the first word")
def _first_state(given: SimpleNamespace, found: Any) -> str | None:
    summed = given.inputs[:, 0] @ given.input_weight + given.state @ given.hidden_weight
    return _off(found["states"][:, 0], np.tanh(summed + given.bias), "after the first word")


@unroll.property("a gradient comes back")
def _gradient_through_states(_: SimpleNamespace, found: Any) -> str | None:
    return without_effect(found["gradients"])


@unroll.workload
def _unrolled_in_training(candidate: Any) -> Any:
    weights = {
        "input_weight": torch.eye(16, 40).requires_grad_(),
        "hidden_weight": torch.eye(40).requires_grad_(),
        "bias": torch.zeros(40),
    }
    step = partial(course_step, **weights)
    return candidate(step, torch.ones(32, 21, 16), torch.zeros(32, 40)).sum()
