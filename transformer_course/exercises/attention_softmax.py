"""What lesson 05 asks for in torch, first: softmax under a mask.

Builds on: attention, engine.  Lacks: the whole of attention (attention_torch).
"""

from types import SimpleNamespace
from typing import Any

import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import gradient, leak, worst_row

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
            "In the last case the allowed scores are near −20,000. What is lower than any score?",
            {"masked_fill(~mask, -math.inf)": "masked_fill(~mask, -10.0)"},
            source="trap 3",
        ),
        Mistake(
            "masked scores are lowered far, but not to −∞",
            "In the last case the allowed scores are near −20,000. What is lower than any score?",
            {"masked_fill(~mask, -math.inf)": "masked_fill(~mask, -1000.0)"},
            source="trap 3",
        ),
        Mistake(
            "masked scores are lowered, and their weights struck out",
            "In the last case the allowed scores are near −20,000, lower than yours for the "
            "forbidden key. Which of them is then the row's largest?",
            {
                "masked_fill(~mask, -math.inf)": "masked_fill(~mask, -1000.0)",
                "    total = exponentials.sum(": (
                    "    if mask is not None:\n"
                    "        exponentials = exponentials * mask\n"
                    "    total = exponentials.sum("
                ),
            },
            source="trap 3",
        ),
        Mistake(
            "a query that may look nowhere looks everywhere alike",
            "All its scores are one and the same low number. What does softmax make of equal "
            "scores?",
            {"masked_fill(~mask, -math.inf)": "masked_fill(~mask, -1e9)"},
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
            "What is −∞ − (−∞), and what 0 / 0? What could stand in for that maximum, and for that "
            "sum?",
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
            "large scores overflow, and a query that may look nowhere gets nan",
            "Both edges are open. What can every score of a row go down by, and which sum can be "
            "0?",
            {
                "(scores - largest.masked_fill(largest == -math.inf, 0.0)).exp()": "scores.exp()",
                "total.masked_fill(total == 0, 1.0)": "total",
            },
            source="trap 3",
        ),
        Mistake(
            "the mask is left out",
            "Where in your lines does the mask forbid anything?",
            {"scores.masked_fill(~mask, -math.inf)": "scores"},
            source="trap 5",
        ),
        Mistake(
            "one largest score is subtracted everywhere, not each row's own",
            "One row's scores near 0, another's near −2000: what is left of e to the −2000? Each "
            "row needs a score of its own that becomes 0.",
            {"scores.detach().amax(-1, keepdim=True)": "scores.detach().amax()"},
            source="trap 1",
        ),
        Mistake(
            "the largest score may be a forbidden one",
            "A forbidden score of 2000 above an allowed 0: what is left of the allowed one? When "
            "should the forbidden score have left?",
            {
                "        scores = scores.masked_fill(~mask, -math.inf)\n": "        pass\n",
                "    total = exponentials.sum(": (
                    "    if mask is not None:\n"
                    "        exponentials = exponentials * mask\n"
                    "    total = exponentials.sum("
                ),
            },
            source="trap 3",
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
            "scores": torch.tensor([[0.0, 2000.0], [1.0, 2.0]], dtype=torch.float64),
            "mask": torch.tensor([[True, False], [True, True]]),
        },
        "a row of high scores, a row of low ones": {
            "scores": torch.tensor([[0.0, 1.0], [-2000.0, -2001.0]], dtype=torch.float64)
        },
        "very low scores": {"scores": scores - 20_000, "mask": nowhere},
    }


@masked_softmax.probe
def _weights_and_gradient(candidate: Any, *, scores: Any, mask: Any = None) -> dict[str, Any]:
    leaf = scores.clone().requires_grad_()
    weights = candidate(leaf, mask)
    return {
        "weights": weights,
        "gradient": gradient(weights, leaf),
        "without a mask it": candidate(scores),
    }


@masked_softmax.property("rows sum to 1")
def _softmax_rows(given: SimpleNamespace, found: Any) -> str | None:
    return worst_row(found["weights"], getattr(given, "mask", None))


@masked_softmax.property("masked weights are 0")
def _softmax_leak(given: SimpleNamespace, found: Any) -> str | None:
    return leak(found["weights"], getattr(given, "mask", None))
