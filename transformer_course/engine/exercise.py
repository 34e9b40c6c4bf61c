"""An exercise: what is asked, how answers are probed, and what is known to go wrong.

One declaration says it all, and names its reference instead of repeating it:

    exercise = Exercise("attention.causal_mask", lesson="05", …)

    @exercise.inputs                     what the answer is called with, the smallest case first
    @exercise.probe                      how it is called, where a plain call is not enough
    @exercise.property("…")              what must hold, from inputs and results alone

Builds on: sources.  Lacks: running (probing), judging (verdict).
"""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np

from transformer_course.engine.sources import answer_source, build, defined_name, slipped

Inputs = Mapping[str, Any]
MakeInputs = Callable[[np.random.Generator], Mapping[str, Inputs]]
Probe = Callable[..., Any]
Property = Callable[[SimpleNamespace, Any], str | None]
PACKAGE = "transformer_course"


@dataclass(frozen=True)
class Mistake:
    """A known mistake: one slip, written into the answer, and what to say to whoever makes it.

    Attributes:
        name: What is wrong, as a clause: "the diagonal is missing".
        look_at: The question that leads to it.
        slip: Old texts of the answer, each with the new one in its place.
        source: Where it was met: a trap by its number, or the address of a public thread.
    """

    name: str
    look_at: str
    slip: Mapping[str, str]
    source: str = ""


@dataclass(frozen=True, eq=False)
class Exercise:
    """A part of the model that a learner writes.

    Args:
        name: Where the reference stands in the package: "attention.causal_mask".
        lesson: Number of its lesson: "05".
        level: 1 to 3.
        minutes: What it takes a learner who has followed.
        stub: What the learner starts from.
        start: The first step to take.
        hints: Three, each leaving less to think.
        unlocks: What runs on the answer from now on.
        mistakes: Those that are recognised.
        lends: Other functions of the package that an answer may call, by full name.
        forbidden: Functions of libraries that do the whole job.
        largest_cost: A model is built with an answer only if that takes no more than this many
            times what the reference takes.
    """

    name: str
    _: KW_ONLY
    lesson: str
    level: int
    minutes: int
    stub: str
    start: str
    hints: tuple[str, str, str]
    unlocks: str
    mistakes: tuple[Mistake, ...]
    lends: tuple[str, ...] = ()
    forbidden: tuple[Any, ...] = ()
    largest_cost: float = 3.0
    properties: dict[str, Property] = field(default_factory=dict, init=False)
    forms: dict[str, Property] = field(default_factory=dict, init=False)
    _parts: dict[str, Callable[..., Any]] = field(default_factory=dict, init=False)

    @cached_property
    def reference(self) -> Any:
        """The package's own, by its name."""
        return from_package(self.name)

    @cached_property
    def answer(self) -> str:
        """The reference as a learner would have written it."""
        return answer_source(self.reference)

    @property
    def called(self) -> str:
        """What the function or class itself is called."""
        return defined_name(self.stub)

    @property
    def asks_for_class(self) -> bool:
        """Whether a class is asked for, not a function."""
        return isinstance(self.reference, type)

    def wrong_source(self, mistake: Mistake) -> str:
        """Return the answer with a known mistake in it."""
        return slipped(self.answer, mistake.slip)

    def lent(self) -> dict[str, Any]:
        """Return what the package lends to answers, by the name under which they call it."""
        return {name.rpartition(".")[2]: from_package(name) for name in self.lends}

    @cached_property
    def wrong_answers(self) -> Mapping[str, Any]:
        """The known mistakes as functions or classes, by what is wrong with them."""
        return {
            mistake.name: build(self.wrong_source(mistake), f"{self.name}, wrong", self.lent())
            for mistake in self.mistakes
        }

    def inputs(self, make: MakeInputs) -> MakeInputs:
        """Declare what the answer is called with: keyword arguments by case, smallest first."""
        return self._declare("inputs", make)

    def probe(self, call: Probe) -> Probe:
        """Declare how the answer is called; without this, with the inputs as they are.

        It gets the candidate and the inputs, and returns what the judge is to see. It runs beside
        the candidate, and must not decide anything.
        """
        return self._declare("probe", call)

    def workload(self, use: Probe) -> Probe:
        """Declare a use at the size of lesson 08's model: it gets an answer, returns a loss."""
        return self._declare("workload", use)

    def property(self, name: str, *, form: bool = False) -> Callable[[Property], Property]:
        """Declare what must hold: a function of inputs and result that says what is amiss.

        Args:
            name: What holds, as a clause.
            form: Whether it speaks of the kind of thing that came back. Then it is looked at before
                types and shapes, and in its words; where it fails, nothing else is said.
        """

        def declare(look: Property) -> Property:
            self.properties[name] = look
            if form:
                self.forms[name] = look
            return look

        return declare

    def make_inputs(self, seed: int) -> Mapping[str, Inputs]:
        """Draw inputs for every case."""
        return self._parts["inputs"](np.random.default_rng(seed))

    def call(self, candidate: Any, inputs: Inputs) -> Any:
        """Run the probe on one case."""
        if "probe" in self._parts:
            return self._parts["probe"](candidate, **inputs)
        return candidate(**inputs)

    def loss_of(self, candidate: Any) -> Any:
        """Use a candidate at full size; None if this exercise has no part in training."""
        use = self._parts.get("workload")
        return None if use is None else use(candidate)

    def _declare(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        self._parts[part] = function
        return function


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with options, of which one is right.

    Attributes:
        name: "05.1" for a lesson's first prediction, "05.q1" for its quiz's first question.
        text: What is asked.
        options: By letter, each with what to say to whoever chooses it.
        right: The letter of the right one.
    """

    name: str
    text: str
    options: Mapping[str, tuple[str, str]]
    right: str


def from_package(name: str) -> Any:
    """Return what stands under a name such as "attention.causal_mask" in the package."""
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(f"{PACKAGE}.{module}"), attribute)
