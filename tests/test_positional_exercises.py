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


@pytest.mark.parametrize(
    ("body", "state", "seen", "next_step"),
    [
        # Two slips at once: the one in the numbers is told before the missing refusal.
        (
            "    return base ** (torch.arange(0, d_model, 2) / d_model)",
            State.NOT_YET,
            "pair 0 turns by 1, pair 1 by 100 (in the case “two pairs”)",
            "None of the mistakes known here explains it alone",
        ),
        (
            "    frequencies = base ** (-torch.arange(0, d_model, 2) / d_model)",
            State.NOT_YET,
            "it returns nothing",
            "Is a `return` missing",
        ),
        (
            "    if d_model % 2:\n        raise ValueError('odd')\n"
            "    frequencies = base ** (-torch.arange(0, d_model, 2) / d_model)",
            State.NOT_YET,
            "it returns nothing, expected a tensor of shape (1,) (in the case “one pair”)",
            "Is a `return` missing",
        ),
        (
            "    if d_model % 2:\n        raise ValueError('odd')\n"
            "    return torch.arange(0, d_model, 2)",
            State.NOT_YET,
            "it has dtype int64, expected a float, such as float32 (in the case “one pair”)",
            "None of the mistakes known here explains it alone",
        ),
    ],
)
def test_two_slips_at_once_and_a_missing_return_are_told_as_they_are(
    body, state, seen, next_step, tmp_path
):
    source = f"def pair_frequencies(d_model, base=10_000.0):\n{body}\n"
    verdict = verdict_of("positional.pair_frequencies", source, tmp_path)
    assert (verdict.state, verdict.seen) == (state, seen)
    assert verdict.next_step.startswith(next_step)


@pytest.mark.parametrize("ending", ["", ".flatten(-2)"])
def test_places_that_are_no_column_are_named(ending, tmp_path):
    source = TABLE.format(arguments="d_model, base", ending=ending).replace("[:, None]", "")
    verdict = verdict_of("positional.sinusoidal_table", source, tmp_path)
    assert verdict.state is State.SLIP
    assert verdict.seen.startswith("places and speeds are multiplied one by one")
    assert ("an axis of its own" in verdict.seen) == (not ending)


def test_a_frequency_that_is_forgotten_is_named(tmp_path):
    source = """def turn_pair(pair, positions, frequency):
    a, b = pair
    sine, cosine = positions.sin(), positions.cos()
    return torch.stack((a * cosine - b * sine, a * sine + b * cosine), dim=-1)
"""
    verdict = verdict_of("positional.turn_pair", source, tmp_path)
    assert verdict.state is State.SLIP
    assert verdict.seen.startswith("`frequency` is never used")


def test_a_stop_tells_the_sizes_of_the_case_so_that_it_can_be_run_again(tmp_path):
    answer = "-slope * (query_positions[:, None] - key_positions[None, :]).abs()"
    verdict = verdict_of("positional.distance_bias", BIAS + answer, tmp_path)
    assert verdict.state is State.STOPPED
    assert verdict.next_step == (
        "It was the case “two texts, five slopes”: query_positions of shape (2, 1, 3), "
        "key_positions of shape (2, 1, 4), slope of shape (5, 1, 1). Run the function on such an "
        "input yourself."
    )


def test_a_stop_tells_numbers_as_numbers(tmp_path):
    source = "def pair_frequencies(d_model, base=10_000.0):\n    return base ** nothing\n"
    verdict = verdict_of("positional.pair_frequencies", source, tmp_path)
    assert verdict.next_step.startswith("It was the case “one pair”: d_model=2. Run")


def test_far_words_pay_for_every_step(tmp_path):
    answer = f"-slope * {STEPS}.abs().clamp(max=8)"
    verdict = verdict_of("positional.distance_bias", BIAS + answer, tmp_path)
    assert verdict.state is State.NOT_YET
    assert "one word among 64" in verdict.seen
