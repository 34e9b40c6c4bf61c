"""Lesson 04's checks: what they say of answers that a reader has tried on them."""

import pytest

from transformer_course.engine.answers import lent_parts, verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import Workspace

TURN_AN_AXIS_ONLY = """def turn_pair(pair, positions, frequency):
    turned = []
    for position in positions:
        angle = position * frequency
        matrix = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=-1)
        turned.append(matrix.unflatten(-1, (2, 2)) @ pair)
    return torch.stack(turned)
"""
STEPS = "(query_positions[..., :, None] - key_positions[..., None, :])"
BIAS = "def distance_bias(query_positions, key_positions, slope):\n    return "
TABLE = """def sinusoidal_table(length, d_model, base=10_000.0):
    angles = torch.arange(length)[:, None] * pair_frequencies({arguments})
    return torch.stack((angles.sin(), angles.cos()), dim=-1){ending}
"""


def verdict_of(name, source, tmp_path):
    exercise = find_exercise(name)
    return verdict_on(exercise, build(source, name, lent_parts(exercise, Workspace(tmp_path))))


def test_a_turn_that_needs_an_axis_of_places_does_not_pass(tmp_path):
    verdict = verdict_of("positional.turn_pair", TURN_AN_AXIS_ONLY, tmp_path)
    assert verdict.state is State.STOPPED
    assert "one place, without an axis" in verdict.next_step


@pytest.mark.parametrize("answer", [f"-{STEPS}.abs()", f"-1.0 * {STEPS}.abs()"])
def test_a_slope_that_is_forgotten_is_named_in_whole_numbers_and_in_floats(answer, tmp_path):
    verdict = verdict_of("positional.distance_bias", BIAS + answer, tmp_path)
    assert verdict.state is State.SLIP
    assert verdict.seen.startswith("`slope` is never used")


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (f"-slope * {STEPS}", "what lies ahead gains"),
        (f"slope * {STEPS}", "what lies behind gains"),
    ],
)
def test_a_distance_with_a_sign_says_which_way_it_gains(answer, seen, tmp_path):
    verdict = verdict_of("positional.distance_bias", BIAS + answer, tmp_path)
    assert verdict.state is State.SLIP
    assert verdict.seen.startswith(seen)


@pytest.mark.parametrize(
    ("arguments", "ending", "seen"),
    [
        ("d_model", ".flatten(-2)", "`base` is never used"),
        ("d_model, base", "", "the two numbers of a pair stand on an axis of their own"),
    ],
)
def test_a_table_that_loses_its_base_or_keeps_an_axis_is_named(arguments, ending, seen, tmp_path):
    source = TABLE.format(arguments=arguments, ending=ending)
    verdict = verdict_of("positional.sinusoidal_table", source, tmp_path)
    assert verdict.state is State.SLIP
    assert verdict.seen.startswith(seen)
