"""What lesson 05 asks for first: the causal mask.

Builds on: attention, engine.  Lacks: attention in numpy (attention_numpy), torch (attention_torch).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake

causal_mask = Exercise(
    "attention.causal_mask",
    lesson="05",
    level=1,
    minutes=5,
    stub="""def causal_mask(length, past=0):
    # length: number of queries; past: number of keys that came before the first query
    # → torch tensor (length, past + length) of bool:
    # True where the query (row) may look at the key (column)
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
    unlocks="Lesson 06's layer looks back with it; the package's own models have theirs built in.",
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
        Mistake(
            "the keys of the past have no column",
            "With past = 3 and two new words there are five keys. How many columns are that?",
            {"past + length, dtype=torch.bool).tril(past)": "length, dtype=torch.bool).tril()"},
            source="trap 22",
        ),
        Mistake(
            "the mask holds numbers, not True and False",
            "Which dtype has True and False? torch.ones, if you do not say so, has another.",
            {", dtype=torch.bool)": ")"},
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
