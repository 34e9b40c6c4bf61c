"""What lesson 03 asks for second: the nearest rows of a table, some of them banned.

Builds on: word_vectors, engine.  Lacks: where a table's meaning comes from (embeddings_loss).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, other_than

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
            "Cosines run from −1 to 1. Which number is below all of them?",
            {"-math.inf": "0.0"},
            source="trap 19",
        ),
        Mistake(
            "a banned row gets the cosine −1, which a row that points the other way has, too",
            "(−6, −8) has the cosine −1 with (3, 4). Which number is below all cosines?",
            {"-math.inf": "-1.0"},
        ),
        Mistake(
            "the first in order is left out, not the banned rows",
            "The word itself comes first if it stands in the table. What of a query that does not, "
            "and of two banned rows?",
            {
                "    cosines[list(banned)] = -math.inf\n": "",
                "similarities, rows = cosines.topk(count)": (
                    "rows = cosines.argsort(descending=True)[1 : count + 1]\n"
                    "    similarities = cosines[rows]"
                ),
            },
        ),
        Mistake(
            "rows are numbered anew once the banned ones are gone",
            "Without row 0, row 3 stands at place 2. Which number does the caller know it by?",
            {
                "cosines[list(banned)] = -math.inf": (
                    "cosines = cosines[[row for row in range(len(table)) if row not in banned]]"
                )
            },
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
        "a row that points the other way, and four banned": {
            "query": small[0].clone(),
            "table": torch.tensor(
                [[3.0, 4.0], [4.0, 3.0], [-6.0, -8.0], [5.0, 1.0], [1.0, 0.0], [0.0, 2.0]]
            ),
            "count": 2,
            "banned": [0, 1, 3, 5],
        },
        "with a row of zeros": {"query": draw(3), "table": zeros, "count": 5},
    }


@nearest.probe
def _found(candidate: Any, *, query: Any, table: Any, **options: Any) -> dict[str, Any] | None:
    result = candidate(query, table, **options)
    other = other_than(("rows", "cosines"), result)
    if other:
        return None if result is None else {"other": other}
    rows, cosines = result
    return {"rows": rows, "cosines": cosines}


@nearest.property("two results", form=True)
def _two_results(_: SimpleNamespace, found: Any) -> str | None:
    return found.get("other") if isinstance(found, dict) else None


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
    cosines = found["cosines"]
    return None if (cosines[1:] <= cosines[:-1] + ROUNDING).all() else "the cosines rise somewhere"


@nearest.property("nobody nearer is left out")
def _none_left_out(given: SimpleNamespace, found: Any) -> str | None:
    lengths = np.linalg.norm(given.table, axis=-1) * np.linalg.norm(given.query)
    cosines = given.table @ given.query / np.maximum(lengths, 1e-12)
    inside = [row for row in found["rows"].tolist() if 0 <= row < len(cosines)]
    others = set(range(len(cosines))) - set(inside) - set(getattr(given, "banned", ()))
    farthest = min(cosines[inside], default=np.inf)
    nearer = [row for row in others if cosines[row] > farthest + ROUNDING]
    return f"row {nearer[0]} is nearer than one that was found" if nearer else None
