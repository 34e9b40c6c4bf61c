"""What a notebook imports: checks, hints and answers, predictions and quizzes, pictures and claims.

Nothing here raises in a lesson: what cannot be done is said in a sentence on the page.

Builds on: drawing, the folder engine.  Lacks: the exercises themselves (the folder exercises).
"""

import base64
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from IPython.display import publish_display_data
from matplotlib.figure import Figure

from transformer_course.drawing import png
from transformer_course.engine.answers import check_answer, find_part, unfit_for_training
from transformer_course.engine.catalogue import (
    UnknownNameError,
    exercises,
    find_exercise,
    find_question,
)
from transformer_course.engine.exercise import Question
from transformer_course.engine.pages import (
    Page,
    hint_page,
    outcome_page,
    progress_page,
    question_page,
    solution_page,
    verdict_page,
)
from transformer_course.engine.workspace import Workspace, WorkspaceError, home

MOST_STEPS = "TRANSFORMER_COURSE_MOST_STEPS"

DOTS_PER_INCH = 200
LINE = 90
"""A page of usual width has room for as many characters; it would break a longer line mid-word."""

SHOWN_PER_INCH = 100
"""A page shows an inch as 100 of its pixels: dense screens then have two dots for each."""


def show(figure: Figure, alt: str) -> None:
    """Display a figure, and say its finding to readers who do not see it.

    Args:
        figure: What to display.
        alt: What there is to see, in a sentence or two: it stands in the output's metadata, where
            exported pages take it from, and as the plain text of the output.

    Raises:
        ValueError: If the alternative text is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what there is to see in the figure")
    picture = base64.b64encode(png(figure, DOTS_PER_INCH)).decode("ascii")
    width = round(figure.get_figwidth() * SHOWN_PER_INCH)
    publish_display_data(  # type: ignore[no-untyped-call]
        {"image/png": picture, "text/plain": alt},
        metadata={"image/png": {"alt": alt, "width": width}},
    )


def claim(
    identifier: str,
    statement: str,
    holds: bool,  # noqa: FBT001 (reads as a line)
    control: str | None = None,
) -> None:
    """Print a claim, and whether what was measured bears it out.

    Args:
        identifier: The claim's name in the course's ledger, "C8".
        statement: Number and condition, worded so that it is the same on all machines.
        holds: Whether the measurement agrees.
        control: What was measured beside it, for a line of its own.
    """
    lines = [f"{identifier} {'✓' if holds else '✗'} {statement}"]
    if control is not None:
        lines.append(f"control: {control}")
    for line in lines:
        print(textwrap.fill(line, LINE, subsequent_indent="   "))  # noqa: T201 (for the page)


def _said_on_the_page(function: Callable[..., None]) -> Callable[..., None]:
    """Turn an unknown name or an unusable workspace into a sentence on the page."""

    @wraps(function)
    def say(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except (UnknownNameError, WorkspaceError) as error:
            Page((_as_sentence(error),)).publish()

    return say


def _as_sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(("?", ".")) else ".")


@_said_on_the_page
def check(name: str, candidate: Any) -> None:
    """Check your answer to an exercise; one that passes is kept.

    Args:
        name: The exercise's name: "attention.causal_mask".
        candidate: Your function or class itself, without a call.
    """
    exercise = find_exercise(name)
    verdict_page(exercise, check_answer(exercise, candidate, Workspace(home()))).publish()


@_said_on_the_page
def hint(name: str, number: int = 1) -> None:
    """Show a hint: 1, 2 or 3, each leaving less to think."""
    exercise = find_exercise(name)
    if number not in range(1, len(exercise.hints) + 1):
        Page((f"There are {len(exercise.hints)} hints to {name}, no hint {number}.",)).publish()
        return
    hint_page(exercise, number).publish()


@_said_on_the_page
def solution(name: str) -> None:
    """Show the course's own answer."""
    solution_page(find_exercise(name)).publish()


@_said_on_the_page
def progress(lesson: str | None = None) -> None:
    """Show how far every exercise is.

    Args:
        lesson: The lesson whose exercises are shown, such as "05"; all if left out.
    """
    lessons = {exercise.lesson for exercise in exercises().values()}
    if lesson is not None and lesson not in lessons:
        there_are = ", ".join(sorted(lessons))
        raise UnknownNameError(f"lesson {lesson!r} has no exercises; those that do are {there_are}")
    wanted = [one for one in exercises().values() if lesson in (None, one.lesson)]
    progress_page(wanted, Workspace(home())).publish()


def part(name: str) -> Any:
    """Return your passed answer to an exercise, else the course's own, and say which.

    Args:
        name: The exercise's name: "attention.causal_mask".

    Raises:
        UnknownNameError: If there is no such exercise; the nearest names are offered.
    """
    find_exercise(name)
    found = find_part(name, Workspace(home()))
    lines = [f"`{name}`: {'yours' if found.is_own else 'the course’s own'}"]
    Page((*lines, *([_as_sentence(ValueError(found.note))] if found.note else []))).publish()
    return found.value


def parts(**names: str) -> dict[str, Any]:
    """Return your passed answers that can train a model, and say which those are.

    What you have not passed is left out: a model then takes its own. So is what loses gradients
    or is far slower than the course's own.

    Args:
        names: The exercise for each part that a model takes: attention="attention.…".

    Raises:
        UnknownNameError: If there is no such exercise; the nearest names are offered.
    """
    usable, lines = {}, []
    for place, name in names.items():
        exercise = find_exercise(name)
        found = find_part(name, Workspace(home()))
        unfit = unfit_for_training(exercise, found.value) if found.is_own else None
        if found.is_own and unfit is None:
            usable[place] = found.value
        whose = "yours" if place in usable else "the course’s own"
        reason = f"; yours is left out: {unfit}" if unfit else ""
        lines.append(f"{place}: {whose}{reason}{f' ({found.note})' if found.note else ''}")
    Page(("The parts of this model", *lines)).publish()
    return usable


@dataclass(frozen=True)
class Prediction:
    """What was predicted, to be compared with what is measured."""

    question: Question
    chosen: str | None

    def __repr__(self) -> str:
        # A cell shows this where the name was left out; the question knows its right answer.
        letter = f'"{self.chosen}"' if self.chosen else None
        return (
            "This prediction has no name, and so cannot be taken up later. Write it as it was: "
            f'guess = predict("{self.question.name}", {letter}), with the name that stood there.'
        )

    def compare(self, measured: str) -> None:
        """Take the prediction up.

        Args:
            measured: What the experiment showed, in words that are the same on any machine.
        """
        outcome_page(self.question, self.chosen, measured).publish()


def predict(name: str, choice: str | None) -> Prediction:
    """Ask for a prediction before an experiment; None skips it.

    Args:
        name: "05.1" is lesson 05's first.
        choice: A letter.

    Raises:
        UnknownNameError: If there is no such prediction.
    """
    question = find_question(name)
    chosen = _chosen(question, choice)
    question_page(question, chosen, reveals=False).publish()
    return Prediction(question, chosen)


def quiz(**choices: str | None) -> None:
    """Ask a few questions, and answer back to each choice; None skips a question.

    Args:
        choices: A letter for each question: q05_1="a".
    """
    for name, choice in choices.items():
        try:
            question = find_question(name)
        except UnknownNameError as error:
            Page((_as_sentence(error),)).publish()
            continue
        question_page(question, _chosen(question, choice), reveals=True).publish()


def _chosen(question: Question, choice: str | None) -> str | None:
    """Return the letter that was meant, None if there is no such option; remember it."""
    if choice is None:
        return None
    letter = str(choice).strip().strip("()").lower()
    if letter not in question.options:
        letters = ", ".join(question.options)
        Page((f"There is no option {choice!r} here; choose one of {letters}.",)).publish()
        return None
    try:
        Workspace(home()).note_choice(question.name, letter)
    except WorkspaceError as error:
        Page((f"Not recorded: {error}.",)).publish()
    return letter


def steps(wanted: int) -> int:
    """Return how many steps to train: those wanted, or fewer where a lesson is only tried out.

    The environment variable TRANSFORMER_COURSE_MOST_STEPS sets the limit. Where it does, the page
    says so: what is told of the result need not hold after so few steps.
    """
    taken = min(wanted, int(os.environ.get(MOST_STEPS, wanted)))
    if taken < wanted:
        Page(
            (
                f"Shortened: {taken} steps of training, not {wanted:,}. What is said of the result "
                "may not hold, and a claim may turn to ✗.",
            )
        ).publish()
    return taken
