"""Answers: check one, keep it once it has passed, and hand it out as a part of the model.

Builds on: catalogue, verdict, workspace.  Lacks: a page to stand on (pages).
"""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from transformer_course.engine.catalogue import exercises
from transformer_course.engine.exercise import Exercise, from_package
from transformer_course.engine.guard import TimeUp, within
from transformer_course.engine.probing import probe
from transformer_course.engine.sources import build, foreign_names, own_source
from transformer_course.engine.verdict import State, Verdict, judge
from transformer_course.engine.workspace import Workspace, WorkspaceError

SEED = 0
"""The first inputs are the same in every check, so that its words are; fresh ones follow."""

LOADING_SECONDS = 5.0
"""Time that a kept answer gets to be read in; one that was broken by hand may never be."""

TRYING_SECONDS = 30.0
"""Time that a part gets at the size of a model."""

ROUNDS = 8

NOT_KEPT = "Passed, but not kept"
"""How a note begins where an answer that passed is nowhere in use."""


@dataclass(frozen=True)
class Checked:
    """What a check found: the verdict, and a sentence on what could not be done besides."""

    verdict: Verdict
    note: str = ""


def check_answer(exercise: Exercise, candidate: Any, workspace: Workspace) -> Checked:
    """Judge a candidate, and keep it in the workspace if it passes."""
    verdict = verdict_on(exercise, candidate)
    note = ""
    try:
        if verdict.state is State.PASSED:
            note = _keep(exercise, candidate, workspace)
        workspace.note_check(exercise.name, verdict.state.name.lower())
    except WorkspaceError as error:
        note = f"Not recorded: {error}."
    return Checked(verdict, note)


def verdict_on(exercise: Exercise, candidate: Any) -> Verdict:
    """Judge a candidate on the usual inputs, and if it passes there on fresh ones."""
    misplaced = _misplaced(exercise, candidate)
    if misplaced is not None:
        return misplaced
    verdict = judge(exercise, probe(exercise, candidate, SEED), SEED)
    if verdict.state is State.PASSED:
        seed = secrets.randbits(32)
        verdict = judge(exercise, probe(exercise, candidate, seed), seed)
    return verdict


def _misplaced(exercise: Exercise, candidate: Any) -> Verdict | None:
    """Say what is wrong where something was handed over that is no answer at all."""
    name = exercise.called
    kind = type(candidate).__name__
    given = f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind} was given"
    next_step = f'Hand over your own by its name alone: check("{exercise.name}", {name})'
    if isinstance(candidate, type) and not exercise.asks_for_class:
        seen = f"a class was given, a function is asked for: `def {name}(…)`"
    elif exercise.asks_for_class and not isinstance(candidate, type):
        seen = f"{given}, a class is asked for: `class {name}`"
    elif not callable(candidate):
        seen = f"{given}, a function is asked for"
    elif candidate is exercise.reference:
        seen = f"this is the course's own `{name}`"
        next_step = f"Run the cell that defines your own `{name}` again, then this one."
    else:
        return None
    return Verdict(state=State.NOT_YET, seen=seen, next_step=next_step)


def _keep(exercise: Exercise, candidate: Any, workspace: Workspace) -> str:
    """Keep the source of an answer that passed; say why not where it cannot be."""
    lent = lent_parts(exercise, workspace)
    try:
        source = own_source(candidate)
    except ValueError as error:
        return f"{NOT_KEPT}: {error}."
    foreign = foreign_names(source, lent)
    if foreign:
        names = ", ".join(f"`{name}`" for name in foreign)
        return (
            f"{NOT_KEPT}: it uses {names} from outside; write that inside "
            f"`{exercise.called}`, so that it can run by itself, and check again."
        )
    try:
        runs_alone = _passes(exercise, build(source, exercise.name, lent))
    except Exception as error:
        return (
            f"{NOT_KEPT}: run by itself, without the notebook, it stops with "
            f"{type(error).__name__}: {error}."
        )
    if not runs_alone:
        return f"{NOT_KEPT}: run by itself, without the notebook, it no longer does."
    workspace.keep(exercise.name, source)
    return ""


def _passes(exercise: Exercise, candidate: Any) -> bool:
    return judge(exercise, probe(exercise, candidate, SEED), SEED).state is State.PASSED


@dataclass(frozen=True)
class Part:
    """A part of the model, and whose it is.

    Attributes:
        value: The function or class.
        is_own: Whether the learner wrote it.
        note: Why not, where that needs a word.
        trouble: The same in a few words, of the file that is or was kept.
    """

    value: Any
    is_own: bool
    note: str = ""
    trouble: str = ""


def find_part(name: str, workspace: Workspace, *, checks: bool = True) -> Part:
    """Return the learner's passed answer to an exercise, else the package's own.

    Args:
        name: The exercise's name.
        workspace: Where answers are kept.
        checks: Whether a kept answer that was changed since is checked anew, and used if it passes.
            Without, which is quick, it is not used.

    Raises:
        UnknownNameError: If there is no such exercise.
    """
    exercise = exercises()[name]
    try:
        source = workspace.kept(name)
        if source is None:
            return _without_file(exercise, workspace)
        lent = lent_parts(exercise, workspace, checks=checks)
        candidate = within(LOADING_SECONDS, lambda: build(source, name, lent))
        if not _is_as_passed(workspace, name, source):
            if not checks:
                return _own_instead(exercise, workspace, "was changed")
            if not _passes(exercise, candidate):
                reason = "and no longer passes its check"
                return _own_instead(exercise, workspace, "was changed", reason)
    except WorkspaceError as error:
        note = f"{error}."
        return Part(exercise.reference, is_own=False, note=note, trouble="cannot be read")
    except TimeUp:
        reason = f"within {LOADING_SECONDS:g} seconds"
        return _own_instead(exercise, workspace, "does not come to its end", reason)
    except (Exception, SystemExit) as error:
        reason = f"({type(error).__name__}: {error})"
        return _own_instead(exercise, workspace, "no longer runs", reason)
    return Part(candidate, is_own=True)


def _without_file(exercise: Exercise, workspace: Workspace) -> Part:
    """Return the package's own where nothing is kept, and say so if something was."""
    try:
        was_kept = workspace.has_passed(exercise.name)
    except WorkspaceError:
        was_kept = False
    if was_kept:
        return _own_instead(exercise, workspace, "is gone")
    return Part(exercise.reference, is_own=False)


def _is_as_passed(workspace: Workspace, name: str, source: str) -> bool:
    try:
        return workspace.is_as_passed(name, source)
    except WorkspaceError:
        return False


def _own_instead(exercise: Exercise, workspace: Workspace, trouble: str, more: str = "") -> Part:
    reason = f"{trouble} {more}".rstrip()
    note = f"{workspace.file_of(exercise.name)} {reason}; check your answer again to replace it."
    return Part(exercise.reference, is_own=False, note=note, trouble=trouble)


def lent_parts(
    exercise: Exercise, workspace: Workspace, *, checks: bool = True
) -> Mapping[str, Any]:
    """Return what an answer may call: the learner's own passed parts, else the package's.

    `find_part` says what `checks` is.
    """
    return {
        name.rpartition(".")[2]: (
            find_part(name, workspace, checks=checks).value
            if name in exercises()
            else from_package(name)
        )
        for name in exercise.lends
    }


def unfit_for_training(exercise: Exercise, candidate: Callable[..., Any]) -> str | None:
    """Say why a part should not train a model: it loses gradients, or is far too slow."""
    if exercise.loss_of(exercise.reference) is None:
        return None
    try:
        costs = within(TRYING_SECONDS, lambda: _costs(exercise, candidate))
    except TimeUp:
        return f"at the size of a model it takes more than {TRYING_SECONDS:g} seconds"
    except Exception as error:
        return f"at the size of a model it stops ({type(error).__name__}: {error})"
    if math.isnan(costs[1]):
        return "it loses the gradients, without which nothing can be learned"
    ratio = costs[1] / costs[0]
    if ratio > exercise.largest_cost:
        return f"it takes {ratio:.0f} times as long as the course's own"
    return None


def _costs(exercise: Exercise, candidate: Callable[..., Any]) -> tuple[float, float]:
    """Return the seconds of the reference and of a candidate, the least of some that take turns.

    What else the machine does lengthens single uses at random. A candidate that has been quick
    enough once is.
    """
    least = (math.inf, math.inf)
    for _ in range(ROUNDS):
        costs = (_cost(exercise, exercise.reference), _cost(exercise, candidate))
        if math.isnan(costs[1]):
            return costs
        least = (min(least[0], costs[0]), min(least[1], costs[1]))
        if least[1] <= exercise.largest_cost * least[0]:
            break
    return least


def _cost(exercise: Exercise, function: Callable[..., Any]) -> float:
    """Return the seconds that a use takes forth and back, NaN if no gradient comes back."""
    start = time.perf_counter()
    loss = exercise.loss_of(function)
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        return math.nan
    loss.backward()
    return time.perf_counter() - start
