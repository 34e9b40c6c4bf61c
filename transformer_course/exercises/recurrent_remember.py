"""What lesson 01 asks for last: the step of an LSTM, whose cell is kept by a gate.

Builds on: recurrent, engine.  Lacks: the plain step (recurrent).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.exercises.recurrent import gradients_by, normal_tensors, without_effect

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
        "Three of the blocks are gates: torch.sigmoid makes shares between 0 and 1 of them. The "
        "third, g (`new`), is a value: torch.tanh.",
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
            "hidden state and cell come back as a pair",
            "One tensor comes in, with both side by side, and one is to come out.",
            {"return torch.cat([hidden, cell], -1)": "return hidden, cell"},
        ),
        Mistake(
            "only the hidden state comes back",
            "What does the next step start from: `hidden` alone? What else is it to remember?",
            {"return torch.cat([hidden, cell], -1)": "return hidden"},
        ),
        Mistake(
            "hidden state and cell are joined along the batch",
            "Which axis does torch.cat join along if none is named? Side by side is the last.",
            {"torch.cat([hidden, cell], -1)": "torch.cat([hidden, cell])"},
        ),
        Mistake(
            "the gate that lets in is left out",
            "Does the block `let in` have any effect in your step?",
            {"torch.sigmoid(let_in) * torch.tanh(new)": "torch.tanh(new)"},
        ),
        Mistake(
            "as much comes in as is forgotten",
            "That is a GRU's way. Which block says how much of the new is let in?",
            {"torch.sigmoid(let_in) * torch": "(1 - torch.sigmoid(keep)) * torch"},
        ),
        Mistake(
            "the four blocks are computed from the cell",
            "Which half of `state` goes through hidden_weight?",
            {"hidden @ hidden_weight": "cell @ hidden_weight"},
        ),
        Mistake(
            "the hidden state is kept in the cell's place",
            "What does the gate `keep` act on: what was shown, or what was kept?",
            {"torch.sigmoid(keep) * cell": "torch.sigmoid(keep) * hidden"},
        ),
        Mistake(
            "the cell itself goes through tanh",
            "tanh is for showing. What would become of a cell that is squashed at every step?",
            {
                "cell = torch.sigmoid(keep) * cell + torch.sigmoid(let_in) * torch.tanh(new)": (
                    "cell = torch.tanh(\n"
                    "        torch.sigmoid(keep) * cell + torch.sigmoid(let_in) * torch.tanh(new)\n"
                    "    )"
                ),
                "torch.sigmoid(show) * torch.tanh(cell)": "torch.sigmoid(show) * cell",
            },
        ),
        Mistake(
            "the gate that shows is left out",
            "Does the block `show` have any effect in your step?",
            {"torch.sigmoid(show) * ": ""},
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
        return normal_tensors(rng, shapes, dtype)

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
