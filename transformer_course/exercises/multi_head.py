"""What lesson 06 asks for, first: cutting the width into heads, and putting it together again.

Builds on: multi_head, engine.  Lacks: the whole layer (multi_head_layer), a head taken out
(multi_head_silence).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient

split_heads = Exercise(
    "multi_head.split_heads",
    lesson="06",
    level=1,
    minutes=6,
    stub="""def split_heads(vectors, num_heads):
    # vectors (batch, length, width): tensor
    # → (batch, num_heads, length, d_head): head number h has its own slice of each vector,
    # the numbers from h · d_head on; d_head = width / num_heads
    ...
""",
    start="Begin with one vector of width 4 and two heads: which two numbers does head 0 get?",
    hints=(
        "Two steps: first cut the last axis into (num_heads, d_head), then bring the axis of the "
        "heads in front of the words.",
        "unflatten(2, (num_heads, -1)) or view cuts an axis in two and leaves every number where "
        "it is. Which two axes have to change places after that?",
        "After the cut the axes are (batch, length, head, d_head): 0, 1, 2, 3. transpose(1, 2).",
    ),
    unlocks="From now on your cut makes the heads: of this lesson's models, and of MiniLM.",
    mistakes=(
        Mistake(
            "the numbers are only counted off anew, so that words and heads are mixed",
            "The shape is right, but what is in it? Follow the second word's first number. "
            "view and reshape move no axis.",
            {
                "vectors.unflatten(2, (num_heads, -1)).transpose(1, 2)": (
                    "vectors.reshape(len(vectors), num_heads, vectors.shape[1], -1)"
                )
            },
            source="https://github.com/hyunwoongko/transformer/issues/15",
        ),
        Mistake(
            "the words and the numbers change places before the cut",
            "transpose comes after the cut, and moves the heads; what did it move here?",
            {
                "vectors.unflatten(2, (num_heads, -1)).transpose(1, 2)": (
                    "vectors.transpose(1, 2).reshape(len(vectors), num_heads, vectors.shape[1], -1)"
                )
            },
        ),
        Mistake(
            "each head takes every so-many-th number, not a slice of neighbours",
            "Which numbers does head 0 get, of width 6 and three heads: 0 and 1, or 0 and 3?",
            {
                "vectors.unflatten(2, (num_heads, -1)).transpose(1, 2)": (
                    "vectors.unflatten(2, (-1, num_heads)).movedim(3, 1)"
                )
            },
        ),
        Mistake(
            "every head gets the first slice",
            "Are the heads different? What does head 1 have that head 0 has not?",
            {
                "vectors.unflatten(2, (num_heads, -1)).transpose(1, 2)": (
                    "vectors.unflatten(2, (num_heads, -1)).transpose(1, 2)[:, :1]"
                    ".repeat(1, num_heads, 1, 1)"
                )
            },
            source="trap 11",
        ),
        Mistake(
            "the heads stand behind the words: the last step is missing",
            "Attention works on the last two axes. In front of them the heads must stand, or "
            "heads look at heads instead of words at words.",
            {".transpose(1, 2)": ""},
        ),
        Mistake(
            "the heads stand in front of the batch",
            "Which two axes have to change places: words and heads, or batch and heads?",
            {".transpose(1, 2)": ".movedim(2, 0)"},
            source="https://github.com/lsdefine/attention-is-all-you-need-keras/issues/36",
        ),
    ),
)


@split_heads.inputs
def _vectors(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape))

    return {
        "three words of width 4, two heads": {"vectors": draw(1, 3, 4), "num_heads": 2},
        "a batch of 2, width 6, three heads": {"vectors": draw(2, 4, 6), "num_heads": 3},
        "one head": {"vectors": draw(2, 3, 5), "num_heads": 1},
        "heads of width 1": {"vectors": draw(1, 2, 3), "num_heads": 3},
        "as many words as heads": {"vectors": draw(2, 3, 21), "num_heads": 3},
    }


@split_heads.probe
def _split_and_gradient(candidate: Any, *, vectors: Any, num_heads: int) -> dict[str, Any]:
    leaf = vectors.clone().requires_grad_()
    heads = candidate(leaf, num_heads)
    return {"heads": heads, "gradient": gradient(heads, leaf)}


@split_heads.property("one tensor", form=True)
def _one_tensor(_: SimpleNamespace, found: Any) -> str | None:
    heads = found["heads"] if isinstance(found, dict) else found
    if not isinstance(heads, list):
        return None
    return (
        f"it returns {len(heads)} things, one tensor is asked for (torch.stack lays tensors of one "
        "shape along a new axis)"
    )


@split_heads.property("each head has its own slice of each word")
def _own_slices(given: SimpleNamespace, found: Any) -> str | None:
    d_head = given.vectors.shape[-1] // given.num_heads
    for batch, head, word in np.ndindex(found["heads"].shape[:3]):
        wanted = given.vectors[batch, word, head * d_head : (head + 1) * d_head]
        if np.abs(found["heads"][batch, head, word] - wanted).max() > ROUNDING:
            return (
                f"head {head} should hold numbers {head * d_head} to {(head + 1) * d_head - 1} of "
                f"word {word}, and does not"
            )
    return None


@split_heads.workload
def _split_in_training(candidate: Any) -> Any:
    vectors = torch.ones(12, 64, 128, requires_grad=True)
    return (candidate(vectors, 4) @ torch.ones(32, 32)).sum()


merge_heads = Exercise(
    "multi_head.merge_heads",
    lesson="06",
    level=1,
    minutes=5,
    stub="""def merge_heads(heads):
    # heads (batch, num_heads, length, d_head): tensor
    # → (batch, length, num_heads · d_head): the heads' slices side by side, as before the split
    ...
""",
    start="Begin with two heads of one word: (a, b) and (c, d) become (a, b, c, d).",
    hints=(
        "It undoes the split, so its steps come in the opposite order. What was the last one?",
        "First bring the words in front of the heads again, then make one axis of the last two.",
        "transpose(1, 2), then flatten(2), which joins all axes from number 2 on.",
    ),
    unlocks="From now on your heads speak with one voice: in this lesson's models, and in MiniLM.",
    mistakes=(
        Mistake(
            "the numbers are only counted off anew, so that words and heads are mixed",
            "The shape is right, but whose numbers stand in row 0? reshape moves no axis.",
            {"heads.transpose(1, 2).flatten(2)": ("heads.reshape(len(heads), heads.shape[2], -1)")},
            source="https://github.com/jsbaan/transformer-from-scratch/pull/6",
        ),
        Mistake(
            "the heads' numbers are shuffled like cards, not laid side by side",
            "Of (a, b) and (c, d), is it (a, b, c, d) or (a, c, b, d)?",
            {"heads.transpose(1, 2).flatten(2)": "heads.movedim(1, 3).flatten(2)"},
        ),
        Mistake(
            "the last two axes change places in between",
            "After the first step the axes must be (batch, length, head, d_head). Are they?",
            {
                "heads.transpose(1, 2).flatten(2)": (
                    "heads.transpose(1, 3).reshape(len(heads), heads.shape[2], -1)"
                )
            },
        ),
        Mistake(
            "the slices stand in the opposite order",
            "Head 0 comes first.",
            {"heads.transpose(1, 2)": "heads.flip(1).transpose(1, 2)"},
        ),
        Mistake(
            "the heads are averaged, not laid side by side",
            "How many numbers has a word afterwards: d_head, or num_heads · d_head?",
            {"heads.transpose(1, 2).flatten(2)": "heads.mean(1)"},
            source="trap 11",
        ),
        Mistake(
            "the heads are lined up one behind the other, as more words",
            "How many words were there before the split? So many there must be again.",
            {"heads.transpose(1, 2).flatten(2)": "heads.flatten(1, 2)"},
        ),
    ),
)


@merge_heads.inputs
def _heads(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape))

    return {
        "two heads, three words of width 2": {"heads": draw(1, 2, 3, 2)},
        "a batch of 2, three heads": {"heads": draw(2, 3, 5, 2)},
        "one head": {"heads": draw(2, 1, 3, 5)},
        "heads of width 1": {"heads": draw(1, 3, 2, 1)},
        "as many words as heads": {"heads": draw(2, 3, 3, 7)},
    }


@merge_heads.probe
def _merged_and_gradient(candidate: Any, *, heads: Any) -> dict[str, Any]:
    leaf = heads.clone().requires_grad_()
    merged = candidate(leaf)
    return {"merged": merged, "gradient": gradient(merged, leaf)}


@merge_heads.property("each word has its heads' slices side by side")
def _side_by_side(given: SimpleNamespace, found: Any) -> str | None:
    d_head = given.heads.shape[-1]
    for batch, head, word in np.ndindex(given.heads.shape[:3]):
        wanted = given.heads[batch, head, word]
        got = found["merged"][batch, word, head * d_head : (head + 1) * d_head]
        if np.abs(got - wanted).max() > ROUNDING:
            return f"of word {word} the slice of head {head} is not where it should be"
    return None


@merge_heads.workload
def _merge_in_training(candidate: Any) -> Any:
    heads = torch.ones(12, 4, 64, 32, requires_grad=True)
    return (candidate(heads) @ torch.ones(128, 128)).sum()
