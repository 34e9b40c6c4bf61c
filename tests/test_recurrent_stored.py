"""Lesson 01's stored results: made by the code that is here, and read with what made them."""

import json
from dataclasses import replace

import pytest

from transformer_course.experiments import recurrent_stored
from transformer_course.experiments.recurrent import (
    DISTANCES,
    KINDS,
    Recall,
    far_alone_is_not_learned,
)
from transformer_course.experiments.recurrent_stored import (
    RUNS,
    STORED_DISTANCES,
    LivingGradient,
    measure,
    read_stored,
    rotated,
)


def test_the_stored_results_are_whole_and_say_what_made_them():
    stored = read_stored()
    assert set(stored.accuracy) == set(RUNS)
    assert {tuple(sorted(one)) for one in stored.accuracy.values()} == {STORED_DISTANCES}
    assert all(len(shares) == 5 for one in stored.accuracy.values() for shares in one.values())
    assert stored.command == recurrent_stored.COMMAND
    assert set(stored.versions) == {"python", "numpy", "torch"}


@pytest.mark.parametrize(
    ("name", "distance"), [(rotated(0.9), 5), ("attention", 10), (rotated(0.5), 20)]
)
def test_a_stored_row_comes_out_again(name, distance):
    found, stored = measure(name, distance), read_stored().accuracy[name][distance]
    assert found == pytest.approx(stored, abs=0.05)


def test_what_is_written_is_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(recurrent_stored, "measure", lambda name, distance, seed: [distance / 200])
    path = tmp_path / "stored.json"
    assert recurrent_stored.main([str(path)]) == 0
    assert read_stored(path).mean("RNN", 50) == 0.25
    assert [file.name for file in tmp_path.iterdir()] == ["stored.json"]


def test_without_a_path_the_command_says_how_it_is_used(capsys):
    assert recurrent_stored.main([]) == 2
    assert "usage: python -m transformer_course" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_answered_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="run python -m transformer_course"):
        read_stored(tmp_path / "stored.json")


def test_a_file_that_lacks_a_run_is_answered_with_its_name(tmp_path):
    content = json.loads(recurrent_stored.FILE.read_text(encoding="utf-8"))
    del content["accuracy"]["GRU"]["100"]
    (tmp_path / "stored.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="lacks 'GRU' at some distance; run python -m"):
        read_stored(tmp_path / "stored.json")


GOOD = LivingGradient(
    factor={"LSTM, keep bias 5": 1.0, "LSTM, set to remember": 0.96},
    recall={"LSTM, keep bias 5": 0.25, "LSTM, set to remember": 0.85},
)


def test_the_living_gradient_that_is_measured_and_stored_holds():
    finding = recurrent_stored.a_living_gradient_is_not_enough(recurrent_stored.living_gradients())
    assert finding.holds, finding.statement


@pytest.mark.parametrize(
    ("field", "name", "number"),
    [
        ("factor", "LSTM, keep bias 5", 0.7),
        ("recall", "LSTM, keep bias 5", 0.9),
        ("factor", "LSTM, set to remember", 1.0),
        ("recall", "LSTM, set to remember", 0.3),
    ],
)
def test_a_contrary_number_turns_the_claim(field, name, number):
    changed = replace(GOOD, **{field: {**getattr(GOOD, field), name: number}})
    assert recurrent_stored.a_living_gradient_is_not_enough(GOOD).holds
    assert not recurrent_stored.a_living_gradient_is_not_enough(changed).holds


def test_lesson_01_quotes_what_is_stored():
    stored = read_stored()

    def means(name, *distances):
        return [round(stored.mean(name, distance), 2) for distance in distances]

    assert means(recurrent_stored.FAST_RATE, 50, 100, 200) == [0.46, 0.55, 0.27]
    assert means("LSTM, keep bias 5", 50, 100, 200) == [0.9, 0.24, 0.25]
    assert means(rotated(1.3), 50) == [0.78]


def test_the_cliff_stands_in_what_is_stored():
    stored = read_stored()
    found = Recall(
        distances=DISTANCES,
        accuracy={name: {d: stored.accuracy[name][d] for d in DISTANCES} for name in KINDS},
        num_parameters=dict.fromkeys(KINDS, 2_400),
    )
    finding = far_alone_is_not_learned(found)
    assert finding.holds, finding.statement
