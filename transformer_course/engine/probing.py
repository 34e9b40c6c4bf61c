"""Probing: run a candidate on an exercise's inputs, and note what happens, without judging it.

Everything that needs the candidate happens here; what comes out is plain data, so that judging can
take place in another process.

Builds on: exercise, guard, plain.  Lacks: the judgement (verdict).
"""

import ast
import contextlib
import copy
import inspect
import io
import linecache
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from transformer_course.engine.exercise import Exercise, Inputs
from transformer_course.engine.guard import TimeUp, calls_noted, within
from transformer_course.engine.plain import plain, same
from transformer_course.engine.sources import own_source

SECONDS = 5.0
"""Time that an answer gets for all cases together."""


@dataclass(frozen=True)
class Raised:
    """An exception of the candidate's.

    Attributes:
        type_name: Its class.
        message: Its first line.
        line: The candidate's own line that led to it, empty if none did.
        line_number: Where that stands in its cell or file.
    """

    type_name: str
    message: str
    line: str
    line_number: int


@dataclass(frozen=True)
class Observation:
    """What a candidate did in one case: it returned data, or raised."""

    data: Any = None
    raised: Raised | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What a candidate did in all cases.

    Attributes:
        observations: By case, up to the one in which the time was up.
        untouched: Whether it is still the stub.
        endless: The case in which the time was up.
        calls: What it called that it is to replace.
    """

    observations: Mapping[str, Observation]
    untouched: bool = False
    endless: str | None = None
    calls: tuple[str, ...] = ()


def probe(exercise: Exercise, candidate: Any, seed: int) -> Report:
    """Run the candidate on every case, each with its own copy of the inputs."""
    observations: dict[str, Observation] = {}
    end = time.monotonic() + SECONDS
    watched = () if candidate is exercise.reference else (exercise.reference, *exercise.forbidden)
    calls: list[str] = []
    for case, inputs in exercise.make_inputs(seed).items():
        observe = partial(_observe, exercise, candidate, inputs)
        try:
            with calls_noted(watched) as noted:
                observations[case] = within(end - time.monotonic(), observe)
        except TimeUp:
            return Report(observations, endless=case)
        calls += noted
    return Report(
        observations,
        untouched=_is_stub(exercise, candidate),
        calls=tuple(dict.fromkeys(calls)),
    )


def _observe(exercise: Exercise, candidate: Any, inputs: Inputs) -> Observation:
    given = copy.deepcopy(dict(inputs))
    try:
        with _quiet():
            data = plain(exercise.call(candidate, given))
    except (TimeUp, KeyboardInterrupt):
        # The time is up, or whoever waits has had enough: neither is the answer's doing.
        raise
    except BaseException as error:
        return Observation(raised=_raised(error, candidate))
    changed = [name for name in inputs if not same(plain(given[name]), plain(inputs[name]))]
    return Observation(data, changed=tuple(changed))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep prints, warnings and the random state of a candidate away from the lesson."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        yield


def _raised(error: BaseException, candidate: Any) -> Raised:
    """Find the last line of the candidate's own file that the error came through."""
    file = _file(candidate)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    message = str(error).strip().partition("\n")[0]
    if not own:
        return Raised(type(error).__name__, message, "", 0)
    number = own[-1].lineno or 0
    return Raised(type(error).__name__, message, linecache.getline(file, number).strip(), number)


def _file(candidate: Any) -> str:
    members = vars(candidate).values() if inspect.isclass(candidate) else [candidate]
    for member in members:
        function = inspect.unwrap(member) if callable(member) else member
        if inspect.isfunction(function):
            return function.__code__.co_filename
    return ""


def _is_stub(exercise: Exercise, candidate: Any) -> bool:
    """Compare the candidate with the stub by what Python reads of both."""
    try:
        source = own_source(candidate)
    except ValueError:
        return False
    return _essence(source) == _essence(exercise.stub)


def _essence(source: str) -> str:
    """Return a source without comments, docstrings, spacing and the names it is given."""
    definition = ast.parse(source).body[-1]
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.body = [part for part in node.body if not _says_nothing(part)]
    if isinstance(definition, ast.FunctionDef | ast.ClassDef):
        definition.name = ""
    return ast.dump(definition)


def _says_nothing(part: ast.stmt) -> bool:
    return isinstance(part, ast.Pass) or (
        isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
    )
