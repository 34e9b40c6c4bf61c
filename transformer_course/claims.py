"""The ledger of claims: what is said of transformers, judged by what is measured.

Measuring and judging stand apart. An experiment returns plain numbers; a claim is a function of
these numbers alone, so that anyone can hand it contrary ones and see it turn to ✗. Both live in the
folder experiments, in the module of the lesson that makes the claim.

Builds on: nothing.  Lacks: the experiments (the folder experiments), a page (learn).
"""

import difflib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

EXPERIMENTS = "transformer_course.experiments"

Numbers = TypeVar("Numbers")


@dataclass(frozen=True)
class Bound:
    """A limit that a number keeps or breaks.

    Attributes:
        words: The limit where it is kept, the same on all machines; the number where it is not.
        holds: Whether it is kept.
    """

    words: str
    holds: bool

    def __str__(self) -> str:
        return self.words


def above(number: float, limit: float) -> Bound:
    """Judge whether a number is larger than a limit; NaN is not."""
    return _bound(number, f"above {limit:g}", holds=number > limit)


def below(number: float, limit: float) -> Bound:
    """Judge whether a number is smaller than a limit; NaN is not."""
    return _bound(number, f"below {limit:g}", holds=number < limit)


def _bound(number: float, words: str, *, holds: bool) -> Bound:
    return Bound(words if holds else f"{number:.3g} (expected {words})", holds)


@dataclass(frozen=True)
class Finding:
    """What came out of an experiment, in words that are the same on all machines while it holds.

    Attributes:
        measured: What was measured.
        control: What was measured beside it, to see what the first number is worth.
        holds: Whether both are as claimed.
    """

    measured: str
    control: str
    holds: bool

    @classmethod
    def of(
        cls, measured: str, control: str, said: Iterable[Bound], unsaid: Mapping[str, Bound]
    ) -> "Finding":
        """Join the bounds that a line says with those that it says only where they are broken.

        Args:
            measured: What was measured, short.
            control: What was measured beside it, short.
            said: The bounds whose words stand in these two.
            unsaid: What must hold as well, by what to call it.
        """
        broken = [f"{name} {bound}" for name, bound in unsaid.items() if not bound.holds]
        return cls(
            "; but ".join([measured, *broken]),
            control,
            all(bound.holds for bound in said) and not broken,
        )

    @property
    def statement(self) -> str:
        """Measurement and control in one line."""
        return f"{self.measured}; control: {self.control}"


@dataclass(frozen=True)
class Claim(Generic[Numbers]):
    """A claim of the ledger; called with an experiment's numbers it judges them.

    Attributes:
        identifier: Its name in the ledger, "C8"; a claim of several parts has a line for each.
        experiment: Measures; takes a seed.
        judge: Decides from the numbers alone.
    """

    identifier: str
    experiment: Callable[[int], Numbers]
    judge: Callable[[Numbers], Finding]

    def __call__(self, numbers: Numbers) -> Finding:
        """Judge numbers that the experiment, or anyone, has come up with."""
        return self.judge(numbers)


def claim_of(
    identifier: str, experiment: Callable[[int], Numbers]
) -> Callable[[Callable[[Numbers], Finding]], Claim[Numbers]]:
    """Mark a function as a claim.

    Args:
        identifier: The claim's name in the ledger.
        experiment: Measures what the function judges; takes a seed.
    """
    return lambda judge: Claim(identifier, experiment, judge)


def ledger(identifiers: Sequence[str] = ()) -> list[Claim[Any]]:
    """Return the claims of these names, of all if none is given, in the ledger's order.

    Raises:
        ValueError: If there is no claim of a name.
    """
    claims = sorted(_all_claims(), key=lambda claim: int(claim.identifier.removeprefix("C")))
    known = list(dict.fromkeys(claim.identifier for claim in claims))
    for identifier in identifiers:
        if identifier not in known:
            near = difflib.get_close_matches(identifier.upper(), known, n=1, cutoff=0)
            raise ValueError(
                f"there is no claim {identifier!r}; did you mean {near[0]}? "
                f"There are {', '.join(known)}"
            )
    return [claim for claim in claims if not identifiers or claim.identifier in identifiers]


def _all_claims() -> Iterator[Claim[Any]]:
    folder = import_module(EXPERIMENTS)
    for module in pkgutil.iter_modules(folder.__path__):
        found = vars(import_module(f"{EXPERIMENTS}.{module.name}")).values()
        yield from (value for value in found if isinstance(value, Claim))


def judge_all(claims: Sequence[Claim[Any]], seed: int) -> Iterator[tuple[Claim[Any], Finding]]:
    """Run the experiments and judge their numbers, one claim after the other.

    An experiment that several claims rest on is run once.
    """
    measured: dict[Callable[[int], Any], Any] = {}
    for claim in claims:
        if claim.experiment not in measured:
            measured[claim.experiment] = claim.experiment(seed)
        yield claim, claim(measured[claim.experiment])
