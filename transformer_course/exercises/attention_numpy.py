"""What lesson 05 asks for second: the whole of attention in numpy.

Builds on: attention, engine.  Lacks: torch (attention_softmax), positions (positional).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, leak, worst_row

attention_numpy = Exercise(
    "attention.scaled_dot_product_attention_numpy",
    lesson="05",
    level=3,
    minutes=15,
    stub="""def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    # query (…, queries, d_head), key (…, keys, d_head), value (…, keys, d_value): arrays
    # mask (…, queries, keys): True where a query may look at a key
    # → output (…, queries, d_value) and weights (…, queries, keys)
    ...
""",
    start="Begin with the scores: one number for each pair of a query and a key.",
    hints=(
        "Four lines: scores, mask, softmax, weighted mean. Which array has a row for each query "
        "and a column for each key?",
        "Scores are dot products, so one of the two arrays has to be turned: its last two axes "
        "only, np.swapaxes does it for any number of axes in front. Divide by the root of the "
        "width of one query. What is masked gets −∞ before softmax, and where a row's "
        "maximum is −∞, 0 stands in for it.",
        "Softmax over the last axis: exponentials divided by their sum with keepdims=True; "
        "subtract each row's maximum first. A row that is masked whole has the maximum −∞ and the "
        "sum 0: put 0 and 1 in their place.",
    ),
    unlocks="You have the whole of attention in numpy. The next two parts make it torch.",
    mistakes=(
        Mistake(
            "the scores are not divided by √d_head",
            "What happens to the spread of a dot product when vectors get longer?",
            {" / math.sqrt(query.shape[-1])": ""},
            source="trap 1",
        ),
        Mistake(
            "the scores are divided by d_head, not by its root",
            "The variance of a sum of d terms grows with d. And its standard deviation?",
            {"math.sqrt(query.shape[-1])": "query.shape[-1]"},
            source="trap 1",
        ),
        Mistake(
            "the root is of the number of queries, not of the width of one",
            "How many numbers has one query? The loop's len(asked) counts these; len(query) does "
            "not.",
            {"math.sqrt(query.shape[-1])": "math.sqrt(len(query))"},
            source="trap 2",
        ),
        Mistake(
            "the scores are multiplied by √d_head, not divided",
            "Scores of random vectors spread by √d_head. What shall they spread by afterwards?",
            {" / math.sqrt": " * math.sqrt"},
            source="trap 1",
        ),
        Mistake(
            "softmax runs over the queries, not over the keys",
            "Whose weights must sum to 1: those that one query gives, or those that one key gets?",
            {
                "scores.max(axis=-1": "scores.max(axis=-2",
                "exponentials.sum(axis=-1": "exponentials.sum(axis=-2",
            },
            source="trap 7",
        ),
        Mistake(
            "a masked score is set to 0, not to −∞",
            "e to the 0 is 1. Which score becomes the weight 0?",
            {"scores, -np.inf)": "scores, 0.0)"},
            source="trap 3",
        ),
        Mistake(
            "masked scores are lowered, but not to −∞",
            "In the last case the allowed scores are near −20,000. What is lower than any score?",
            {"scores, -np.inf)": "scores, -10.0)"},
            source="trap 3",
        ),
        Mistake(
            "masked scores are lowered far, but not to −∞",
            "In the last case the allowed scores are near −20,000. What is lower than any score?",
            {"scores, -np.inf)": "scores, -1000.0)"},
            source="trap 3",
        ),
        Mistake(
            "masked scores are lowered, and their weights struck out",
            "In the last case the allowed scores are near −20,000, lower than yours for the "
            "forbidden key. Which of them is then the row's largest?",
            {
                "scores, -np.inf)": "scores, -1000.0)",
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
            {"scores, -np.inf)": "scores, -1e9)"},
            source="trap 3",
        ),
        Mistake(
            "the mask is read the other way round",
            "True means “may look”. Whose scores stay?",
            {"np.where(mask, scores, -np.inf)": "np.where(mask, -np.inf, scores)"},
            source="trap 4",
        ),
        Mistake(
            "a query that may look nowhere gets nan",
            "What is −∞ − (−∞), and what 0 / 0? What could stand in for that maximum, and for that "
            "sum?",
            {
                "np.where(np.isneginf(largest), 0, largest)": "largest",
                "np.where(total == 0, 1, total)": "total",
            },
            source="trap 3",
        ),
        Mistake(
            "large scores overflow",
            "How large is e to the 1000? Softmax stays the same when all scores of a row go down "
            "by the same number.",
            {"scores - np.where(np.isneginf(largest), 0, largest)": "scores"},
            source="trap 1",
        ),
        Mistake(
            "large scores overflow, and a query that may look nowhere gets nan",
            "Both edges that the exercise names are open. What can every score of a row go down "
            "by, and which sum can be 0?",
            {
                "scores - np.where(np.isneginf(largest), 0, largest)": "scores",
                "np.where(total == 0, 1, total)": "total",
            },
            source="trap 3",
        ),
        Mistake(
            "one largest score is subtracted everywhere, not each row's own",
            "One row's scores near 0, another's near −2000: what is left of e to the −2000? Each "
            "row needs a score of its own that becomes 0.",
            {"scores.max(axis=-1, keepdims=True)": "scores.max()"},
            source="trap 1",
        ),
        Mistake(
            "the largest score may be a forbidden one",
            "A forbidden score of 2000 above an allowed 0: what is left of the allowed one? When "
            "should the forbidden score have left?",
            {
                "        scores = np.where(mask, scores, -np.inf)\n": "        pass\n",
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
                "        scores = np.where(mask, scores, -np.inf)\n": "        pass\n",
                "    return weights @ value, weights": (
                    "    weights = weights if mask is None else weights * mask\n"
                    "    return weights @ value, weights"
                ),
            },
            source="trap 5",
        ),
        Mistake(
            "the mask is left out",
            "Where in your lines does the mask forbid anything?",
            {"np.where(mask, scores, -np.inf)": "scores"},
            source="trap 5",
        ),
        Mistake(
            "the wrong axes of key change places",
            "With a batch in front there are four axes. Which two are to change places?",
            {"np.swapaxes(key, -2, -1)": "key.T"},
        ),
    ),
)


@attention_numpy.inputs
def _small_arrays(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int) -> Any:
        return rng.normal(size=shape)

    one = {"query": draw(2, 4), "key": draw(3, 4), "value": draw(3, 5)}
    square = {"query": draw(3, 6), "key": draw(3, 6), "value": draw(3, 2)}
    batch = {"query": draw(2, 3, 5, 7), "key": draw(2, 3, 4, 7), "value": draw(2, 3, 4, 3)}
    holes = rng.random((2, 3, 5, 4)) < 0.6
    holes[..., 0] = True
    nowhere = np.array([[True, False, True], [False, False, False]])
    # Divided by √4, the scores are 0, 2000, 1 and −2000, −2002, −2001.
    high_and_low = {
        "query": 2 * np.eye(2, 4),
        "key": np.array([[0.0, -2000, 0, 0], [2000, -2002, 0, 0], [1, -2001, 0, 0]]),
        "value": draw(3, 2),
    }
    return {
        "two queries, three keys": one,
        "three words, looking back only": {**square, "mask": np.tri(3, dtype=bool)},
        "a batch of 2 × 3": batch,
        "a batch with a mask": {**batch, "mask": holes},
        "a query that may look nowhere": {**one, "mask": nowhere},
        "large scores": {**one, "query": 10_000 * one["key"][:2]},
        "a row of high scores, a row of low ones": high_and_low,
        "a very high score, forbidden": {
            **high_and_low,
            "mask": np.array([[True, False, True], [True, True, True]]),
        },
        "very low scores, one of them forbidden": {
            **high_and_low,
            "key": np.array([[-20_000.0, 0, 0, 0], [-20_001, 0, 0, 0], [-20_002, 1, 0, 0]]),
            "mask": np.array([[True, True, False], [True, False, True]]),
        },
    }


def _pair(found: Any) -> tuple[Any, Any]:
    output, weights = found
    return output, weights


@attention_numpy.property("rows sum to 1")
def _rows_sum_to_one(given: SimpleNamespace, found: Any) -> str | None:
    return worst_row(_pair(found)[1], getattr(given, "mask", None))


@attention_numpy.property("masked weights are 0")
def _masked_are_zero(given: SimpleNamespace, found: Any) -> str | None:
    return leak(_pair(found)[1], getattr(given, "mask", None))


@attention_numpy.property("output = weights · value")
def _output_is_mixed(given: SimpleNamespace, found: Any) -> str | None:
    output, weights = _pair(found)
    difference = np.abs(output - weights @ given.value).max()
    if difference <= ROUNDING:
        return None
    return f"output and weights · value differ by up to {difference:.2g}"
