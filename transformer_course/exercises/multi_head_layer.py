"""What lesson 06 asks for, second half: the whole layer, and a layer without one of its heads.

Builds on: multi_head, engine.  Lacks: cutting and merging (exercises.multi_head).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient, leak, worst_row

layer = Exercise(
    "multi_head.MultiHeadSelfAttention",
    lesson="06",
    level=2,
    minutes=12,
    lends=(
        "attention.causal_mask",
        "attention.scaled_dot_product_attention",
        "multi_head.split_heads",
        "multi_head.merge_heads",
    ),
    forbidden=(nn.MultiheadAttention, nn.functional.multi_head_attention_forward),
    stub="""class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads, causal=False):
        super().__init__()
        self.num_heads = num_heads
        self.causal = causal
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, inputs):
        # inputs: a tensor (batch, length, d_model)
        # split_heads, merge_heads, scaled_dot_product_attention and causal_mask are there to call
        # → output (batch, length, d_model) and weights (batch, num_heads, length, length)
        ...
""",
    start="Begin with the queries of all heads: self.query(inputs), split into heads.",
    hints=(
        "Project, split, attend, merge, project. The first two steps are done three times: for "
        "queries, for keys and for values.",
        "scaled_dot_product_attention takes heads as they come: whatever stands in front of "
        "(length, d_head) is a batch to it. With causal=True it gets causal_mask(length).",
        "mixed, weights = scaled_dot_product_attention(query, key, value, mask); mask is None "
        "unless self.causal. Return self.output(merge_heads(mixed)), weights.",
    ),
    unlocks="Your class takes the trained weights of a layer of MiniLM, below.",
    mistakes=(
        Mistake(
            "the scale is taken from d_model, not from the width of a head",
            "Which vectors are multiplied in a score, and how wide are they? Without a scale, "
            "scaled_dot_product_attention takes the right one.",
            {
                "(query, key, value, mask)": (
                    "(query, key, value, mask, scale=1 / math.sqrt(inputs.shape[-1]))"
                )
            },
            source="trap 2",
        ),
        Mistake(
            "the output projection is left out",
            "Side by side, no head's numbers have met another's yet. Which layer mixes them?",
            {"self.output(merge_heads(mixed))": "merge_heads(mixed)"},
        ),
        Mistake(
            "the future is never hidden",
            "What does self.causal ask for? Who hands the mask to the attention?",
            {"(query, key, value, mask)": "(query, key, value)"},
            source="trap 5",
        ),
        Mistake(
            "the future is always hidden",
            "Without causal=True every word may look at every other.",
            {
                "causal_mask(inputs.shape[1]) if self.causal else None": (
                    "causal_mask(inputs.shape[1])"
                )
            },
            source="trap 4",
        ),
        Mistake(
            "queries and keys come from one and the same matrix",
            "Then i's score with j would be j's score with i. Who makes the keys?",
            {"split_heads(self.key(inputs)": "split_heads(self.query(inputs)"},
            source="trap 8",
        ),
        Mistake(
            "the values are the inputs themselves",
            "What a word hands over is projected as well. By which layer?",
            {"split_heads(self.value(inputs)": "split_heads(inputs"},
            source="trap 8",
        ),
        Mistake(
            "keys and values are swapped",
            "Which of the two is compared with the query, and which is handed out?",
            {"(query, key, value, mask)": "(query, value, key, mask)"},
            source="trap 8",
        ),
        Mistake(
            "the input is added to the output",
            "That is the residual's part, which stands around this layer, in a block.",
            {"return self.output(": "return inputs + self.output("},
        ),
        Mistake(
            "the weights are averaged over the heads",
            "How many maps are there to look at: one, or one a head?",
            {", weights\n": ", weights.mean(1)\n"},
            source="https://github.com/pytorch/pytorch/issues/34537",
        ),
    ),
)

NAMES = ("query", "key", "value", "output")


@layer.inputs
def _layers(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(
        batch: int,
        length: int,
        d_model: int,
        num_heads: int,
        causal: bool,  # noqa: FBT001
    ) -> dict[str, Any]:
        return {
            "inputs": torch.tensor(rng.normal(size=(batch, length, d_model))),
            "num_heads": num_heads,
            "causal": causal,
            "matrices": torch.tensor(rng.normal(size=(4, d_model, d_model))),
            "biases": torch.tensor(rng.normal(size=(4, d_model))),
        }

    return {
        "three words of width 4, two heads": case(1, 3, 4, 2, causal=False),
        "looking back only": case(1, 3, 4, 2, causal=True),
        "a batch of 2, three heads": case(2, 5, 6, 3, causal=False),
        "a batch of 2, looking back only": case(2, 4, 10, 2, causal=True),
        "one head": case(2, 3, 5, 1, causal=False),
        "one word": case(1, 1, 4, 4, causal=True),
    }


@layer.probe
def _attended(
    candidate: Any,
    *,
    inputs: Any,
    num_heads: int,
    causal: bool,
    matrices: Any,
    biases: Any,
) -> Any:
    made = candidate(inputs.shape[-1], num_heads, causal).to(inputs.dtype)
    weights = {f"{name}.weight": matrix for name, matrix in zip(NAMES, matrices, strict=True)}
    weights |= {f"{name}.bias": bias for name, bias in zip(NAMES, biases, strict=True)}
    made.load_state_dict(weights)
    leaf = inputs.clone().requires_grad_()
    returned = made(leaf)
    if not isinstance(returned, tuple) or len(returned) != 2:
        return returned
    output, shown = returned
    return {"output": output, "weights": shown, "gradient": gradient(output, leaf)}


def _mask(given: SimpleNamespace) -> Any:
    length = given.inputs.shape[1]
    return np.tri(length, dtype=bool) if given.causal else np.ones((length, length), dtype=bool)


@layer.property("rows sum to 1")
def _rows(given: SimpleNamespace, found: Any) -> str | None:
    return worst_row(found["weights"], _mask(given))


@layer.property("no weight on the future where it is hidden")
def _no_future(given: SimpleNamespace, found: Any) -> str | None:
    return leak(found["weights"], _mask(given))


@layer.workload
def _layer_in_training(candidate: Any) -> Any:
    return candidate(128, 4, causal=True)(torch.ones(12, 64, 128, requires_grad=True))[0].sum()


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
        if not own and np.abs(found[:, column] - given.output_weight[:, column]).max() > ROUNDING:
            return f"column {column} belongs to another head, and has changed"
    return None


@silence.property("the head's columns are 0")
def _head_is_silent(given: SimpleNamespace, found: Any) -> str | None:
    for column, own in enumerate(_own_columns(given)):
        if own and np.abs(found[:, column]).max() > ROUNDING:
            return f"column {column} belongs to head {given.head}, and is not 0"
    return None


def _own_columns(given: SimpleNamespace) -> list[bool]:
    width = given.output_weight.shape[1]
    return [column // (width // given.num_heads) == given.head for column in range(width)]
