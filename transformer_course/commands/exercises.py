"""List the exercises, or verify that each check says what it should.

Builds on: the folder engine.  Lacks: the right answers in other styles (tests/solutions).
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.exercise import Exercise
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State

SOLUTIONS = Path(__file__).parents[2] / "tests" / "solutions"
HIGHEST_LEVEL = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``exercises`` takes."""
    parser.add_argument(
        "--verify",
        action="store_true",
        help="run every known mistake and every right answer through its check",
    )


def run(arguments: argparse.Namespace) -> int:
    """List the exercises, or verify their checks; 1 if one does not say what it should."""
    status = _verify() if arguments.verify else _list()
    num_mistakes = sum(len(exercise.mistakes) for exercise in exercises().values())
    sys.stdout.write(f"{len(exercises())} exercises, {num_mistakes} known mistakes\n")
    return status


def _list() -> int:
    width = max(map(len, exercises()))
    for exercise in exercises().values():
        difficulty = "●" * exercise.level + "○" * (HIGHEST_LEVEL - exercise.level)
        sys.stdout.write(
            f"{exercise.lesson}  {exercise.name:<{width}}  {difficulty}  "
            f"{exercise.minutes:>2} min  {len(exercise.mistakes):>2} known mistakes\n"
        )
    return 0


@dataclass(frozen=True, kw_only=True)
class _Case:
    """An answer, and what its check has to say to it.

    Attributes:
        exercise: Whose check it is.
        title: What to call the answer.
        source: Returns its source.
        mistake: The known mistake that has to be met; None if the answer is right.
    """

    exercise: Exercise
    title: str
    source: Callable[[], str]
    mistake: str | None

    def fault(self) -> str | None:
        """Say what the check says instead, None if it says what it has to."""
        try:
            lent = self.exercise.lent()
            verdict = verdict_on(self.exercise, build(self.source(), self.exercise.name, lent))
        except Exception as error:
            return f"cannot be checked ({type(error).__name__}: {error})"
        passes = verdict.state is State.PASSED
        if verdict.mistake == self.mistake and passes == (self.mistake is None):
            return None
        symbol, words = verdict.state.value
        return f"{symbol} {words}: {verdict.seen}"


def _cases() -> Iterator[_Case]:
    for name, exercise in exercises().items():
        for mistake in exercise.mistakes:
            yield _Case(
                exercise=exercise,
                title=f"known mistake “{mistake.name}”",
                source=partial(exercise.wrong_source, mistake),
                mistake=mistake.name,
            )
        for file in sorted((SOLUTIONS / name).glob("*.py")):
            yield _Case(
                exercise=exercise,
                title=f"right answer {file.stem}",
                source=partial(file.read_text, encoding="utf-8"),
                mistake=None,
            )


def _verify() -> int:
    cases = list(_cases())
    num_faults = 0
    for case in tqdm(cases, desc="checks", unit="answer", leave=False):
        fault = case.fault()
        if fault is not None:
            num_faults += 1
            tqdm.write(f"✗ {case.exercise.name}, {case.title}: {fault}", file=sys.stdout)
    num_right = sum(case.mistake is None for case in cases)
    if not SOLUTIONS.is_dir():
        sys.stdout.write(f"no right answers to verify: {SOLUTIONS} comes with a checkout only\n")
    sys.stdout.write(
        f"{len(cases) - num_right} known mistakes and {num_right} right answers checked, "
        f"{num_faults} not met as they should be\n"
    )
    return int(num_faults > 0)
