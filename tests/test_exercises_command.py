"""The command `exercises`: what it lists, and what it finds where a check does not do its work."""

import re

import pytest

from transformer_course.__main__ import main
from transformer_course.commands import exercises as command
from transformer_course.engine.catalogue import exercises

MASK = exercises()["attention.causal_mask"]
NUM_MISTAKES = len(MASK.mistakes)
RIGHT = (
    "def causal_mask(length, past=0):\n"
    "    positions = torch.arange(past + length)\n"
    "    return positions[past:, None] >= positions\n"
)

# The checks of shapes take most of the time here, and look at nothing that is tested.
pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture
def right_answers(tmp_path, monkeypatch):
    """One exercise alone, and a folder for its right answers."""
    monkeypatch.setattr(command, "exercises", lambda: {MASK.name: MASK})
    monkeypatch.setattr(command, "SOLUTIONS", tmp_path)
    folder = tmp_path / MASK.name
    folder.mkdir()
    return folder


def test_every_exercise_is_listed_with_lesson_difficulty_and_minutes(capsys):
    assert main(["exercises"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == list(exercises())
    (mask,) = (line for line in lines if line.split()[1] == "attention.causal_mask")
    assert mask.split(maxsplit=2)[2].split("  ") == [
        "●○○",
        f"{MASK.minutes:>2} min",
        f"{NUM_MISTAKES:>2} known mistakes",
    ]


def test_the_last_line_counts_exercises_and_known_mistakes(capsys):
    main(["exercises"])
    num_mistakes = sum(len(exercise.mistakes) for exercise in exercises().values())
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"{len(exercises())} exercises, {num_mistakes} known mistakes"


def test_checks_that_do_their_work_are_verified_with_status_0(right_answers, capsys):
    (right_answers / "comparison.py").write_text(RIGHT)
    assert main(["exercises", "--verify"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{NUM_MISTAKES} known mistakes and 1 right answers checked, 0 not met as they should be",
        f"1 exercises, {NUM_MISTAKES} known mistakes",
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (RIGHT.replace("positions\n", "0\n"), "✗ not yet: "),
        (RIGHT.replace(">=", ">"), "~ known slip: the diagonal is missing"),
        (RIGHT.replace("torch", "tosh"), "`tosh` has no value here"),
        ("def causal_mask(length, past=0:", "cannot be checked (SyntaxError"),
        ("", "cannot be checked (ValueError: it defines no function and no class)"),
    ],
)
def test_a_right_answer_that_does_not_pass_is_named(right_answers, capsys, source, words):
    (right_answers / "comparison.py").write_text(source)
    assert main(["exercises", "--verify"]) == 1
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("✗ attention.causal_mask, right answer comparison: ")
    assert words in first
    assert second.endswith("1 not met as they should be")


def test_a_known_mistake_that_passes_is_named(right_answers, monkeypatch, capsys):
    passed = command.verdict_on(MASK, command.build(RIGHT, MASK.name, {}))
    monkeypatch.setattr(command, "verdict_on", lambda *_: passed)
    assert main(["exercises", "--verify"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "known mistake “the diagonal is missing”: ✓ passed" in lines[0]
    assert lines[-2].endswith(f" {NUM_MISTAKES} not met as they should be")


def test_a_known_mistake_that_is_taken_for_another_is_named(right_answers, monkeypatch, capsys):
    other = command.verdict_on(MASK, MASK.wrong_answers[MASK.mistakes[1].name])
    monkeypatch.setattr(command, "verdict_on", lambda *_: other)
    assert main(["exercises", "--verify"]) == 1
    assert f" {NUM_MISTAKES - 1} not met as they should be" in capsys.readouterr().out


def test_without_a_checkout_the_missing_answers_are_told(right_answers, monkeypatch, capsys):
    monkeypatch.setattr(command, "SOLUTIONS", right_answers / "nowhere")
    assert main(["exercises", "--verify"]) == 0
    assert "nowhere comes with a checkout only" in capsys.readouterr().out


def test_the_verification_shows_how_far_it_is(right_answers, capsys):
    main(["exercises", "--verify"])
    assert re.search(rf"[1-9]/{NUM_MISTAKES}", capsys.readouterr().err)
