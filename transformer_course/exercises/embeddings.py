"""What lesson 03 asks for: a lookup by a matrix product, neighbours, the loss, the pairs.

Builds on: embeddings, word_vectors, engine.  Lacks: questions (embeddings_questions), the second
half (embeddings_training).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient

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
def _looked_up(candidate: Any, *, ids: Any, table: Any) -> dict[str, Any]:
    leaf = table.clone().requires_grad_()
    one_hot, vectors = candidate(ids, leaf)
    flown = gradient(vectors, leaf)
    flows = flown is not None and flown[0] is not None
    return {
        "one_hot": one_hot,
        "vectors": vectors,
        "flows": flows,
        "gradients": flown if flows else [torch.zeros_like(table)],
    }


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


nearest = Exercise(
    "word_vectors.nearest",
    lesson="03",
    level=2,
    minutes=8,
    forbidden=(nn.functional.cosine_similarity, torch.cosine_similarity, nn.CosineSimilarity),
    stub="""def nearest(query, table, count, banned=()):
    # query (d_model), table (rows, d_model): tensors
    # banned: numbers of rows that must not be found
    # → the numbers of the `count` rows of highest cosine with the query, the highest first,
    #   and their cosines: two tensors (count)
    # a row of zeros has the cosine 0 with everybody
    ...
""",
    start="Begin with the dot product of the query with every row: one matrix product.",
    hints=(
        "A cosine is a dot product divided by two lengths. Whose lengths?",
        "table.norm(dim=-1) is the length of every row, query.norm() that of the query. Divide "
        "the products by their product; .clamp(min=1e-12) spares a row of zeros the nan.",
        "Put −math.inf in the place of the banned rows, cosines[list(banned)] = …, then "
        "cosines.topk(count) has the values and the numbers of the rows, in this order.",
    ),
    unlocks="From now on neighbours, analogies and this lesson's widget are found by yours.",
    mistakes=(
        Mistake(
            "a row of zeros gets nan",
            "What is 0 / 0 in torch? A length that is kept a little above 0 divides 0 to 0.",
            {"lengths.clamp(min=1e-12)": "lengths"},
            source="https://github.com/huggingface/sentence-transformers/issues/625",
        ),
        Mistake(
            "the cosines come first, and the rows second",
            "topk hands out the values first. What is asked for first here?",
            {"return rows, similarities": "return similarities, rows"},
        ),
        Mistake(
            "dot products are compared, not cosines",
            "A long row has a large dot product with nearly everything. What is to be divided out?",
            {"table @ query / lengths.clamp(min=1e-12)": "table @ query"},
        ),
        Mistake(
            "the banned rows are found",
            "Whose nearest neighbour is always the word itself?",
            {"    cosines[list(banned)] = -math.inf\n": ""},
            source="https://github.com/plasticityai/magnitude/issues/29",
        ),
        Mistake(
            "a banned row gets the cosine 0, which may still be found",
            "Cosines run from −1 to 1. Is 0 low enough to come last?",
            {"-math.inf": "0.0"},
            source="trap 19",
        ),
        Mistake(
            "only the rows are divided by their length, not the query",
            "The order is right. Can a cosine be larger than 1?",
            {"table.norm(dim=-1) * query.norm()": "table.norm(dim=-1)"},
        ),
        Mistake(
            "one length is taken for the whole table",
            "Each row has its own length. Which axis does norm have to sum over?",
            {"table.norm(dim=-1)": "table.norm()"},
        ),
        Mistake(
            "the least similar rows are found",
            "topk can take from either end. Which one holds the neighbours?",
            {
                "cosines[list(banned)] = -math.inf": "cosines[list(banned)] = math.inf",
                "cosines.topk(count)": "cosines.topk(count, largest=False)",
            },
        ),
        Mistake(
            "lengths are taken without the root",
            "What is the length of (3, 4): 25 or 5?",
            {
                "table.norm(dim=-1) * query.norm()": (
                    "table.square().sum(-1) * query.square().sum()"
                )
            },
        ),
    ),
)


@nearest.inputs
def _queries_and_tables(rng: Generator) -> dict[str, dict[str, Any]]:
    def draw(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape), dtype=torch.float32)

    # Rows of very different length, the longest ones far off the query's direction.
    table = draw(11, 5)
    query = draw(5)
    order = (table @ query / table.norm(dim=-1)).argsort()
    table[order] = table[order] * torch.linspace(6, 0.5, 11)[:, None]
    table[order[-3:]] *= torch.tensor([3.0, 0.5, 1.0])[:, None]
    small = torch.tensor([[3.0, 4.0], [10.0, -1.0], [-1.0, 0.5], [0.2, 0.1]])
    zeros = draw(5, 3)
    zeros[2] = 0
    return {
        "the two nearest of four rows": {"query": small[0].clone(), "table": small, "count": 2},
        "three of four, the query itself banned": {
            "query": small[0].clone(),
            "table": small,
            "count": 3,
            "banned": [0],
        },
        "the four nearest of eleven, two banned": {
            "query": query,
            "table": table,
            "count": 4,
            "banned": [int(order[-1]), int(order[-3])],
        },
        "with a row of zeros": {"query": draw(3), "table": zeros, "count": 5},
    }


@nearest.probe
def _found(candidate: Any, *, query: Any, table: Any, **options: Any) -> dict[str, Any]:
    rows, cosines = candidate(query, table, **options)
    return {"rows": rows, "cosines": cosines}


@nearest.property("cosines from −1 to 1")
def _in_range(_: SimpleNamespace, found: Any) -> str | None:
    largest = np.abs(found["cosines"]).max()
    if largest <= 1 + ROUNDING:
        return None
    return f"a cosine of {largest:.2f}" if np.isfinite(largest) else "a cosine is nan or infinite"


@nearest.property("no banned row")
def _none_banned(given: SimpleNamespace, found: Any) -> str | None:
    wrong = sorted(set(found["rows"].tolist()) & set(getattr(given, "banned", ())))
    return f"row {wrong[0]} is banned and was found" if wrong else None


@nearest.property("the highest first")
def _sorted(_: SimpleNamespace, found: Any) -> str | None:
    return None if (np.diff(found["cosines"]) <= ROUNDING).all() else "the cosines rise somewhere"
