"""A checkpoint: nothing is lost, and the run goes on as if it had never stopped."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_runs import model_config, random_stream, same_weights, small_run

from transformer_course import checkpoints
from transformer_course.attention import scaled_dot_product_attention
from transformer_course.checkpoints import load_checkpoint, load_model, save_checkpoint
from transformer_course.training import train


def stream_again(config):
    return random_stream()


@pytest.fixture
def kept(tmp_path) -> Path:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, small_run())
    return path


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("stop", [0, 1, 7])
def test_a_kept_run_goes_on_to_the_same_last_bit(tmp_path, optimizer, stop):
    changes = {"optimizer": optimizer, "model": model_config(dropout=0.3)}
    torch.manual_seed(4)
    whole = small_run(**changes)
    expected = train(whole, show_progress=False)
    torch.manual_seed(4)
    stopped = small_run(**changes)
    if stop:
        train(stopped, show_progress=False, should_stop=lambda: stopped.step == stop)
    save_checkpoint(tmp_path / "kept", stopped)
    torch.manual_seed(99)
    resumed = load_checkpoint(tmp_path / "kept", stream_again)
    assert resumed.step == stop
    assert train(resumed, show_progress=False) == expected[stop:]
    assert same_weights(resumed.model, whole.model)


def test_a_finished_run_has_no_step_left(tmp_path):
    run = small_run()
    train(run, show_progress=False)
    save_checkpoint(tmp_path / "kept", run)
    assert train(load_checkpoint(tmp_path / "kept", stream_again), show_progress=False) == []


def test_the_data_is_built_for_the_model_that_is_in_the_file(kept):
    seen = []
    load_checkpoint(kept, lambda config: seen.append(config) or random_stream())
    assert seen == [model_config()]


def test_the_model_alone_can_be_read_and_is_ready_to_use(tmp_path):
    run = small_run(model=model_config(dropout=0.5))
    train(run, show_progress=False)
    save_checkpoint(tmp_path / "kept", run)
    model = load_model(tmp_path / "kept")
    assert same_weights(model, run.model)
    assert model.config == run.model.config
    assert not model.training


def test_a_learners_part_is_plugged_in_again(kept):
    calls = []

    def counting(query, key, value, mask=None, bias=None, scale=None):
        calls.append(query.shape)
        return scaled_dot_product_attention(query, key, value, mask, bias, scale)

    load_model(kept, parts={"attention": counting})(torch.zeros(1, 3, dtype=torch.long))
    assert len(calls) == 2


KILLED_RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
from small_runs import random_stream, small_run
from transformer_course.checkpoints import load_checkpoint, save_checkpoint
# The order in which threads add up decides the last bit: both sides must have as many.
torch.set_num_threads({threads})
path = Path(sys.argv[1])
run = load_checkpoint(path, lambda config: random_stream()) if path.exists() else small_run(
    num_steps=3000, evaluate_every=1000)
for report in run.steps():
    save_checkpoint(path, run)
    print(report.step, flush=True)
"""


def test_a_run_killed_at_random_steps_ends_with_the_same_weights(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    script = KILLED_RUN.format(tests=str(Path(__file__).parent), threads=torch.get_num_threads())
    command = [sys.executable, "-c", script, str(path)]
    chance = random.Random(7)
    step = 0
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            for _ in range(chance.randrange(20, 60)):
                step = int(process.stdout.readline())
            process.kill()
        assert process.returncode == -signal.SIGKILL if os.name == "posix" else process.returncode
    # Killed between two lines, it may have kept one or a few steps more than it had told of.
    resumed = load_checkpoint(path, stream_again)
    assert 60 <= step <= resumed.step < 3000
    at = resumed.step
    uninterrupted = small_run(num_steps=3000, evaluate_every=1000)
    train(uninterrupted, show_progress=False, should_stop=lambda: uninterrupted.step == at + 5)
    train(resumed, show_progress=False, should_stop=lambda: resumed.step == at + 5)
    assert same_weights(resumed.model, uninterrupted.model)


def test_a_save_that_fails_keeps_the_older_checkpoint(kept, monkeypatch):
    def full_disk(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError("No space left on device")

    before = kept.read_bytes()
    monkeypatch.setattr(checkpoints, "save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(kept, small_run())
    assert kept.read_bytes() == before
    assert list(kept.parent.iterdir()) == [kept]


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint .*none; train a model"):
        load_model(tmp_path / "none")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(kept, share):
    content = kept.read_bytes()
    kept.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="is damaged or no checkpoint"):
        load_model(kept)


def test_a_file_of_noise_is_refused(kept):
    kept.write_bytes(random.Random(1).randbytes(500))
    with pytest.raises(ValueError, match="is damaged or no checkpoint"):
        load_model(kept)


def test_a_changed_number_inside_is_noticed(kept):
    content = bytearray(kept.read_bytes())
    content[-40] ^= 1
    kept.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        load_model(kept)


def rewrite(path: Path, change) -> None:
    """Apply a change to the tensors and the header, as another program might."""
    header, tensors = checkpoints.read_file(path)
    change(header, tensors)
    checkpoints.write_file(path, header, tensors)


def test_a_safetensors_file_of_another_program_is_refused(tmp_path):
    save_file({"weight": torch.ones(3)}, tmp_path / "other")
    with pytest.raises(ValueError, match="is of format None, expected 'transformer-course"):
        load_model(tmp_path / "other")


def test_a_checkpoint_of_another_format_is_refused(kept):
    rewrite(kept, lambda header, tensors: header.update(format="transformer-course checkpoint 9"))
    with pytest.raises(ValueError, match="is of format 'transformer-course checkpoint 9'"):
        load_model(kept)


def test_a_config_of_another_version_is_refused(kept):
    rewrite(kept, lambda header, tensors: header["model"].update(flash=True))
    with pytest.raises(ValueError, match=r"written by another version.*unknown \['flash'\]"):
        load_model(kept)


def test_weights_that_do_not_fit_the_model_are_refused(kept):
    rewrite(kept, lambda header, tensors: tensors.pop("model.decoder.embedding.weight"))
    with pytest.raises(ValueError, match="does not hold the weights of the model"):
        load_model(kept)


def test_the_file_holds_nothing_but_tensors_and_json(kept):
    header = json.loads(kept.read_bytes()[8 : 8 + int.from_bytes(kept.read_bytes()[:8], "little")])
    described = json.loads(header["__metadata__"]["checkpoint"])
    assert described["step"] == 0
    assert {name.split(".")[0] for name in load_file(kept)} == {"model", "random"}
