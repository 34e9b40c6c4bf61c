"""What lesson 03 asks for first: to look vectors up by a matrix product.

Builds on: embeddings, engine.  Lacks: neighbours (embeddings_find), the loss (embeddings_loss),
pairs (embeddings_pairs), questions (embeddings_questions).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient, other_than

one_hot_lookup = Exercise(
    "embeddings.one_hot_lookup",
    lesson="03",
    level=1,
    minutes=6,
    forbidden=(nn.functional.embedding, torch.embedding, nn.Embedding),
    stub="""def one_hot_lookup(ids, table):
    # ids (…): tensor of whole numbers, each the number of a row of the table
    # table (vocab, d_model): tensor, a vector in each row
    # → one_hot (…, vocab), of the table's dtype: 1 at the id, 0 elsewhere
    #   and vectors (…, d_model): one_hot times the table
    ...
""",
    start="Begin with a single id: which of the numbers 0, 1, 2, … up to vocab − 1 equals it?",
    hints=(
        "One row of one_hot has as many places as the table has rows. Which place is 1 for id 2?",
        "Compare each id with all row numbers at once: ids[..., None] beside "
        "torch.arange(len(table)).",
        "A comparison gives True and False; .to(table.dtype) makes 1 and 0 of them. Then "
        "one_hot @ table. Return both.",
    ),
    unlocks="You have seen what an embedding layer is: a matrix product that skips the zeros.",
    mistakes=(
        Mistake(
            "ids are counted from 1",
            "Which row is meant by id 0: the first one, or none?",
            {"torch.arange(len(table))": "torch.arange(1, len(table) + 1)"},
        ),
        Mistake(
            "the 1 and the 0s are swapped",
            "How many ones has a one-hot row? And how many has yours?",
            {" == ": " != "},
        ),
        Mistake(
            "all places up to the id are 1",
            "A one-hot row has a single 1. Which comparison is true in one place only?",
            {" == ": " >= "},
        ),
        Mistake(
            "the vectors come first, and `one_hot` second",
            "Which of the two is asked for first?",
            {"return one_hot, one_hot @ table\n": "return one_hot @ table, one_hot\n"},
        ),
        Mistake(
            "the vectors are cut off from the gradient",
            "A table learns by what flows back through the product. What does .detach() stop?",
            {"one_hot @ table\n": "one_hot @ table.detach()\n"},
        ),
        Mistake(
            "the product takes the table's columns, not its rows",
            "one_hot has a place for each row of the table. With which axis must it meet?",
            {"one_hot @ table\n": "one_hot @ table.T\n"},
        ),
        Mistake(
            "the id itself stands where the 1 should be",
            "What does a row times 4 hand out: the vector, or four times the vector?",
            {
                "(ids[..., None] == torch.arange(len(table))).to": (
                    "(ids[..., None] * (ids[..., None] == torch.arange(len(table)))).to"
                )
            },
        ),
    ),
)


@one_hot_lookup.inputs
def _ids_and_tables(rng: Generator) -> dict[str, dict[str, Any]]:
    def table(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape), dtype=dtype)

    return {
        "id 2 of a table of 3 rows": {"ids": torch.tensor([2]), "table": table(3, 3)},
        "ids 0, 1, 0, 4": {"ids": torch.tensor([0, 1, 0, 4]), "table": table(5, 2)},
        "a batch of 2 × 3 ids": {
            "ids": torch.tensor(rng.integers(7, size=(2, 3))),
            "table": table(7, 4, dtype=torch.float64),
        },
    }


@one_hot_lookup.probe
def _looked_up(candidate: Any, *, ids: Any, table: Any) -> dict[str, Any] | None:
    leaf = table.clone().requires_grad_()
    result = candidate(ids, leaf)
    other = other_than(("one_hot", "vectors"), result)
    if other:
        return None if result is None else {"other": other}
    one_hot, vectors = result
    flown = gradient(vectors, leaf)
    flows = flown is not None and flown[0] is not None
    return {
        "one_hot": one_hot,
        "vectors": vectors,
        "flows": flows,
        "gradients": flown if flows else [torch.zeros_like(table)],
    }


@one_hot_lookup.property("two results", form=True)
def _two_results(_: SimpleNamespace, found: Any) -> str | None:
    return found.get("other") if isinstance(found, dict) else None


@one_hot_lookup.property("each row of one_hot has a single 1")
def _single_one(_: SimpleNamespace, found: Any) -> str | None:
    ones = found["one_hot"].sum(-1)
    if np.isin(found["one_hot"], (0, 1)).all() and (ones == 1).all():
        return None
    return f"a row of one_hot sums to {float(ones.flat[np.abs(ones - 1).argmax()]):g}"


@one_hot_lookup.property("the 1 stands at the id")
def _at_the_id(given: SimpleNamespace, found: Any) -> str | None:
    places = found["one_hot"].argmax(-1)
    if (places == given.ids).all():
        return None
    where = tuple(np.argwhere(places != given.ids)[0])
    return f"for id {given.ids[where]} the 1 stands at place {places[where]}"


@one_hot_lookup.property("each vector is its row of the table")
def _is_its_row(given: SimpleNamespace, found: Any) -> str | None:
    difference = np.abs(found["vectors"] - given.table[given.ids]).max()
    return None if difference <= ROUNDING else f"a vector is off its row by {difference:.2g}"


@one_hot_lookup.property("the vectors lead a gradient to the table")
def _flows(_: SimpleNamespace, found: Any) -> str | None:
    return None if found["flows"] else "no gradient flows from the vectors back to the table"
