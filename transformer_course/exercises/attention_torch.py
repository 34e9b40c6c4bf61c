"""What lesson 05 asks for in torch, then: the whole of attention.

Builds on: attention, attention_softmax, engine.  Lacks: positions (positional).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient, leak, worst_row

attention_torch = Exercise(
    "attention.scaled_dot_product_attention",
    lesson="05",
    level=2,
    minutes=10,
    lends=("attention.masked_softmax",),
    forbidden=(nn.functional.scaled_dot_product_attention,),
    stub="""def scaled_dot_product_attention(query, key, value, mask=None, bias=None, scale=None):
    # query (…, queries, d_head), key (…, keys, d_head), value (…, keys, d_value): tensors
    # mask: True where a query may look; bias: added to the scaled scores
    # scale: factor on the scores, 1/√d_head if it is None
    # → output (…, queries, d_value) and weights (…, queries, keys)
    ...
""",
    start="Say your numpy lines in torch, one by one; masked_softmax is there to be called.",
    hints=(
        "Scores, scale, bias, masked_softmax, weighted mean: five lines. Which axes of key have "
        "to change places, when there may be others in front?",
        "key.transpose(-2, -1) turns the last two axes only. If scale is None, it is one over the "
        "root of query.shape[-1].",
        "The bias is added after the scaling and before the softmax. Return the weights as well: "
        "return weights @ value, weights.",
    ),
    unlocks="Section 8's model and lesson 08's attend with it.",
    mistakes=(
        Mistake(
            "the scores are not divided by √d_head",
            "What happens to the spread of a dot product when vectors get longer?",
            {"scale = 1 / math.sqrt(query.shape[-1])": "scale = 1"},
            source="trap 1",
        ),
        Mistake(
            "the scores are divided by d_head, not by its root",
            "The variance of a sum of d terms grows with d. And its standard deviation?",
            {"1 / math.sqrt(query.shape[-1])": "1 / query.shape[-1]"},
            source="trap 1",
        ),
        Mistake(
            "the root is of the number of queries, not of the width of one",
            "How many numbers has one query? With a batch in front, what does len(query) count?",
            {"math.sqrt(query.shape[-1])": "math.sqrt(len(query))"},
            source="trap 2",
        ),
        Mistake(
            "without a scale the scores are multiplied by √d_head, not divided",
            "Scores of random vectors spread by √d_head. What shall they spread by afterwards?",
            {"1 / math.sqrt(query.shape[-1])": "math.sqrt(query.shape[-1])"},
            source="trap 1",
        ),
        Mistake(
            "the scale comes from the width of the values",
            "Which two vectors are multiplied in a score? Whose width makes it large?",
            {"math.sqrt(query.shape[-1])": "math.sqrt(value.shape[-1])"},
            source="trap 2",
        ),
        Mistake(
            "a scale that is given is not used",
            "What does the caller want with scale=1.0?",
            {"    if scale is None:\n        scale": "    scale"},
        ),
        Mistake(
            "the scores are divided by scale, not multiplied",
            "scale is a factor, and small: 1/√d_head. What does dividing by it do to the scores?",
            {"(-2, -1) * scale": "(-2, -1) / scale"},
            source="trap 1",
        ),
        Mistake(
            "a scale that is given divides, where it should multiply",
            "With scale=0.2 the scores become a fifth of what they were. What do yours become?",
            {"scale = 1 / math.sqrt": "scale = math.sqrt", "(-2, -1) * scale": "(-2, -1) / scale"},
        ),
        Mistake(
            "the bias is scaled along with the scores",
            "ALiBi's slopes are meant for scores that are scaled already. What comes first?",
            {
                "scores = query @ key.transpose(-2, -1) * scale": (
                    "scores = query @ key.transpose(-2, -1)"
                ),
                "scores = scores + bias": "scores = scores + bias",
                "    weights = masked_softmax(scores, mask)": (
                    "    weights = masked_softmax(scores * scale, mask)"
                ),
            },
            source="trap 16",
        ),
        Mistake(
            "the bias is left out",
            "Where do the numbers that ALiBi adds enter?",
            {"    if bias is not None:\n        scores = scores + bias\n": ""},
        ),
        Mistake(
            "the bias is subtracted, not added",
            "ALiBi's numbers are negative already. Which sign does the comment on bias give it?",
            {"scores = scores + bias": "scores = scores - bias"},
        ),
        Mistake(
            "the bias is added after softmax, to the weights",
            "A row of weights sums to 1. What does it sum to once something is added?",
            {
                "    if bias is not None:\n        scores = scores + bias\n": "",
                "    return weights @ value": (
                    "    weights = weights if bias is None else weights + bias\n"
                    "    return weights @ value"
                ),
            },
            source="trap 16",
        ),
        Mistake(
            "one largest score is subtracted everywhere, not each row's own",
            "One row's scores near 0, another's near −2000: what is left of e to the −2000? "
            "masked_softmax is there to be called.",
            {
                "    weights = masked_softmax(scores, mask)": (
                    "    if mask is not None:\n"
                    "        scores = scores.masked_fill(~mask, -math.inf)\n"
                    "    weights = (scores - scores.detach().max()).exp()\n"
                    "    total = weights.sum(-1, keepdim=True)\n"
                    "    weights = weights / total.masked_fill(total == 0, 1.0)"
                )
            },
            source="trap 1",
        ),
        Mistake(
            "the mask is left out",
            "Does your line with masked_softmax hand the mask on?",
            {"masked_softmax(scores, mask)": "masked_softmax(scores)"},
            source="trap 5",
        ),
        Mistake(
            "keys and values are swapped",
            "Which of the two is compared with the query, and which is handed out?",
            {
                "query @ key.transpose": "query @ value.transpose",
                "weights @ value": "weights @ key",
            },
            source="trap 8",
        ),
        Mistake(
            "the wrong axes of key change places",
            "With a batch in front there are four axes. Which two are to change places?",
            {"key.transpose(-2, -1)": "key.T"},
        ),
    ),
)


@attention_torch.inputs
def _small_tensors(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape), dtype=dtype)

    square = {"query": draw(3, 4), "key": draw(3, 4), "value": draw(3, 4)}
    one = {"query": draw(2, 4), "key": draw(3, 4), "value": draw(3, 5)}
    batch = {
        name: draw(2, 3, length, width, dtype=torch.float32)
        for name, length, width in (("query", 5, 7), ("key", 4, 7), ("value", 4, 3))
    }
    nowhere = torch.tensor([[True, False, True], [False, False, False]])
    # Divided by √4, the scores are 0, 2000, 1 and −2000, −2002, −2001.
    high_and_low = {
        "query": 2 * torch.eye(2, 4, dtype=torch.float64),
        "key": torch.tensor(
            [[0, -2000, 0, 0], [2000, -2002, 0, 0], [1, -2001, 0, 0]], dtype=torch.float64
        ),
        "value": draw(3, 2),
    }
    return {
        "three words of width 4": square,
        "two queries, three keys": one,
        "with a mask": {**one, "mask": nowhere},
        "with a bias": {**one, "bias": draw(2, 3)},
        "with scale 1": {**one, "scale": 1.0},
        "a row of high scores, a row of low ones": high_and_low,
        "a very high score, forbidden": {
            **high_and_low,
            "mask": torch.tensor([[True, False, True], [True, True, True]]),
        },
        "very low scores, one of them forbidden": {
            **high_and_low,
            "key": torch.tensor(
                [[-20_000, 0, 0, 0], [-20_001, 0, 0, 0], [-20_002, 1, 0, 0]], dtype=torch.float64
            ),
            "mask": torch.tensor([[True, True, False], [True, False, True]]),
        },
        "a batch of 2 × 3": batch,
        "a batch with mask, bias and scale": {
            **batch,
            "mask": torch.ones(5, 4).tril() > 0,
            "bias": draw(3, 5, 4, dtype=torch.float32),
            "scale": 0.2,
        },
        "a batch whose last keys are padding": {
            **batch,
            "mask": torch.tensor([3, 2]).reshape(2, 1, 1, 1) > torch.arange(4),
        },
    }


@attention_torch.probe
def _attended_and_gradients(
    candidate: Any, *, query: Any, key: Any, value: Any, **options: Any
) -> dict[str, Any]:
    leaves = [tensor.clone().requires_grad_() for tensor in (query, key, value)]
    returned = candidate(*leaves, **options)
    output = returned[0] if isinstance(returned, list | tuple) and returned else returned
    return {"returned": returned, "gradients": gradient(output, *leaves)}


@attention_torch.property("rows sum to 1")
def _attention_rows(given: SimpleNamespace, found: Any) -> str | None:
    return worst_row(found["returned"][1], getattr(given, "mask", None))


@attention_torch.property("masked weights are 0")
def _attention_leak(given: SimpleNamespace, found: Any) -> str | None:
    return leak(found["returned"][1], getattr(given, "mask", None))


@attention_torch.property("output = weights · value")
def _attention_mixes(given: SimpleNamespace, found: Any) -> str | None:
    output, weights = found["returned"]
    difference = np.abs(output - weights @ given.value).max()
    if difference <= ROUNDING:
        return None
    return f"output and weights · value differ by up to {difference:.2g}"


@attention_torch.workload
def _attention_in_training(candidate: Any) -> Any:
    query, key, value = (draw.requires_grad_() for draw in torch.ones(3, 12, 4, 64, 32))
    mask = torch.ones(64, 64).tril() > 0
    return candidate(query, key, value, mask=mask, bias=None)[0].sum()
