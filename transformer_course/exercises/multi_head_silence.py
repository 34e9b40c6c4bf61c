"""What lesson 06 asks for, last: a layer without one of its heads.

Builds on: multi_head, engine.  Lacks: the layer itself (exercises.multi_head_layer).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING

silence = Exercise(
    "multi_head.silence_head",
    lesson="06",
    level=2,
    minutes=8,
    stub="""def silence_head(output_weight, head, num_heads):
    # output_weight (d_model, width): the weight of the output projection, which computes
    # merged @ output_weight.T + bias; head: number of a head, from 0
    # → a new tensor like output_weight, through which this head can say nothing any more
    ...
""",
    start="Begin on paper: width 4, two heads. Which columns multiply the numbers of head 1?",
    hints=(
        "In merged @ output_weight.T, number c of the merged vector meets column c of the weight. "
        "Which numbers of it are the head's?",
        "d_head = output_weight.shape[1] // num_heads; the head's columns begin at head · d_head.",
        "Clone the weight first, so that the one you were given stays. Then set "
        "[:, head * d_head : (head + 1) * d_head] to 0.",
    ),
    unlocks="From now on your function takes the heads out, in the ablations below.",
    mistakes=(
        Mistake(
            "rows are set to 0, not columns",
            "A row makes one number of the output, out of all heads. Where does one head enter?",
            {
                "silenced[:, head * d_head : (head + 1) * d_head]": (
                    "silenced[head * d_head : (head + 1) * d_head]"
                )
            },
        ),
        Mistake(
            "only one column is set to 0",
            "How many numbers wide is a head?",
            {"silenced[:, head * d_head : (head + 1) * d_head]": "silenced[:, head]"},
        ),
        Mistake(
            "every so-many-th column is set to 0, not a slice of neighbours",
            "How did merge_heads lay the heads: side by side, or shuffled like cards?",
            {"silenced[:, head * d_head : (head + 1) * d_head]": "silenced[:, head::num_heads]"},
        ),
        Mistake(
            "the head is the only one that is left",
            "Who is to be silent: this head, or all the others?",
            {
                "    silenced = output_weight.clone()\n"
                "    silenced[:, head * d_head : (head + 1) * d_head] = 0\n"
                "    return silenced": (
                    "    own = slice(head * d_head, (head + 1) * d_head)\n"
                    "    silenced = torch.zeros_like(output_weight)\n"
                    "    silenced[:, own] = output_weight[:, own]\n"
                    "    return silenced"
                )
            },
        ),
        Mistake(
            "the heads are counted from 1",
            "Which head is number 0? Where do its columns begin?",
            {"head * d_head : (head + 1) * d_head": "(head - 1) * d_head : head * d_head"},
        ),
        Mistake(
            "a head's width is taken from the rows",
            "The rows are the numbers that come out. Which axis is as wide as all heads together?",
            {"output_weight.shape[1]": "output_weight.shape[0]"},
        ),
    ),
)


@silence.inputs
def _projections(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(d_model: int, width: int, head: int, num_heads: int) -> dict[str, Any]:
        weight = torch.tensor(rng.normal(size=(d_model, width)))
        return {"output_weight": weight, "head": head, "num_heads": num_heads}

    return {
        "width 4, head 0 of 2": case(4, 4, 0, 2),
        "width 4, head 1 of 2": case(4, 4, 1, 2),
        "width 6, head 1 of 3, nine numbers come out": case(9, 6, 1, 3),
        "width 10, head 4 of 5": case(10, 10, 4, 5),
        "one head of 1": case(3, 3, 0, 1),
    }


@silence.property("the other heads' columns are as before")
def _others_stay(given: SimpleNamespace, found: Any) -> str | None:
    for column, own in enumerate(_own_columns(given)):
        change = np.abs(found[:, column] - given.output_weight[:, column]).max()
        if not own and not change <= ROUNDING:
            return f"column {column} belongs to another head, and has changed"
    return None


@silence.property("the head's columns are 0")
def _head_is_silent(given: SimpleNamespace, found: Any) -> str | None:
    for column, own in enumerate(_own_columns(given)):
        if own and found[:, column].any():
            return f"column {column} belongs to head {given.head}, and is not 0"
    return None


def _own_columns(given: SimpleNamespace) -> list[bool]:
    width = given.output_weight.shape[1]
    return [column // (width // given.num_heads) == given.head for column in range(width)]
