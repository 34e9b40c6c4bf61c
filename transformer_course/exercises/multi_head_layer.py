"""What lesson 06 asks for, second: the whole layer.

Builds on: multi_head, engine.  Lacks: cutting and merging (exercises.multi_head), a layer without
one of its heads (exercises.multi_head_silence).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.plain import describe
from transformer_course.engine.properties import gradient, leak, worst_row

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
            "queries, keys and values are all three the inputs themselves",
            "self.query, self.key and self.value are never used. What does each make?",
            {
                "split_heads(self.query(inputs)": "split_heads(inputs",
                "split_heads(self.key(inputs)": "split_heads(inputs",
                "split_heads(self.value(inputs)": "split_heads(inputs",
            },
            source="trap 8",
        ),
        Mistake(
            "the values are the inputs themselves",
            "What a word hands over is projected as well. By which layer?",
            {"split_heads(self.value(inputs)": "split_heads(inputs"},
            source="trap 8",
        ),
        Mistake(
            "queries and keys are swapped",
            "The rows of the weights are those who ask. Which of the two asks?",
            {"(query, key, value, mask)": "(key, query, value, mask)"},
            source="trap 8",
        ),
        Mistake(
            "keys and values are swapped",
            "Which of the two is compared with the query, and which is handed out?",
            {"(query, key, value, mask)": "(query, value, key, mask)"},
            source="trap 8",
        ),
        Mistake(
            "the values come from the keys' matrix",
            "What a word hands over has a projection of its own. Which one?",
            {"split_heads(self.value(inputs)": "split_heads(self.key(inputs)"},
            source="trap 8",
        ),
        Mistake(
            "the heads are merged by counting off, so that words and heads are mixed",
            "The shape is right, and section 2 had this slip. What does merge_heads move?",
            {"merge_heads(mixed)": "mixed.reshape(inputs.shape)"},
            source="https://github.com/jsbaan/transformer-from-scratch/pull/6",
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
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        return returned
    output, shown = returned
    return {"output": output, "weights": shown, "gradient": gradient(output, leaf)}


@layer.property("two results: output and weights", form=True)
def _two_results(_: SimpleNamespace, found: Any) -> str | None:
    if isinstance(found, dict) and "gradient" in found:
        return None
    came = describe(found)
    if isinstance(found, np.ndarray):
        came = f"one tensor, of shape {found.shape}"
    elif isinstance(found, list):
        came = f"{len(found)} results"
    return f"it returns {came}; two are asked for: output and weights"


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
