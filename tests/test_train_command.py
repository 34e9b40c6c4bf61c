"""`python -m transformer_course train` and `generate`: alone, stopped, and in two processes."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from transformer_course.__main__ import main
from transformer_course.checkpoints import load_checkpoint, load_model, read_file
from transformer_course.commands import train as train_command
from transformer_course.data import Act, Play, PlaySplit, Speech
from transformer_course.recipes import plain_model, plain_training
from transformer_course.tokenization import BytePairTokenizer, load_tokenizer

TINY = ["--context-length", "8", "--d-model", "12", "--num-layers", "1", "--num-heads", "3"]
SHORT = ["--num-steps", "6", "--batch-size", "2", "--evaluate-every", "3"]


def play(slug: str) -> Play:
    speech = Speech(speaker="FOOL", text="The bank of the river was crowded.\nAy, marry.")
    act = Act(title="ACT I", speeches=(speech,) * 9)
    return Play(slug=slug, title=slug, genre="comedies", acts=(act,))


@pytest.fixture(autouse=True)
def _three_small_plays(monkeypatch):
    plays = tuple(play(slug) for slug in ("one", "two", "three"))
    split = PlaySplit(train=plays[:1], validation=plays[1:2], test=plays[2:])
    monkeypatch.setattr(train_command, "load_shakespeare", lambda: plays)
    monkeypatch.setattr(train_command, "SAMPLE_LENGTH", 12)
    monkeypatch.setattr(train_command, "SPLITS", {"small": lambda _: split})


def train(output: Path, *more: str) -> int:
    return main(["train", str(output), *TINY, *SHORT, *more])


def losses(output: Path) -> list[float]:
    lines = (output / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["loss"] for line in lines]


def same(first: Path, second: Path) -> bool:
    models = [load_model(folder / "checkpoint.safetensors") for folder in (first, second)]
    pairs = zip(*(model.parameters() for model in models), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_a_run_keeps_its_model_its_tokenizer_and_its_history(tmp_path, capsys):
    assert train(tmp_path / "run") == 0
    output = capsys.readouterr().out
    assert "step 3: validation loss" in output
    assert "step 6: validation loss" in output
    assert len(losses(tmp_path / "run")) == 6
    assert load_tokenizer(tmp_path / "run" / "tokenizer.json").encode("FOOL")


def test_a_stopped_run_is_kept_and_goes_on_to_the_same_end(tmp_path, monkeypatch, capsys):
    train(tmp_path / "whole")
    report = train_command._History.add

    def interrupt_at_four(self, new):
        report(self, new)
        if new.step == 4:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(train_command._History, "add", interrupt_at_four)
    assert train(tmp_path / "stopped") == 0
    assert "stopped after step 4 of 6; go on with" in capsys.readouterr().out
    monkeypatch.setattr(train_command._History, "add", report)
    assert main(["train", str(tmp_path / "stopped"), "--resume"]) == 0
    assert losses(tmp_path / "stopped") == losses(tmp_path / "whole")
    assert same(tmp_path / "stopped", tmp_path / "whole")


def test_a_second_interrupt_stops_at_once(tmp_path, monkeypatch, capsys):
    def interrupt_twice(self, report):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(train_command._History, "add", interrupt_twice)
    assert train(tmp_path / "run") == 130
    assert "stopped" in capsys.readouterr().err


def test_byte_pair_tokens_can_be_asked_for(tmp_path):
    train(tmp_path / "run", "--bpe", "280")
    tokenizer = load_tokenizer(tmp_path / "run" / "tokenizer.json")
    assert isinstance(tokenizer, BytePairTokenizer)
    assert tokenizer.vocab_size == 280


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_optimiser_is_chosen_by_name(tmp_path, optimizer):
    train(tmp_path / "run", "--optimizer", optimizer)
    folder = tmp_path / "run"
    run = load_checkpoint(
        folder / "checkpoint.safetensors",
        lambda config: train_command._tokens(
            "small", load_tokenizer(folder / "tokenizer.json"), config.context_length
        ),
    )
    assert run.config.optimizer == optimizer


def test_an_older_run_is_not_overwritten(tmp_path, capsys):
    train(tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    assert train(tmp_path / "run") == 2
    assert "already holds a run; go on with it by --resume" in capsys.readouterr().err
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_there_must_be_a_run_to_resume(tmp_path, capsys):
    assert main(["train", str(tmp_path / "run"), "--resume"]) == 2
    assert "holds no run to go on with" in capsys.readouterr().err


def test_a_model_that_cannot_be_is_refused_in_one_line(tmp_path, capsys):
    assert train(tmp_path / "run", "--num-heads", "5") == 2
    error = capsys.readouterr().err
    assert "d_model=12 is not divisible by num_heads=5; choose 10 or 15" in error
    assert error.count("\n") == 1


def test_generate_writes_on_from_the_prompt(tmp_path, capsys):
    train(tmp_path / "run")
    capsys.readouterr()
    given = ["generate", str(tmp_path / "run"), "--prompt", "FOOL", "--tokens", "30"]
    assert main([*given, "--seed", "4"]) == 0
    first = capsys.readouterr().out
    main([*given, "--seed", "4"])
    assert capsys.readouterr().out == first
    assert first.startswith("FOOL")
    assert len(first) == len("FOOL") + 30 + 1
    main(given)
    assert capsys.readouterr().out != first


def test_generate_streams_whole_characters_only(tmp_path, capsys):
    train(tmp_path / "run", "--bpe", "257")
    capsys.readouterr()
    main(["generate", str(tmp_path / "run"), "--prompt", "é", "--tokens", "40", "--seed", "1"])
    written = capsys.readouterr().out
    assert written.startswith("é")
    tokenizer = load_tokenizer(tmp_path / "run" / "tokenizer.json")
    assert tokenizer.encode(written.rstrip("\n"))


def test_generate_says_what_is_missing(tmp_path, capsys):
    assert main(["generate", str(tmp_path / "run")]) == 2
    assert "there is no checkpoint" in capsys.readouterr().err


def test_generate_knows_the_courses_own_model_by_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = ["generate", "shakespeare", "--prompt", "ROMEO:", "--tokens", "9", "--temperature", "0"]
    assert main(given) == 0
    assert capsys.readouterr().out.startswith("ROMEO:\n")


PARALLEL = """
import sys
sys.path.insert(0, {tests!r})
import torch
from small_runs import small_run
from transformer_course.training import train
torch.distributed.init_process_group("gloo")
run = small_run(num_steps=8, batch_size=3, evaluate_every=4)
reports = train(run, show_progress=False)
if torch.distributed.get_rank() == 0:
    print([report.loss for report in reports], [report.validation_loss for report in reports])
torch.distributed.destroy_process_group()
"""


def test_two_processes_learn_as_one_with_the_double_batch(tmp_path):
    from small_runs import small_run

    from transformer_course.training import train as train_run

    script = tmp_path / "parallel.py"
    script.write_text(PARALLEL.format(tests=str(Path(__file__).parent)), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    finished = subprocess.run(
        [*command, "--nproc-per-node", "2", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    told = finished.stdout.strip().replace("None", "null").replace("] [", "]\n[").split("\n")
    in_two, validation_in_two = map(json.loads, told)
    alone = train_run(small_run(num_steps=8, batch_size=6, evaluate_every=4), show_progress=False)
    assert in_two == pytest.approx([report.loss for report in alone], rel=1e-5)
    assert [v for v in validation_in_two if v] == pytest.approx(
        [report.validation_loss for report in alone if report.validation_loss], rel=1e-5
    )


def described(folder: Path, kind: str) -> dict:
    return read_file(folder / "checkpoint.safetensors")[0][kind]


def test_a_recipe_sets_whatever_is_not_asked_for(tmp_path):
    train(tmp_path / "run", "--recipe", "strong")
    model, training = (described(tmp_path / "run", kind) for kind in ("model", "training"))
    assert (model["position"], model["mix_previous"]) == ("rotary", True)
    assert (model["d_model"], model["num_layers"], model["context_length"]) == (12, 1, 8)
    assert model["d_feed_forward"] == 764 * 12 // 128
    assert (training["optimizer"], training["batch_size"]) == ("muon", 2)
    assert (training["num_steps"], training["learning_rate"]) == (6, 0.005)


def test_without_a_recipe_the_plain_one_is_used(tmp_path):
    main(["train", str(tmp_path / "run"), "--num-steps", "2", "--context-length", "8"])
    size = len(load_tokenizer(tmp_path / "run" / "tokenizer.json").characters)
    plain = replace(plain_model(size), context_length=8)
    assert described(tmp_path / "run", "model") == plain.to_dict()
    assert described(tmp_path / "run", "training") == plain_training(2).to_dict() | {
        "betas": [0.9, 0.99]
    }


def test_an_unknown_recipe_is_answered_with_those_there_are(tmp_path, capsys):
    with pytest.raises(SystemExit):
        train(tmp_path / "run", "--recipe", "mild")
    assert "choose from" in capsys.readouterr().err
