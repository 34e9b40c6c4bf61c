"""Every exercise: its answer passes, its stub is not started, each known mistake has its name."""

from itertools import combinations

import numpy as np
import pytest

from transformer_course.engine.answers import check_answer, find_part, verdict_on
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.pages import verdict_page
from transformer_course.engine.plain import Array
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State, alike, expected, mistaken
from transformer_course.engine.workspace import Workspace

EXERCISES = pytest.mark.parametrize("exercise", exercises().values(), ids=exercises())
MISTAKES = pytest.mark.parametrize(
    ("exercise", "mistake"),
    [(exercise, mistake) for exercise in exercises().values() for mistake in exercise.mistakes],
    ids=lambda one: one.name,
)


def answer(exercise):
    return build(exercise.answer, exercise.name, exercise.lent())


@EXERCISES
def test_the_packages_own_code_passes_is_kept_and_comes_back_as_the_learners(exercise, tmp_path):
    workspace = Workspace(tmp_path)
    checked = check_answer(exercise, answer(exercise), workspace)
    assert (checked.verdict.state, checked.note) == (State.PASSED, "")
    assert find_part(exercise.name, workspace).is_own


@EXERCISES
def test_the_packages_own_code_runs_in_every_case(exercise):
    assert [one.raised for one in expected(exercise, 3).values() if one.raised] == []


@EXERCISES
def test_the_untouched_stub_is_not_started_and_told_the_first_step(exercise):
    verdict = verdict_on(exercise, build(exercise.stub, exercise.name, exercise.lent()))
    assert (verdict.state, verdict.next_step) == (State.NOT_STARTED, exercise.start)


@MISTAKES
def test_a_known_mistake_is_met_by_its_name(exercise, mistake, tmp_path):
    checked = check_answer(exercise, exercise.wrong_answers[mistake.name], Workspace(tmp_path))
    assert (checked.verdict.state, checked.verdict.mistake) == (State.SLIP, mistake.name)
    assert len(verdict_page(exercise, checked).as_text().splitlines()) <= 6


@EXERCISES
@pytest.mark.parametrize("seed", [0, 1])
def test_the_inputs_tell_every_mistake_from_every_other(exercise, seed):
    seen = {None: expected(exercise, seed)}
    seen |= {one.name: mistaken(exercise, one.name, seed) for one in exercise.mistakes}
    same = [pair for pair in combinations(seen, 2) if alike(seen[pair[0]], seen[pair[1]])]
    assert same == []


@EXERCISES
def test_two_in_three_mistakes_cannot_be_seen_from_type_and_shape(exercise):
    def shapes(observations):
        return [str(skeleton(one.data)) for one in observations.values()]

    right = shapes(expected(exercise, 0))
    hidden = sum(shapes(mistaken(exercise, m.name, 0)) == right for m in exercise.mistakes)
    assert len(exercise.mistakes) >= 3
    assert 3 * hidden >= 2 * len(exercise.mistakes)


def skeleton(data):
    if isinstance(data, Array):
        return data.kind, data.dtype, np.shape(data.numbers)
    if isinstance(data, dict):
        return {key: skeleton(item) for key, item in data.items()}
    if isinstance(data, list) and any(isinstance(item, Array) for item in data):
        return [skeleton(item) for item in data]
    return type(data).__name__
