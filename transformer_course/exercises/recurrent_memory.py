"""What lesson 01 asks for, second half: gradients by distance, and the step of an LSTM.

Builds on: recurrent, engine.  Lacks: the RNN itself (recurrent).
"""

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.exercises.recurrent import gradients_by, without_effect
from transformer_course.recurrent import gradient_by_distance as course_gradient
from transformer_course.recurrent import rnn_step as course_step
from transformer_course.recurrent import unroll as course_unroll

gradient_by_distance = Exercise(
    "recurrent.gradient_by_distance",
    lesson="01",
    level=2,
    minutes=12,
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
            "only the first sequence is measured",
            "There is a batch of sequences. Where do the others enter?",
            {"gradient.norm(dim=-1).mean(0)": "gradient[0].norm(dim=-1)"},
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
        return {
            name: torch.tensor(rng.normal(size=shape), dtype=dtype)
            for name, shape in shapes.items()
        }

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
    step = partial(course_step, **weights)

    def score(read: Any) -> Any:
        start = read.new_zeros(len(read), len(weights["bias"]))
        return course_unroll(step, read, start)[:, -1].sum(-1)

    lengths = candidate(score, inputs)
    return None if lengths is None else {"lengths": lengths, "again": candidate(score, inputs)}


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
    return f"the first number is {first:.3g}, and that is not the last word's"


@gradient_by_distance.property("the lengths are exact")
def _exact(given: SimpleNamespace, found: Any) -> str | None:
    tensors = {name: torch.as_tensor(value).double() for name, value in vars(given).items()}
    exact = _probed(course_gradient, **tensors)["lengths"].numpy()
    off = np.abs(found["lengths"] / exact - 1).max()
    if not EXACT[given.inputs.dtype.name] < off < COARSE:
        return None
    return (
        f"a length is off by {off:.1g} of itself. Gradients by small changes are that coarse, "
        "torch.autograd.grad is exact"
    )


lstm_step = Exercise(
    "recurrent.lstm_step",
    lesson="01",
    level=3,
    minutes=15,
    forbidden=(nn.LSTMCell, nn.LSTM),
    stub="""def lstm_step(inputs, state, input_weight, hidden_weight, bias):
    # inputs (batch, d_input); state (batch, 2 · d_hidden): hidden state h, then cell c
    # input_weight (d_input, 4 · d_hidden), hidden_weight (d_hidden, 4 · d_hidden),
    # bias (4 · d_hidden): four blocks of columns: i let in, f keep, g new, o show
    # → the state after, (batch, 2 · d_hidden): hidden state, then cell
    ...
""",
    start="Begin by cutting: hidden, cell = state.chunk(2, -1).",
    hints=(
        "One sum gives all four blocks at once, as in the RNN's step but without tanh: "
        "inputs @ input_weight + hidden @ hidden_weight + bias. Cut it by .chunk(4, -1).",
        "Three of the blocks are gates: torch.sigmoid makes shares between 0 and 1 of them. `new` "
        "is a value: torch.tanh.",
        "cell = keep · old cell + let in · new, with gates and value from hint 2. Then "
        "hidden = show · tanh(cell), and torch.cat([hidden, cell], -1) puts both together.",
    ),
    unlocks="Compare it with torch's fused LSTM below: the same numbers.",
    mistakes=(
        Mistake(
            "the blocks “let in” and “keep” are swapped",
            "Which block comes first in the weights? The comment of the stub says it.",
            {"let_in, keep, new, show = gates": "keep, let_in, new, show = gates"},
        ),
        Mistake(
            "the blocks “new” and “show” are swapped",
            "Libraries order the four blocks differently. Which is the third here?",
            {"let_in, keep, new, show = gates": "let_in, keep, show, new = gates"},
            source="https://github.com/keras-team/keras/issues/3088",
        ),
        Mistake(
            "the new value is a share between 0 and 1",
            "Three blocks are gates, one is a value: it may be negative.",
            {"torch.tanh(new)": "torch.sigmoid(new)"},
        ),
        Mistake(
            "the cell is shown without tanh",
            "Can a hidden state be larger than 1?",
            {"torch.tanh(cell)": "cell"},
        ),
        Mistake(
            "the gate says what to forget, not what to keep",
            "A gate of 1 is to leave the cell as it is. What does yours do then?",
            {"torch.sigmoid(keep) * cell": "(1 - torch.sigmoid(keep)) * cell"},
        ),
        Mistake(
            "the cell forgets nothing",
            "Does the block `keep` have any effect in your step?",
            {"torch.sigmoid(keep) * cell": "cell"},
            source="Gers et al. 2000, section 3",
        ),
        Mistake(
            "the hidden state shows the cell from before",
            "Which comes first: changing the cell, or showing it?",
            {
                "    cell = torch.sigmoid(keep)": "    after = torch.sigmoid(keep)",
                "torch.cat([hidden, cell], -1)": "torch.cat([hidden, after], -1)",
            },
        ),
        Mistake(
            "hidden state and cell come back in the other order",
            "The next step takes the first half for the hidden state.",
            {"torch.cat([hidden, cell], -1)": "torch.cat([cell, hidden], -1)"},
        ),
        Mistake(
            "hidden state and cell are taken in the other order",
            "Which half of `state` comes first? The comment of the stub says it.",
            {"hidden, cell = state": "cell, hidden = state"},
        ),
        Mistake(
            "the cell comes first in the state, before the hidden state",
            "Which half of `state` comes first, on the way in and out? The stub says it.",
            {
                "hidden, cell = state": "cell, hidden = state",
                "cat([hidden, cell]": "cat([cell, hidden]",
            },
        ),
        Mistake(
            "no gate goes through sigmoid",
            "A gate is a share. What keeps yours between 0 and 1?",
            {
                "torch.sigmoid(keep)": "keep",
                "torch.sigmoid(let_in)": "let_in",
                "torch.sigmoid(show)": "show",
            },
        ),
        Mistake(
            "the new value goes through sigmoid before tanh",
            "Three blocks are gates, and sigmoid is for these alone. Is `new` among yours?",
            {"torch.tanh(new)": "torch.tanh(torch.sigmoid(new))"},
        ),
        Mistake(
            "the new value does not go through tanh",
            "What keeps a new value between −1 and 1?",
            {"torch.tanh(new)": "new"},
        ),
        Mistake(
            "the blocks are cut in the order keep, let in, show, new",
            "Each library has its order. The comment of the stub says ours.",
            {"let_in, keep, new, show = gates": "keep, let_in, show, new = gates"},
        ),
    ),
)


@lstm_step.inputs
def _cells(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(batch: int, d_input: int, d_hidden: int, dtype: Any) -> dict[str, Any]:
        shapes = {
            "inputs": (batch, d_input),
            "state": (batch, 2 * d_hidden),
            "input_weight": (d_input, 4 * d_hidden),
            "hidden_weight": (d_hidden, 4 * d_hidden),
            "bias": (4 * d_hidden,),
        }
        return {
            name: torch.tensor(rng.normal(size=shape), dtype=dtype)
            for name, shape in shapes.items()
        }

    return {
        "one sequence, one cell": draw(1, 1, 1, torch.float64),
        "one sequence, three cells": draw(1, 2, 3, torch.float64),
        "a batch of five": draw(5, 3, 2, torch.float32),
    }


@lstm_step.probe
def _cell_and_gradients(candidate: Any, **given: Any) -> Any:
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in given.items()}
    after = candidate(**leaves)
    if after is None:
        return None
    return {"state": after, "gradients": gradients_by(after, leaves)}


@lstm_step.property("each hidden number lies between −1 and 1")
def _hidden_squashed(_: SimpleNamespace, found: Any) -> str | None:
    hidden = np.abs(found["state"][..., : found["state"].shape[-1] // 2])
    return None if hidden.max() <= 1 else f"a hidden state of {hidden.max():.2f} comes out"


@lstm_step.property("every argument counts")
def _every_argument(_: SimpleNamespace, found: Any) -> str | None:
    return without_effect(found["gradients"])
