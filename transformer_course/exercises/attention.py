"""What lesson 05 asks for: attention in five parts, from the mask to rotary positions.

Builds on: attention, positional, engine.  Lacks: several heads (multi_head).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake

ROUNDING = 1e-4

causal_mask = Exercise(
    "attention.causal_mask",
    lesson="05",
    level=1,
    minutes=5,
    stub="""def causal_mask(length, past=0):
    # length: number of queries; past: number of keys that came before the first query
    # → (length, past + length) bool, True where the query (row) may look at the key (column)
    ...
""",
    start="Begin with three words and past = 0: whom may row 0 look at? And row 2?",
    hints=(
        "Write the table for three words on paper, a row for each word that asks. Which cells of "
        "row 0 are True, and which of the last row?",
        "Query number i stands at position past + i. It may look at every key whose position is "
        "not larger.",
        "Count the positions of the queries and those of the keys with torch.arange, stand the "
        "queries up as a column with [:, None], and compare.",
    ),
    unlocks="From now on your attention looks back only, and lesson 08's model writes with it.",
    mistakes=(
        Mistake(
            "the diagonal is missing",
            "May a word look at itself? Which key is left for the first one?",
            {".tril(past)": ".tril(past - 1)"},
            source="trap 4",
        ),
        Mistake(
            "the diagonal is one too far to the right",
            "What is one place to the right of a word: its past or its future?",
            {".tril(past)": ".tril(past + 1)"},
            source="trap 4",
        ),
        Mistake(
            "it allows the future and forbids the past",
            "Which side of the diagonal is the past? Look at the last row.",
            {".tril(past)": ".triu(past)"},
            source="trap 4",
        ),
        Mistake(
            "True and False are swapped",
            "Here True means “may look”. torch has functions with either meaning.",
            {"return torch.ones": "return ~torch.ones"},
            source="trap 4",
        ),
        Mistake(
            "the keys of the past shift nothing",
            "With past = 3 the first query is the fourth word. How many keys may it look at?",
            {".tril(past)": ".tril()"},
            source="trap 22",
        ),
    ),
)


@causal_mask.inputs
def _lengths(_: Generator) -> dict[str, dict[str, Any]]:
    return {
        "three words": {"length": 3},
        "one word": {"length": 1},
        "five words": {"length": 5},
        "two new words after three": {"length": 2, "past": 3},
        "one new word after four": {"length": 1, "past": 4},
    }


@causal_mask.property("each word sees itself")
def _sees_itself(given: SimpleNamespace, mask: Any) -> str | None:
    own = np.diagonal(mask, getattr(given, "past", 0))
    return None if own.all() else f"row {int(np.argmin(own))} may not look at its own column"


@causal_mask.property("no future")
def _no_future(given: SimpleNamespace, mask: Any) -> str | None:
    ahead = np.argwhere(np.triu(mask, 1 + getattr(given, "past", 0)))
    if not len(ahead):
        return None
    return f"row {ahead[0][0]} may look at column {ahead[0][1]}, which comes later"


attention_numpy = Exercise(
    "attention.scaled_dot_product_attention_numpy",
    lesson="05",
    level=2,
    minutes=10,
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
        "width of one query. What is masked gets −∞ before softmax.",
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
            "the mask is read the other way round",
            "True means “may look”. Whose scores stay?",
            {"np.where(mask, scores, -np.inf)": "np.where(mask, -np.inf, scores)"},
            source="trap 4",
        ),
        Mistake(
            "a query that may look nowhere gets nan",
            "What is 0 / 0? Which sum is 0, and what could stand there instead?",
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
    return {
        "two queries, three keys": one,
        "three words, looking back only": {**square, "mask": np.tri(3, dtype=bool)},
        "a batch of 2 × 3": batch,
        "a batch with a mask": {**batch, "mask": holes},
        "a query that may look nowhere": {**one, "mask": nowhere},
        "large scores": {**one, "query": 1000 * one["query"]},
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


def worst_row(weights: Any, mask: Any) -> str | None:
    """Say which row of weights does not sum to 1, or to 0 where it may look nowhere."""
    sums = weights.sum(-1)
    wanted = np.ones_like(sums) if mask is None else np.broadcast_to(mask.any(-1), sums.shape)
    miss = np.abs(sums - wanted)
    if np.isnan(sums).any():
        row = np.argwhere(np.isnan(sums))[0]
        return f"row {int(row[-1])} holds nan"
    if miss.max() <= ROUNDING:
        return None
    place = np.unravel_index(miss.argmax(), miss.shape)
    return f"row {int(place[-1])} of the weights sums to {sums[place]:.2f}"


def leak(weights: Any, mask: Any) -> str | None:
    """Say how much weight lies on keys that are masked."""
    if mask is None:
        return None
    hidden = np.where(np.broadcast_to(mask, weights.shape), 0, np.abs(weights))
    return None if hidden.max() == 0 else f"a masked key has the weight {hidden.max():.2g}"


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
        "large scores": {"scores": 1000 * scores},
        "very low scores": {"scores": scores - 40, "mask": nowhere},
    }


@masked_softmax.probe
def _weights_and_gradient(candidate: Any, *, scores: Any, mask: Any = None) -> dict[str, Any]:
    leaf = scores.clone().requires_grad_()
    weights = candidate(leaf, mask)
    return {"weights": weights, "gradient": gradient(weights, leaf), "repeated": candidate(scores)}


def gradient(result: Any, *leaves: Any) -> Any:
    """Return how an uneven sum of a result changes with each of the leaves, None if it does not.

    Args:
        result: A tensor, or something that is none, which changes with nothing.
        leaves: Tensors that require gradients.
    """
    if not (isinstance(result, torch.Tensor) and result.requires_grad):
        return None
    uneven = torch.linspace(1, 2, result.numel(), dtype=result.dtype).view(result.shape)
    return list(torch.autograd.grad((result * uneven).sum(), leaves, allow_unused=True))


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


rotate = Exercise(
    "positional.rotate",
    lesson="05",
    level=3,
    minutes=12,
    stub="""def rotate(vectors, cosine, sine):
    # vectors (…, length, d_head): number k of the first half pairs with number k of the second
    # cosine, sine (…, length, d_head / 2): of the angle for each position and pair
    # → the vectors, each pair turned by its angle
    ...
""",
    start="Cut the vectors into their two halves: these are the pairs' first and second numbers.",
    hints=(
        "A point (a, b) that is turned by the angle φ becomes (a cos φ − b sin φ, …). What is the "
        "other number?",
        "vectors.chunk(2, dim=-1) gives both halves; every operation then runs over all "
        "positions and pairs at once.",
        "torch.cat puts the two turned halves side by side again, along the last axis. The second "
        "one is a sin φ + b cos φ.",
    ),
    unlocks="From now on lesson 08's model tells its positions with your rotation.",
    mistakes=(
        Mistake(
            "both terms have the same sign, and lengths change",
            "A turn keeps lengths. What does (1, 0) become, and what (0, 1)?",
            {"first * cosine - second * sine": "first * cosine + second * sine"},
            source="trap 16",
        ),
        Mistake(
            "it turns the wrong way round",
            "By 90°, (1, 0) has to become (0, 1), not (0, −1).",
            {
                "first * cosine - second * sine": "first * cosine + second * sine",
                "first * sine + second * cosine": "second * cosine - first * sine",
            },
            source="trap 16",
        ),
        Mistake(
            "sine and cosine are swapped",
            "At position 0 the angle is 0, and nothing may change. What is cos 0?",
            {
                "first * cosine - second * sine": "first * sine - second * cosine",
                "first * sine + second * cosine": "first * cosine + second * sine",
            },
            source="trap 16",
        ),
        Mistake(
            "neighbours are paired, not halves",
            "Both ways of pairing exist. In this function, which number does number 0 go with?",
            {
                "first, second = vectors.chunk(2, dim=-1)": (
                    "first, second = vectors[..., ::2], vectors[..., 1::2]"
                ),
                "return torch.cat(": "return torch.stack(",
                "dim=-1)\n": "dim=-1).flatten(-2)\n",
            },
            source="trap 16",
        ),
        Mistake(
            "the halves change places",
            "Which half does the first turned number belong to?",
            {"first, second = vectors.chunk": "second, first = vectors.chunk"},
            source="trap 16",
        ),
        Mistake(
            "only the first half is turned",
            "What becomes of the second numbers? Look at their formula again.",
            {"first * sine + second * cosine": "second"},
            source="trap 16",
        ),
    ),
)


@rotate.inputs
def _vectors_and_angles(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(vectors: Any, angles: Any, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
        numbers = (vectors, np.cos(angles), np.sin(angles))
        names = ("vectors", "cosine", "sine")
        return {n: torch.tensor(x, dtype=dtype) for n, x in zip(names, numbers, strict=True)}

    positions = np.arange(4)[:, None] * np.array([1.0, 0.1, 0.01])
    return {
        "(1, 0) by 90°": case([[1.0, 0.0]], [[np.pi / 2]]),
        "one vector of two pairs": case(rng.normal(size=(1, 4)), rng.normal(size=(1, 2))),
        "four positions": case(rng.normal(size=(4, 6)), positions),
        "a batch of 2 × 3": case(rng.normal(size=(2, 3, 4, 6)), positions, torch.float32),
    }


@rotate.probe
def _turned_and_gradient(candidate: Any, *, vectors: Any, cosine: Any, sine: Any) -> dict[str, Any]:
    leaf = vectors.clone().requires_grad_()
    turned = candidate(leaf, cosine, sine)
    return {"turned": turned, "gradient": gradient(turned, leaf)}


@rotate.property("lengths stay")
def _lengths_stay(given: SimpleNamespace, found: Any) -> str | None:
    before, after = (np.linalg.norm(x, axis=-1) for x in (given.vectors, found["turned"]))
    worst = np.unravel_index(np.abs(after - before).argmax(), before.shape)
    if np.abs(after - before).max() <= ROUNDING:
        return None
    return f"a vector of length {before[worst]:.2f} has the length {after[worst]:.2f} afterwards"


@rotate.property("the angle 0 changes nothing")
def _angle_zero(given: SimpleNamespace, found: Any) -> str | None:
    still = (given.cosine == 1).all(-1)
    moved = np.abs(found["turned"] - given.vectors)[..., still, :]
    if not moved.size or moved.max() <= ROUNDING:
        return None
    return f"position 0 has moved by {moved.max():.2f}"


@rotate.workload
def _rotation_in_training(candidate: Any) -> Any:
    vectors = torch.ones(12, 4, 64, 32, requires_grad=True)
    cosine = sine = torch.full((64, 16), 0.5**0.5)
    return candidate(vectors, cosine, sine).sum()
