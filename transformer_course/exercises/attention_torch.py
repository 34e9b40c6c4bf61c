"""What lesson 05 asks for, second half: softmax under a mask, and attention in torch.

Builds on: attention, engine.  Lacks: positions (positional), several heads (multi_head).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient, leak, worst_row

masked_softmax = Exercise(
    "attention.masked_softmax",
    lesson="05",
    level=2,
    minutes=8,
    stub="""def masked_softmax(scores, mask=None):
    # scores (…, queries, keys): tensor; mask: True where a query may look at a key
    # → weights (…, queries, keys): each row sums to 1, or is all 0 where it may look nowhere
    ...
""",
    start="Begin without a mask: exponentials, divided by their sum over the keys.",
    hints=(
        "Which axis are the keys? The weights that one query gives have to sum to 1.",
        "Where the mask is False, the score has to become −∞ before the exponential: "
        "masked_fill does it, and leaves the scores that you were given as they are.",
        "Subtract each row's largest score before exp. Where the whole row is masked, the largest "
        "is −∞ and the sum is 0: masked_fill can put 0 and 1 in their place.",
    ),
    unlocks="Your attention in torch, next, runs on this function.",
    mistakes=(
        Mistake(
            "softmax runs over the queries, not over the keys",
            "Whose weights must sum to 1: those that one query gives, or those that one key gets?",
            {
                ".amax(-1, keepdim=True)": ".amax(-2, keepdim=True)",
                ".sum(-1, keepdim=True)": ".sum(-2, keepdim=True)",
            },
            source="trap 7",
        ),
        Mistake(
            "a masked score is set to 0, not to −∞",
            "e to the 0 is 1. Which score becomes the weight 0?",
            {"masked_fill(~mask, -math.inf)": "masked_fill(~mask, 0.0)"},
            source="trap 3",
        ),
        Mistake(
            "masked scores are lowered, but not to −∞",
            "In the last case the allowed scores are very low themselves. What is lower than all?",
            {"masked_fill(~mask, -math.inf)": "masked_fill(~mask, -10.0)"},
            source="trap 3",
        ),
        Mistake(
            "the mask is read the other way round",
            "True means “may look”. masked_fill fills where its mask is True.",
            {"masked_fill(~mask, -math.inf)": "masked_fill(mask, -math.inf)"},
            source="trap 4",
        ),
        Mistake(
            "a query that may look nowhere gets nan",
            "What is 0 / 0? Which sum is 0, and what could stand there instead?",
            {
                "largest.masked_fill(largest == -math.inf, 0.0)": "largest",
                "total.masked_fill(total == 0, 1.0)": "total",
            },
            source="trap 3",
        ),
        Mistake(
            "large scores overflow",
            "How large is e to the 1000? Softmax stays the same when all scores of a row go down "
            "by the same number.",
            {"(scores - largest.masked_fill(largest == -math.inf, 0.0)).exp()": "scores.exp()"},
            source="trap 1",
        ),
        Mistake(
            "the mask comes after softmax, and the rows no longer sum to 1",
            "What is left of the row when you strike out weights? When should they have left?",
            {
                "        scores = scores.masked_fill(~mask, -math.inf)\n": "        pass\n",
                "    return exponentials / total.masked_fill(total == 0, 1.0)": (
                    "    weights = exponentials / total.masked_fill(total == 0, 1.0)\n"
                    "    return weights if mask is None else weights * mask"
                ),
            },
            source="trap 5",
        ),
    ),
)


@masked_softmax.inputs
def _scores(rng: Generator) -> dict[str, dict[str, Any]]:
    square = torch.tensor(rng.normal(size=(3, 3)))
    scores = torch.tensor(rng.normal(size=(2, 3)))
    batch = torch.tensor(rng.normal(size=(2, 5, 3, 4)), dtype=torch.float32)
    holes = torch.tensor(rng.random((3, 4)) < 0.5)
    holes[:, 1] = True
    nowhere = torch.tensor([[True, False, True], [False, False, False]])
    return {
        "two queries, three keys": {"scores": scores},
        "three words, looking back only": {"scores": square, "mask": torch.ones(3, 3).tril() > 0},
        "a batch of 2 × 5": {"scores": batch},
        "a batch with one mask for all": {"scores": batch, "mask": holes},
        "a query that may look nowhere": {"scores": scores, "mask": nowhere},
        "large scores": {"scores": 1000 + scores},
        "a very high score, forbidden": {
            "scores": torch.tensor([[0.0, 200.0], [1.0, 2.0]], dtype=torch.float64),
            "mask": torch.tensor([[True, False], [True, True]]),
        },
        "very low scores": {"scores": scores - 40, "mask": nowhere},
    }


@masked_softmax.probe
def _weights_and_gradient(candidate: Any, *, scores: Any, mask: Any = None) -> dict[str, Any]:
    leaf = scores.clone().requires_grad_()
    weights = candidate(leaf, mask)
    return {"weights": weights, "gradient": gradient(weights, leaf), "repeated": candidate(scores)}


@masked_softmax.property("rows sum to 1")
def _softmax_rows(given: SimpleNamespace, found: Any) -> str | None:
    return worst_row(found["weights"], getattr(given, "mask", None))


@masked_softmax.property("masked weights are 0")
def _softmax_leak(given: SimpleNamespace, found: Any) -> str | None:
    return leak(found["weights"], getattr(given, "mask", None))


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
    unlocks="From now on lesson 08's model attends with this function.",
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
            "key.T turns every axis",
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
    return {
        "three words of width 4": square,
        "two queries, three keys": one,
        "with a mask": {**one, "mask": nowhere},
        "with a bias": {**one, "bias": draw(2, 3)},
        "with scale 1": {**one, "scale": 1.0},
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
    output, weights = candidate(*leaves, **options)
    return {"output": output, "weights": weights, "gradients": gradient(output, *leaves)}


@attention_torch.property("rows sum to 1")
def _attention_rows(given: SimpleNamespace, found: Any) -> str | None:
    return worst_row(found["weights"], getattr(given, "mask", None))


@attention_torch.property("masked weights are 0")
def _attention_leak(given: SimpleNamespace, found: Any) -> str | None:
    return leak(found["weights"], getattr(given, "mask", None))


@attention_torch.property("output = weights · value")
def _attention_mixes(given: SimpleNamespace, found: Any) -> str | None:
    difference = np.abs(found["output"] - found["weights"] @ given.value).max()
    if difference <= ROUNDING:
        return None
    return f"output and weights · value differ by up to {difference:.2g}"


@attention_torch.workload
def _attention_in_training(candidate: Any) -> Any:
    query, key, value = (draw.requires_grad_() for draw in torch.ones(3, 12, 4, 64, 32))
    mask = torch.ones(64, 64).tril() > 0
    return candidate(query, key, value, mask=mask, bias=None)[0].sum()
