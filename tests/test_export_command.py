"""`python -m transformer_course export`: a run's model in a small file, ready for load_trained."""

import pytest
import torch
from test_train_command import _three_small_plays, train  # noqa: F401 (a fixture)

from transformer_course.__main__ import main
from transformer_course.checkpoints import load_model
from transformer_course.commands import export
from transformer_course.commands import train as train_command
from transformer_course.trained import load_trained


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "load_shakespeare", train_command.load_shakespeare)
    monkeypatch.setattr(export, "SPLITS", train_command.SPLITS)
    train(tmp_path / "run", "--bpe", "280", "--recipe", "strong")
    return tmp_path / "run"


def test_a_run_becomes_a_model_that_can_be_loaded_by_name(run, tmp_path, capsys):
    assert main(["export", str(run), "mine", "--to", str(tmp_path / "models")]) == 0
    writer = load_trained("mine", folder=tmp_path / "models")
    trained = load_model(run / "checkpoint.safetensors")
    for kept, was in zip(writer.model.parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(kept, was, rtol=1e-3, atol=1e-4)
    assert writer.steps == 6
    assert "F" in writer.characters
    assert f"{trained.num_parameters():,} parameters" in capsys.readouterr().out


def test_a_folder_without_a_run_is_one_sentence(tmp_path, capsys):
    assert main(["export", str(tmp_path), "mine", "--to", str(tmp_path)]) == 2
    assert "there is no checkpoint" in capsys.readouterr().err
