"""Pages: how verdicts, hints, answers and questions look in a notebook, each with a plain twin.

Whatever a learner wrote is escaped before it becomes part of a page.

Builds on: exercise, verdict.  Lacks: the figures (drawing).
"""

import html
from collections.abc import Iterable
from dataclasses import dataclass

from IPython.display import publish_display_data

from transformer_course.engine.answers import NOT_KEPT, Checked, find_part
from transformer_course.engine.catalogue import numbers
from transformer_course.engine.exercise import Exercise, Question
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import Workspace

COLOURS = {
    State.NOT_STARTED: "#767676",
    State.STOPPED: "#D55E00",
    State.SLIP: "#B8860B",
    State.NOT_YET: "#D55E00",
    State.PASSED: "#009E73",
}
QUIET = "#767676"


@dataclass(frozen=True)
class Page:
    """A few paragraphs for a notebook; the first is the heading.

    Attributes:
        lines: Plain text.
        colour: Of the bar at its side; it never says anything that the words do not.
        code: Shown last, with its spacing.
    """

    lines: tuple[str, ...]
    colour: str = QUIET
    code: str = ""

    def publish(self) -> None:
        """Display it in the running cell."""
        publish_display_data(  # type: ignore[no-untyped-call]
            {"text/plain": self.as_text(), "text/html": self.as_html()}
        )

    def as_text(self) -> str:
        """Return the plain twin."""
        return "\n".join([*self.lines, *([f"\n{self.code}"] if self.code else [])]).rstrip()

    def as_html(self) -> str:
        """Return the page as HTML in which nothing but this module's own tags is markup."""
        heading, *rest = (_marked(line) for line in self.lines)
        body = "".join(f'<div style="margin-top: 0.2em">{line}</div>' for line in rest)
        code = (
            f'<pre style="margin: 0.5em 0 0; white-space: pre-wrap">{html.escape(self.code)}</pre>'
            if self.code
            else ""
        )
        return (
            f'<div style="border-left: 4px solid {self.colour}; padding: 0.2em 0 0.2em 0.8em; '
            f'max-width: 46em; line-height: 1.45"><div><b>{heading}</b></div>{body}{code}</div>'
        )


def _marked(line: str) -> str:
    """Escape a line, and set what stands between backticks as code."""
    pieces = html.escape(line).split("`")
    if len(pieces) % 2 == 0:
        return html.escape(line)
    return "".join(
        f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces)
    )


def verdict_page(exercise: Exercise, checked: Checked) -> Page:
    """Say what a check found, in six lines or fewer."""
    verdict = checked.verdict
    symbol, words = verdict.state.value
    lines = [f"{symbol} {words}: `{exercise.name}`", f"{_sentence(verdict.seen)}"]
    if verdict.checklist:
        lines.append(
            " · ".join(f"{name} {'✓' if held else '✗'}" for name, held in verdict.checklist)
        )
    # What has passed and is not kept unlocks nothing: the note says what to do.
    if not checked.note.startswith(NOT_KEPT):
        lines.append(verdict.next_step)
    if checked.note:
        lines.append(checked.note)
    return Page(tuple(lines), COLOURS[verdict.state])


def _sentence(text: str) -> str:
    ending = "" if text.endswith((".", "?", "!")) else "."
    return f"{text[:1].upper()}{text[1:]}{ending}"


def hint_page(exercise: Exercise, number: int) -> Page:
    """Give one hint, and say whether there is another."""
    last = len(exercise.hints)
    more = (
        f'Another one: hint("{exercise.name}", {number + 1})'
        if number < last
        else f'The answer, when you want it: solution("{exercise.name}")'
    )
    return Page((f"Hint {number} of {last}: `{exercise.name}`", exercise.hints[number - 1], more))


def solution_page(exercise: Exercise) -> Page:
    """Show the package's own code."""
    module = exercise.name.rpartition(".")[0].replace(".", "/")
    return Page(
        (
            f"One answer: `{exercise.name}`",
            f"This is the course's own, from transformer_course/{module}.py, "
            "without its checks of the inputs.",
        ),
        code=exercise.answer,
    )


def question_page(question: Question, chosen: str | None, *, reveals: bool) -> Page:
    """Ask a question; take the answer up where that is wanted.

    Args:
        question: What to ask.
        chosen: The letter that was chosen, None if the question was skipped.
        reveals: Whether the answer is told at once (a quiz), or after an experiment (a prediction).
    """
    options = [f"({letter}) {text}" for letter, (text, _) in question.options.items()]
    lines = [question.text, *options]
    if chosen is None:
        lines.append("Skipped. Choose by putting a letter in the place of None.")
    elif not reveals:
        lines.append(f"You chose ({chosen}).")
    else:
        symbol = "✓" if chosen == question.right else "✗"
        lines.append(f"{symbol} You chose ({chosen}). {question.options[chosen][1]}")
    return Page(tuple(lines))


def outcome_page(question: Question, chosen: str | None, measured: str) -> Page:
    """Take a prediction up after its experiment."""
    right = f"It is ({question.right}): {question.options[question.right][0]}."
    if chosen is None:
        first = f"You skipped the prediction. {right}"
    elif chosen == question.right:
        first = f"✓ You chose ({chosen})."
    else:
        first = f"✗ You chose ({chosen}). {right}"
    reply = question.options[chosen or question.right][1]
    return Page((first, f"Measured: {measured}", *([reply] if reply else [])))


def progress_page(exercises: Iterable[Exercise], workspace: Workspace) -> Page:
    """List how far each exercise is.

    Raises:
        WorkspaceError: If the record cannot be read.
    """
    lines = ["Your progress"]
    for exercise in exercises:
        symbol, words = _standing(exercise.name, workspace)
        number = numbers()[exercise.name]
        lines.append(
            f"{symbol} {exercise.lesson} · exercise {number} · `{exercise.name}` · {words}"
        )
    return Page(tuple(lines))


def _standing(name: str, workspace: Workspace) -> tuple[str, str]:
    """Return the symbol and the words for how far an exercise is."""
    if workspace.has_passed(name):
        # Passed once: what counts is what `part` finds of it today.
        trouble = find_part(name, workspace, checks=False).trouble
        if trouble:
            return State.STOPPED.value[0], f"passed, but its file {trouble}: check it again"
        return State.PASSED.value
    state = workspace.record()["exercises"].get(name, {}).get("state")
    # A record of a newer course may know states that this one does not.
    return State.__members__.get(str(state).upper(), State.NOT_STARTED).value
