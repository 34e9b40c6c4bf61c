"""What lesson 03 asks for last: the pairs of words that stand near each other in a text.

Builds on: word_vectors, engine.  Lacks: the loss that learns from them (embeddings_loss).
"""

import inspect
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch.overrides import TorchFunctionMode

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import other_than

_LOOP = """    pairs = [torch.empty((2, 0), dtype=ids.dtype)]
    for distance in range(1, int(reach.max()) + 1):
        for beside in (places - distance, places + distance):
            kept = (beside >= 0) & (beside < len(ids)) & (reach >= distance)
            pairs.append(torch.stack((ids[kept], ids[beside[kept]])))
    centres, contexts = torch.cat(pairs, dim=1)
"""

_TABLE = """    distance = (places[:, None] - places).abs()
    near = (distance > 0) & (distance <= reach[:, None])
    middle, beside = near.nonzero(as_tuple=True)
    centres, contexts = ids[middle], ids[beside]
"""

LONG = 2_000
"""Words of the longest text: few enough to try a table of all against all, and tell of it."""

PLAYS = 515_606
"""Words of the plays once the frequent ones are thinned out, in the first pass of lesson 03."""

window_pairs = Exercise(
    "word_vectors.window_pairs",
    lesson="03",
    level=3,
    minutes=12,
    stub="""def window_pairs(ids, reach):
    # ids (length): a text in numbers
    # reach (length): how many places to either side each word looks
    # → two tensors (pairs): the word in the middle and the word beside it, for every pair;
    #   the order of the pairs is free
    # reach may be longer than the text, and the text half a million words:
    #   no table of all words against all words, no Python loop over the words
    ...
""",
    start="Begin with distance 1, to the right: word 0 with word 1, word 1 with word 2, …",
    hints=(
        "Take one distance at a time, and all words at once: torch.arange(len(ids)) are the "
        "places, places + distance those beside them.",
        "Three conditions keep a pair: the place beside is not below 0, not beyond the end, and "
        "the word in the middle reaches that far.",
        "For each distance from 1 to reach.max() and for both sides: beside = places ± distance; "
        "kept = the three conditions; collect ids[kept] and ids[beside[kept]], and join them with "
        "torch.cat at the end.",
    ),
    unlocks="From here on it makes the pairs for training, unless it is much slower than ours.",
    mistakes=(
        Mistake(
            "each word is paired with itself, too",
            "At which distance does a word meet itself?",
            {"[torch.empty((2, 0), dtype=ids.dtype)]": "[torch.stack((ids, ids))]"},
        ),
        Mistake(
            "each word is paired with itself, too, and twice",
            "At which distance does a word meet itself, and that on both sides?",
            {"range(1, int": "range(0, int"},
        ),
        Mistake(
            "the largest distance is left out",
            "range(1, 5) ends with 4. Where does yours have to end?",
            {"int(reach.max()) + 1": "int(reach.max())"},
        ),
        Mistake(
            "the last place of the window to the right is left out",
            "range(a, b) ends before b. Which word is the last one to the right?",
            {"(reach >= distance)": "(reach >= distance + (beside > places).long())"},
        ),
        Mistake(
            "places in the text are returned, not words",
            "A place tells where; which word stands there?",
            {"ids[kept], ids[beside[kept]]": "places[kept], beside[kept]"},
        ),
        Mistake(
            "a table of all words against all words is made",
            "Few words are near a word. How can all words be looked at, one distance at a time?",
            {_LOOP: _TABLE},
        ),
        Mistake(
            "only words to the right are paired",
            "A word is known by its company on both sides.",
            {"(places - distance, places + distance)": "(places + distance,)"},
        ),
        Mistake(
            "the text is bent into a ring: its first words meet its last",
            "What is at place −1 of a text, and what does Python take it for?",
            {
                "(beside >= 0) & (beside < len(ids)) & (reach >= distance)": "reach >= distance",
                "ids[beside[kept]]": "ids[beside[kept] % len(ids)]",
            },
        ),
        Mistake(
            "middle and beside have changed roles: the reach of the word beside decides",
            "Does reach belong to the word in the middle, and does that one come first in what "
            "you return?",
            {"return centres, contexts": "return contexts, centres"},
        ),
        Mistake(
            "the window is one place too narrow",
            "With a reach of 1, is the word next door seen?",
            {"(reach >= distance)": "(reach > distance)"},
        ),
        Mistake(
            "no word looks farther than five places",
            "In this lesson 5 is the most that is drawn. Who says how far a word looks?",
            {"int(reach.max()) + 1": "6"},
        ),
        Mistake(
            "of two words the left one decides for both",
            "(a, b) needs the reach of a. Whose reach does (b, a) need?",
            {
                "(reach >= distance)": (
                    "(reach[torch.minimum(places, beside).clamp(min=0)] >= distance)"
                )
            },
        ),
        Mistake(
            "a word is not paired with its like",
            "“Never, never”: two places, one word. Is that no pair?",
            {
                "(reach >= distance)": (
                    "(reach >= distance) & (ids != ids[beside.clamp(0, len(ids) - 1)])"
                )
            },
        ),
        Mistake(
            "every word looks as far as the one that looks farthest",
            "reach has a number for each word. Where does it enter?",
            {" & (reach >= distance)": ""},
        ),
    ),
)


@window_pairs.inputs
def _texts(rng: Generator) -> dict[str, dict[str, Any]]:
    def text(length: int, *reach: int) -> dict[str, Any]:
        return {"ids": torch.arange(length) + 10, "reach": torch.tensor(reach)}

    return {
        "three words, one place to either side": text(3, 1, 1, 1),
        "five words of unlike reach": text(5, 1, 3, 1, 2, 1),
        "two words that look farther than the text is long": text(2, 4, 4),
        "fifteen words, some of them the same": {
            "ids": torch.tensor(rng.integers(6, size=15)),
            "reach": torch.tensor([*rng.integers(1, 5, size=7), 7, *rng.integers(1, 5, size=7)]),
        },
        f"{LONG:,} words, too many for a loop over all pairs of them": {
            "ids": torch.tensor(rng.integers(97, size=LONG)),
            "reach": torch.tensor(rng.integers(1, 6, size=LONG)),
        },
    }


class _LargestTensor(TorchFunctionMode):
    """Notes how many numbers the largest tensor has that is made inside of it."""

    largest = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.largest = max(self.largest, result.numel())
        return result


class _Memory:
    """How many bytes Python and numpy had in use at most."""

    peak = 0


def _names_numpy(code: Any) -> bool:
    """Tell whether a function names numpy: to watch memory makes Python's loops four times slower.

    Args:
        code: Its code object; functions within it have their own.
    """
    inner = filter(inspect.iscode, getattr(code, "co_consts", ()))
    names = set(getattr(code, "co_names", ()))
    return bool({"np", "numpy"} & names) or any(map(_names_numpy, inner))


@contextmanager
def _memory(*, watched: bool) -> Iterator[_Memory]:
    """Note how much memory Python and numpy take on top of what they have; torch keeps its own."""
    memory = _Memory()
    if not watched:
        yield memory
        return
    started = not tracemalloc.is_tracing()
    if started:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield memory
    finally:
        memory.peak = tracemalloc.get_traced_memory()[1] - before
        if started:
            tracemalloc.stop()


@window_pairs.probe
def _sorted_pairs(candidate: Any, *, ids: Any, reach: Any) -> dict[str, Any] | None:
    square = len(ids) ** 2
    watched = len(ids) == LONG and _names_numpy(getattr(candidate, "__code__", None))
    with _memory(watched=watched) as memory, _LargestTensor() as made:
        result = candidate(ids, reach)
    # One tensor of two rows comes apart as two tensors do.
    rows = list(result) if isinstance(result, torch.Tensor) and len(result) == 2 else result
    other = other_than(("middle", "beside"), rows)
    if other:
        return None if result is None else {"other": other}
    middle, beside = rows
    kinds = [type(one).__name__ for one in (middle, beside)]
    lists = [
        one.tolist() if isinstance(one, torch.Tensor) else list(one) for one in (middle, beside)
    ]
    # Sizes of honest tables differ, and are nobody's business. In numpy a number takes one byte or
    # more.
    largest = square if memory.peak >= square else made.largest
    squared = len(ids) == LONG and largest >= square / 2
    # In one order, whichever they were found in.
    pairs = sorted(map(list, zip(*lists, strict=True)))
    return {
        "kinds": kinds,
        "count": len(pairs),
        # Thousands of lists, looked into at every comparison, would take seconds.
        "pairs": np.array(pairs, float).tobytes() if len(ids) == LONG else pairs,
        "largest table": largest if squared else 0,
    }


@window_pairs.property("two results", form=True)
def _two_results(_: SimpleNamespace, found: Any) -> str | None:
    return found.get("other") if isinstance(found, dict) else None


@window_pairs.property("two tensors")
def _two_tensors(_: SimpleNamespace, found: Any) -> str | None:
    other = [kind for kind in found["kinds"] if kind != "Tensor"]
    return f"it returns a {other[0]} where a tensor is asked for" if other else None


@window_pairs.property("as many pairs as the windows hold")
def _how_many(given: SimpleNamespace, found: Any) -> str | None:
    length, pairs = len(given.ids), found["count"]
    wanted = sum(
        min(reach, place) + min(reach, length - 1 - place)
        for place, reach in enumerate(given.reach.tolist())
    )
    return None if pairs == wanted else f"{pairs} pairs, where the windows hold {wanted}"


@window_pairs.property("no table of all words against all words")
def _no_square(given: SimpleNamespace, found: Any) -> str | None:
    size, length = found["largest table"], len(given.ids)
    if not size:
        return None
    whole = size * PLAYS**2 // length**2
    return (
        f"for {length:,} words a table of {size:,} numbers is made; for {PLAYS:,} words it "
        f"would have {whole / 1e9:.0f} billion"
    )


@window_pairs.workload
def _pairs_in_training(candidate: Any) -> Any:
    ids, reach = torch.arange(20_000) % 97, torch.arange(20_000) % 5 + 1
    middle, beside = candidate(ids, reach)
    table = torch.ones(97, requires_grad=True)
    return (table[middle] * table[beside]).sum()
