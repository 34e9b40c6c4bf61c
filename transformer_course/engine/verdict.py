"""The verdict: what a report of what happened means, and how to say it to whoever wrote the answer.

The judge sees inputs and plain data, never the candidate. Properties come first, equality with the
reference last; a mistake is recognised by what it computes, in every case alike.

Builds on: probing.  Lacks: a page to stand on (pages).
"""

import enum
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from transformer_course.engine.exercise import Exercise, Inputs, Mistake, Property
from transformer_course.engine.plain import (
    GRADIENT,
    Array,
    bare,
    lost_gradient,
    misfit,
    plain,
    same,
)
from transformer_course.engine.probing import SECONDS, Observation, Raised, Report, probe
from transformer_course.engine.translations import in_plain_words


class State(enum.Enum):
    """How far an answer is: a symbol, and the words that it starts its sentence with."""

    NOT_STARTED = "○", "not started"
    STOPPED = "!", "stopped"
    SLIP = "~", "known slip"
    NOT_YET = "✗", "not yet"
    PASSED = "✓", "passed"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is said of an answer.

    Attributes:
        state: How far it is.
        seen: An observation, in the answer's own numbers.
        next_step: One thing to do or to look at.
        checklist: What holds and what does not, up to the first that does not.
        mistake: The known mistake that was recognised.
    """

    state: State
    seen: str
    next_step: str
    checklist: tuple[tuple[str, bool], ...] = ()
    mistake: str | None = None


FITS = "type, shape and dtype"
FLOWS = "gradients come through"
EQUAL = "same numbers as the course's own"
NO_RETURN = "Is a `return` missing at its end?"
NO_RETURN_HERE = "Is a `return` missing on one of the ways out?"


def judge(exercise: Exercise, report: Report, seed: int) -> Verdict:
    """Judge a report of a candidate that was probed with this seed."""
    for look in (_conduct, _recognised, _first_failure):
        verdict = look(exercise, report, seed)
        if verdict is not None:
            return verdict
    cases = list(report.observations)
    return Verdict(
        state=State.PASSED,
        seen=f"on {len(cases)} cases, “{cases[-1]}” among them",
        next_step=exercise.unlocks,
        checklist=tuple((name, True) for name in (FITS, *exercise.properties, EQUAL)),
    )


def _conduct(exercise: Exercise, report: Report, _: int) -> Verdict | None:
    """Look at what the candidate did, whatever it returned."""
    if report.calls:
        return Verdict(
            state=State.NOT_YET,
            seen=f"it calls {report.calls[0]}, which does the whole job",
            next_step="Write the steps yourself; that function is what they are compared with.",
        )
    if report.endless is not None:
        return Verdict(
            state=State.STOPPED,
            seen=f"no answer after {SECONDS:.0f} seconds, in the case “{report.endless}”",
            next_step="Is there a loop that never ends? What would end it?",
        )
    returned = [one.data for one in report.observations.values() if one.raised is None]
    silent = len(returned) == len(report.observations) and all(data is None for data in returned)
    if report.untouched:
        seen = f"`{exercise.called}` does nothing yet"
        return Verdict(state=State.NOT_STARTED, seen=seen, next_step=exercise.start)
    if silent:
        return Verdict(
            state=State.NOT_YET,
            seen=f"{_returning(exercise, 'it')} returns nothing",
            next_step=NO_RETURN,
        )
    changed = next((one.changed for one in report.observations.values() if one.changed), None)
    if changed:
        return Verdict(
            state=State.NOT_YET,
            seen=f"it changes what it was given: `{changed[0]}` is different after the call",
            next_step="Work on a copy, or make a new one: whoever calls it still needs the old.",
        )
    return None


def _returning(exercise: Exercise, function: str) -> str:
    """Name what is to return something: a class does by its `forward`."""
    return "`forward`" if "def forward" in exercise.stub else function


def _recognised(exercise: Exercise, report: Report, seed: int) -> Verdict | None:
    """Compare with every known mistake."""
    if alike(report.observations, expected(exercise, seed)):
        return None
    for mistake in exercise.mistakes:
        if alike(report.observations, mistaken(exercise, mistake.name, seed)):
            return _name(exercise, mistake, report, seed)
    return None


def _name(exercise: Exercise, mistake: Mistake, report: Report, seed: int) -> Verdict:
    failure = _first_failure(exercise, report, seed)
    unexplained = (UNEXPLAINED, ONLY_GRADIENTS)
    shown = failure is not None and failure.seen and not failure.seen.startswith(unexplained)
    return Verdict(
        state=State.SLIP,
        seen=mistake.name + (f": {failure.seen}" if failure is not None and shown else ""),
        next_step=mistake.look_at,
        mistake=mistake.name,
    )


UNEXPLAINED = "the numbers differ"
ONLY_GRADIENTS = "the numbers are right, but the gradients differ"


def _first_failure(exercise: Exercise, report: Report, seed: int) -> Verdict | None:
    """Go through the cases, the smallest first, and in each through everything that must hold.

    What fails first is told. What is said to hold does so in every case that returned something.
    """
    wanted = expected(exercise, seed)
    first: tuple[str, str, str] | None = None
    broken: set[str] = set()
    for case, inputs in exercise.make_inputs(seed).items():
        observation = report.observations[case]
        if observation.raised is not None:
            if first is None:
                return _stopped(exercise, case, inputs, observation.raised)
            continue
        complaints = _complaints(exercise, inputs, observation, wanted[case])
        broken |= complaints.keys()
        if complaints and first is None:
            first = case, *next(iter(complaints.items()))
    if first is None:
        return None
    case, name, complaint = first
    held = [one for one in (FITS, *exercise.properties, EQUAL) if one not in broken]
    silent = report.observations[case].data is None
    return Verdict(
        state=State.NOT_YET,
        seen=f"{complaint} (in the case “{case}”)",
        next_step=NO_RETURN_HERE if silent else _unknown(exercise),
        checklist=(*((one, True) for one in held), (name, False)),
    )


def _unknown(exercise: Exercise) -> str:
    return (
        "None of the mistakes known here explains it alone. Hints 1 to 3 are there for you, or "
        f'solution("{exercise.name}").'
    )


def _complaints(
    exercise: Exercise, inputs: Inputs, found: Observation, wanted: Observation
) -> dict[str, str]:
    """Return what is amiss in one case, by what should hold, in the order of looking."""
    given = SimpleNamespace(**{name: bare(plain(value)) for name, value in inputs.items()})
    # Of what does not even fit, nothing else can be said.
    complaints = _unfit(exercise, given, found, wanted)
    if complaints:
        return complaints
    lost = lost_gradient(found.data, wanted.data)
    if lost is not None:
        complaints[FLOWS] = lost
    for name, look in exercise.properties.items():
        amiss = _said(name, look, given, found)
        if amiss is not None:
            complaints[name] = amiss
    if not same(found.data, wanted.data):
        differ = ONLY_GRADIENTS if _same_but_gradients(found.data, wanted.data) else UNEXPLAINED
        complaints[EQUAL] = f"{differ} from those of the course's own function"
    return complaints


def _unfit(
    exercise: Exercise, given: SimpleNamespace, found: Observation, wanted: Observation
) -> dict[str, str]:
    """Return the same complaint by all that should hold, if what came back is of no use."""
    everything = (FITS, *exercise.properties, EQUAL)
    # What a probe gathers is a dict; of that nobody who wrote an answer has heard.
    if found.data is None and isinstance(wanted.data, dict):
        silent = _returning(exercise, f"`{exercise.called}`")
        return dict.fromkeys(everything, f"{silent} returns nothing")
    unfit = misfit(found.data, wanted.data)
    for name, look in exercise.forms.items():
        amiss = _said(name, look, given, found, unfit)
        if amiss is not None:
            return dict.fromkeys((name, *everything), amiss)
    return {} if unfit is None else dict.fromkeys(everything, unfit)


def _said(
    name: str, look: Property, given: SimpleNamespace, found: Observation, unfit: str | None = None
) -> str | None:
    """Return what a property says of what came back, which may be anything at all.

    Where it cannot be read as the property reads it, that is said, or better what does not fit.
    """
    try:
        return look(given, bare(found.data))
    except Exception as error:
        return unfit or (
            f"whether “{name}” holds cannot be seen from what came back ({type(error).__name__})"
        )


def _same_but_gradients(found: Any, wanted: Any) -> bool:
    """Tell whether results of several names agree in all that is no gradient."""
    if not isinstance(found, dict) or not any(key.startswith(GRADIENT) for key in wanted):
        return False
    return all(same(found[key], wanted[key]) for key in wanted if not key.startswith(GRADIENT))


def _stopped(exercise: Exercise, case: str, inputs: Inputs, raised: Raised) -> Verdict:
    where = f"in your line {raised.line_number}, `{raised.line}`" if raised.line else "when called"
    return Verdict(
        state=State.STOPPED,
        seen=f"{where}: {in_plain_words(raised)}",
        next_step=(
            f"It was the case “{case}”{_called_with(exercise, inputs)}. Run the function on such "
            "an input yourself."
        ),
    )


def _called_with(exercise: Exercise, inputs: Inputs) -> str:
    """List sizes and numbers that were handed over, where a case holds the arguments themselves."""
    if not inputs.keys() <= inspect.signature(exercise.reference).parameters.keys():
        return ""
    told = ", ".join(filter(None, (_size(name, plain(value)) for name, value in inputs.items())))
    return f": {told}" if told else ""


def _size(name: str, value: Any) -> str:
    if isinstance(value, Array):
        return f"{name} of shape {value.numbers.shape}"
    return f"{name}={value:g}" if type(value) in (int, float) else ""


@lru_cache(maxsize=256)
def expected(exercise: Exercise, seed: int) -> Mapping[str, Observation]:
    """Return what the reference does in every case."""
    return probe(exercise, exercise.reference, seed).observations


@lru_cache(maxsize=1024)
def mistaken(exercise: Exercise, name: str, seed: int) -> Mapping[str, Observation]:
    """Return what a known mistake does in every case."""
    return probe(exercise, exercise.wrong_answers[name], seed).observations


def alike(one: Mapping[str, Observation], other: Mapping[str, Observation]) -> bool:
    """Tell whether two candidates did the same in every case; raising the same counts as the same.

    Two that only ever raise have computed nothing by which they could be told apart.
    """
    if one.keys() != other.keys() or all(found.raised for found in one.values()):
        return False
    return all(_same_outcome(one[case], other[case]) for case in one)


def _same_outcome(one: Observation, other: Observation) -> bool:
    if one.raised is None or other.raised is None:
        return one.raised is other.raised and same(one.data, other.data)
    return one.raised.type_name == other.raised.type_name
