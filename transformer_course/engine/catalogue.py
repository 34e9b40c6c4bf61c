"""The catalogue: all exercises and questions of the course, found by name.

Builds on: exercise.  Lacks: the declarations (the folder exercises).
"""

import difflib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from itertools import groupby
from types import ModuleType
from typing import TypeVar

from transformer_course.engine.exercise import PACKAGE, Exercise, Question

Found = TypeVar("Found")


class UnknownNameError(ValueError):
    """No exercise or question has this name; says which ones come near."""


def find_exercise(name: str) -> Exercise:
    """Return the exercise of this name.

    Raises:
        UnknownNameError: If there is none.
    """
    return _find(name, exercises(), "exercise")


def find_question(name: str) -> Question:
    """Return the prediction or quiz question of this name.

    Raises:
        UnknownNameError: If there is none.
    """
    return _find(name, questions(), "question")


@lru_cache(maxsize=1)
def exercises() -> Mapping[str, Exercise]:
    """Return every exercise by name, in the order in which the lessons ask them."""
    found = [
        value
        for module in _modules()
        for value in vars(module).values()
        if isinstance(value, Exercise)
    ]
    return {exercise.name: exercise for exercise in sorted(found, key=lambda one: one.lesson)}


@lru_cache(maxsize=1)
def numbers() -> Mapping[str, int]:
    """Return each exercise's number in its lesson, by name."""
    return {
        exercise.name: number
        for _, lesson in groupby(exercises().values(), key=lambda one: one.lesson)
        for number, exercise in enumerate(lesson, 1)
    }


@lru_cache(maxsize=1)
def questions() -> Mapping[str, Question]:
    """Return every prediction and quiz question by name."""
    return {
        question.name: question
        for module in _modules()
        for question in getattr(module, "QUESTIONS", ())
    }


def _modules() -> Iterable[ModuleType]:
    folder = import_module(f"{PACKAGE}.exercises")
    names = {module.name for module in pkgutil.iter_modules(folder.__path__)}
    return [
        import_module(f"{folder.__name__}.{name}")
        for name in (*folder.FIRST, *sorted(names.difference(folder.FIRST)))
    ]


def _find(name: str, known: Mapping[str, Found], kind: str) -> Found:
    if isinstance(name, str) and name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    # A learner often has the function's name right and the module's not.
    near += [full for full in known if full.rpartition(".")[2] == name and full not in near]
    offered = " or ".join(near) if near else f"one of {', '.join(known)}"
    raise UnknownNameError(f"there is no {kind} {name!r}; did you mean {offered}?")
