"""What lesson 00 asks for, in one minute: the questions that a language model is trained on.

Builds on: windows, engine.  Lacks: the lesson's predictions and quiz (first_questions).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake

inputs_and_targets = Exercise(
    "windows.inputs_and_targets",
    lesson="00",
    level=1,
    minutes=1,
    stub="""def inputs_and_targets(windows):
    # windows (count, length + 1): token ids, a row for each piece of text
    # → two tensors (count, length): what the model reads, and at each place what comes next
    ...
""",
    start="Take the row 7 3 5 9: which of its ids are read? And which should be said?",
    hints=(
        "Write the row 7 3 5 9 down twice, and cross out what is never read in the first, and "
        "what is never said in the second.",
        "The last id is not read, for nothing comes after it. The first is not said, for nothing "
        "comes before it. Both results are slices of windows.",
        "Two slices along the second axis: windows[:, ?:?] and windows[:, ?:?]. One leaves out "
        "the last column, the other one the first.",
    ),
    unlocks="The next code cell asks the trained model your questions, about a play it never read.",
    mistakes=(
        Mistake(
            "the targets are not moved: each is the very id that is read",
            "Whoever repeats what it has just read is always right here. Has it learned what comes "
            "next?",
            {"windows[:, 1:]": "windows[:, :-1]"},
            source="https://github.com/Project-MONAI/GenerativeModels/issues/314",
        ),
        Mistake(
            "the wrong way round: each target is the id before",
            "Which of the two starts with the first id, and which with the second?",
            {"return windows[:, :-1], windows[:, 1:]": "return windows[:, 1:], windows[:, :-1]"},
            source="trap 6",
        ),
        Mistake(
            "both rows start with the second id: each target is the very id that is read",
            "Is the first id of a row never read? What could be asked there?",
            {"windows[:, :-1]": "windows[:, 1:]"},
            source="https://github.com/Project-MONAI/GenerativeModels/issues/314",
        ),
        Mistake(
            "rolled the wrong way: each target is the id before, the first one come from the back",
            "Below the first id that is read stands a target. Which one of the row is it?",
            {"windows[:, 1:]": "windows[:, :-1].roll(1, 1)"},
            source="trap 6",
        ),
        Mistake(
            "the targets are moved twice: each is the id after next",
            "From an id that is read to its target it should be one step. How many are there?",
            {"windows[:, :-1], windows[:, 1:]": "windows[:, :-2], windows[:, 2:]"},
            source="https://github.com/huggingface/transformers/issues/47394",
        ),
        Mistake(
            "the last target is the window's own first id, come round from the front",
            "The last id that is read does have a next one. In which column does it stand?",
            {"windows[:, 1:]": "windows[:, :-1].roll(-1, 1)"},
            source="https://github.com/verl-project/verl/issues/6475",
        ),
        Mistake(
            "the last target is a filler, not the id that comes next",
            "A row has one id more than there are questions. What is it there for?",
            {"windows[:, 1:]": "F.pad(windows[:, 1:-1], (0, 1))"},
            source="trap 6",
        ),
        Mistake(
            "the last id is read, too, though nothing comes after it",
            "How many ids are read here, and how many are to be said? Count both for 7 3 5 9.",
            {"windows[:, :-1], windows[:, 1:]": "windows, windows[:, 1:]"},
            source="trap 6",
        ),
        Mistake(
            "rows are moved, not places: each target comes from the next piece of text",
            "Which axis counts the pieces, and which the places within one?",
            {"windows[:, :-1], windows[:, 1:]": "windows[:-1], windows[1:]"},
            source="trap 7",
        ),
    ),
)


@inputs_and_targets.inputs
def _windows(rng: Generator) -> dict[str, dict[str, Any]]:
    # No id stands twice, so that none can be taken for its neighbour.
    def case(count: int, longer: int) -> dict[str, Any]:
        ids = rng.permutation(97)[: count * longer].reshape(count, longer)
        return {"windows": torch.tensor(ids)}

    return {
        "the row 7 3 5 9": {"windows": torch.tensor([[7, 3, 5, 9]])},
        "one row of two ids, a single question": case(1, 2),
        "three rows of eight ids": case(3, 8),
        "seven rows of five ids": case(7, 5),
    }


@inputs_and_targets.property("every id but the last is read")
def _read(given: SimpleNamespace, found: Any) -> str | None:
    rows = given.windows[:, : found[0].shape[1]]
    return None if np.array_equal(found[0], rows) else f"read are {_row(found[0])}"


@inputs_and_targets.property("every target comes next")
def _next(given: SimpleNamespace, found: Any) -> str | None:
    if np.array_equal(found[1], given.windows[:, 1:]):
        return None
    return f"of {_row(given.windows)} it reads {_row(found[0])} and asks for {_row(found[1])}"


def _row(ids: Any) -> str:
    return " ".join(map(str, ids[0].tolist()))
