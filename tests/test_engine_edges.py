"""The engine's edges: answers that fight back, and a workspace that cannot be used."""

import asyncio
import cProfile
import errno
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from transformer_course import learn
from transformer_course.attention import causal_mask
from transformer_course.engine.answers import (
    check_answer,
    find_part,
    unfit_for_training,
    verdict_on,
)
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.guard import TimeUp, within
from transformer_course.engine.pages import Page
from transformer_course.engine.plain import misfit, plain
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import Workspace

MASK = find_exercise("attention.causal_mask")
NORM = find_exercise("blocks.LayerNorm")


# The checks of shapes take most of the time here, and look at nothing that is tested.
pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture
def pages(monkeypatch):
    shown = []
    monkeypatch.setattr(Page, "publish", lambda page: shown.append(page.as_text()))
    return shown


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFORMER_COURSE_HOME", str(tmp_path / "mine"))
    return Workspace(tmp_path / "mine")


def right_mask(length, past=0):
    queries, keys = torch.arange(past, past + length), torch.arange(past + length)
    return queries[:, None] >= keys


def swallows_calls(length, past=0):
    while True:
        try:
            sum(range(2000))
        except:  # noqa: E722
            length += 1


def swallows_a_loop(length, past=0):
    while True:
        try:
            while True:
                length += 1
        except:  # noqa: E722
            length = 0


def swallows_twice(length, past=0):
    while True:
        try:
            try:
                while True:
                    length += 1
            except:  # noqa: E722
                length = 0
        except BaseException:
            continue


@pytest.mark.parametrize("endless", [swallows_calls, swallows_a_loop, swallows_twice])
def test_an_answer_that_swallows_the_time_limit_ends_all_the_same(monkeypatch, endless):
    monkeypatch.setattr("transformer_course.engine.probing.SECONDS", 0.2)
    start = time.monotonic()
    verdict = verdict_on(MASK, endless)
    assert time.monotonic() - start < 10
    assert verdict.state is State.STOPPED
    assert "no answer after" in verdict.seen


def test_nothing_of_the_time_limit_hits_what_comes_after():
    for _ in range(20):
        with pytest.raises(TimeUp):
            within(0.01, lambda: swallows_a_loop(3))
        for _ in range(50_000):
            pass


def test_an_answer_that_ends_in_time_is_not_disturbed():
    assert within(60, lambda: sum(range(100_000))) == 4_999_950_000


def for_ever():
    while True:
        pass


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.0005, 0.001])
def test_a_limit_so_short_that_it_strikes_anywhere_is_over_when_it_is_left(seconds):
    for _ in range(50):
        with pytest.raises(TimeUp):
            within(seconds, for_ever)
    threads = [thread for thread in threading.enumerate() if type(thread).__name__ == "_Watch"]
    for thread in threads:
        thread.join(1)
    assert not any(thread.is_alive() for thread in threads)


def test_an_exception_of_the_function_comes_through():
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)


def test_a_limit_that_strikes_within_compiled_code_hits_nothing_afterwards():
    def compiled():
        return torch.randn(1_500, 1_500) @ torch.randn(1_500, 1_500)

    for _ in range(20):
        with pytest.raises(TimeUp):
            within(0.001, lambda: [compiled() for _ in range(3)])
        for _ in range(20_000):
            pass


def test_a_part_that_was_quick_enough_once_trains_though_the_machine_was_busy(monkeypatch):
    seconds = iter([1.0, 9.0, 1.0, 4.0, 1.0, 2.0])  # the course's own and the part, in turns
    monkeypatch.setattr("transformer_course.engine.answers._cost", lambda *_: next(seconds))
    exercise = find_exercise("positional.rotate")
    assert unfit_for_training(exercise, exercise.reference) is None
    assert list(seconds) == []


@pytest.mark.parametrize(
    "raised",
    [SystemExit(3), GeneratorExit(), asyncio.CancelledError(), type("Own", (BaseException,), {})()],
)
def test_an_exception_that_would_end_the_lesson_counts_as_a_crash(raised):
    def mask(length, past=0):
        raise raised

    verdict = verdict_on(MASK, mask)
    assert verdict.state is State.STOPPED
    assert type(raised).__name__ in verdict.seen
    assert "`raise raised`" in verdict.seen


def test_an_answer_that_leaves_by_sys_exit_is_told_its_line(pages):
    def mask(length, past=0):
        sys.exit("enough")

    learn.check(MASK.name, mask)
    assert '`sys.exit("enough")`: SystemExit: enough' in pages[-1]


def test_an_interrupt_from_the_keyboard_stops_the_check_itself():
    def mask(length, past=0):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict_on(MASK, mask)


def test_a_check_works_under_a_profiler():
    with cProfile.Profile():
        verdict = verdict_on(MASK, right_mask)
    assert verdict.state is State.PASSED


@pytest.mark.parametrize(
    ("exercise", "given", "words"),
    [
        (MASK, 3, "An int was given, a function is asked for."),
        (MASK, None, "A NoneType was given, a function is asked for."),
        (MASK, right_mask(3), "A Tensor was given, a function is asked for."),
        (MASK, "causal_mask", "A str was given, a function is asked for."),
        (NORM, 3, "An int was given, a class is asked for: `class LayerNorm`."),
        (NORM, right_mask, "A function was given, a class is asked for: `class LayerNorm`."),
        (NORM, torch.nn.LayerNorm(3), "A LayerNorm was given, a class is asked for: "),
    ],
)
def test_what_is_no_answer_gets_one_clear_sentence(pages, exercise, given, words):
    learn.check(exercise.name, given)
    _, seen, next_step = pages[-1].splitlines()
    assert seen.startswith(words)
    assert f'check("{exercise.name}", {exercise.called})' in next_step


def test_an_answer_that_needs_a_name_before_it_is_defined_passes_and_is_not_kept(workspace):
    start = 0
    source_of_past = start

    def mask(length, past=source_of_past):
        source_of_past = torch.arange(past, past + length)
        return source_of_past[:, None] >= torch.arange(past + length)

    checked = check_answer(MASK, mask, workspace)
    assert checked.verdict.state is State.PASSED
    assert "it stops with NameError: name 'source_of_past' is not defined" in checked.note
    assert workspace.kept(MASK.name) is None


def refuse(code, words):
    def raise_it(*_, **__):
        raise OSError(code, words)

    return raise_it


@pytest.mark.parametrize(
    ("operation", "code", "words"),
    [
        ("mkdir", errno.EROFS, "Read-only file system"),
        ("mkdir", errno.EACCES, "Permission denied"),
        ("touch", errno.EACCES, "Permission denied"),
        ("write_text", errno.ENOSPC, "No space left on device"),
        ("replace", errno.EACCES, "Permission denied"),
    ],
)
def test_a_folder_that_cannot_be_written_is_one_sentence_and_loses_nothing(
    workspace, monkeypatch, pages, operation, code, words
):
    check_answer(MASK, right_mask, workspace)
    before = {file: file.read_bytes() for file in workspace.folder.rglob("*.*")}
    monkeypatch.setattr(Path, operation, refuse(code, words))
    learn.check(MASK.name, right_mask)
    lines = pages[-1].splitlines()
    assert lines[0] == "✓ passed: `attention.causal_mask`"
    assert lines[-1].startswith("Not recorded: ")
    assert f"cannot be written ({words}); free space there, or set" in lines[-1]
    assert {file: file.read_bytes() for file in workspace.folder.rglob("*.*")} == before


def test_a_disk_that_is_full_once_leaves_the_passed_answer_in_use(workspace, monkeypatch):
    check_answer(MASK, right_mask, workspace)
    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", refuse(errno.ENOSPC, "No space left on device"))
        check_answer(MASK, right_mask, workspace)
    assert find_part(MASK.name, workspace).is_own
    assert check_answer(MASK, right_mask, workspace).note == ""


def test_a_home_that_is_a_file_is_one_sentence(workspace, pages):
    workspace.folder.write_text("mine")
    learn.check(MASK.name, right_mask)
    assert pages[-1].splitlines()[-1].startswith("Not recorded: ")
    assert learn.part(MASK.name) is causal_mask
    assert workspace.folder.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def causal_mask(:", "SyntaxError"),
        ("import nowhere\ndef causal_mask(): ...", "ModuleNotFoundError: No module named"),
        ("raise SystemExit(1)\ndef causal_mask(): ...", "SystemExit: 1"),
        ("def causal_mask(length, past=0):\n    raise SystemExit", "no longer passes its check"),
        ("def causal_mask(length):\n    while True: pass", "no longer passes its check"),
        ("", "it defines no function and no class"),
    ],
)
def test_a_part_that_no_longer_runs_is_told_left_alone_and_replaced(
    workspace, pages, monkeypatch, text, words
):
    check_answer(MASK, right_mask, workspace)
    monkeypatch.setattr("transformer_course.engine.probing.SECONDS", 1.0)
    file = workspace.file_of(MASK.name)
    file.write_text(text)
    assert learn.part(MASK.name) is causal_mask
    whose, note = pages[-1].splitlines()
    assert whose == "`attention.causal_mask`: the course’s own"
    assert note.startswith(f"{file} ")
    assert words in note
    assert note.endswith("check your answer again to replace it.")
    assert file.read_text() == text


@pytest.mark.parametrize("name", [MASK.name, "attention.masked_softmax"])
def test_a_part_that_never_ends_when_it_is_read_is_told_left_alone_and_replaced(
    workspace, pages, monkeypatch, name
):
    monkeypatch.setattr("transformer_course.engine.answers.LOADING_SECONDS", 0.2)
    text = f"while True:\n    pass\n\n\ndef {name.rpartition('.')[2]}(): ...\n"
    file = workspace.keep(name, text)
    kept = file.read_text()
    assert learn.part(name) is find_exercise(name).reference
    assert pages[-1].splitlines()[1] == (
        f"{file} does not come to its end within 0.2 seconds; "
        "check your answer again to replace it."
    )
    assert file.read_text() == kept
    # Whoever is lent that part gets the course's own, and is not stopped by it.
    attention = find_exercise("attention.scaled_dot_product_attention")
    workspace.keep(attention.name, attention.answer)
    assert find_part(attention.name, workspace).is_own


def test_a_part_that_never_ends_at_a_models_size_is_left_out_of_training(monkeypatch):
    monkeypatch.setattr("transformer_course.engine.answers.TRYING_SECONDS", 2.0)
    rotate = find_exercise("positional.rotate")

    def small_only(vectors, cosine, sine):
        while vectors.shape[-1] > 8:
            pass
        return rotate.reference(vectors, cosine, sine)

    words = "at the size of a model it takes more than 2 seconds"
    assert unfit_for_training(rotate, small_only) == words


def test_a_part_that_is_no_text_is_told_and_left_alone(workspace, pages):
    file = workspace.keep(MASK.name, "x = 3\n")
    file.write_bytes(b"\xff\xfe\x00")
    assert learn.part(MASK.name) is causal_mask
    assert f"{file} cannot be read" in pages[-1]
    assert file.read_bytes() == b"\xff\xfe\x00"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": 2, "exercises": {}, "choices": {}}', "has format 2, expected 1"),
        ('{"exercises": {}, "choices": {}}', "has format None, expected 1"),
        ('{"format": 1, "exercises": {}}', "is damaged"),
        ('{"format": 1, "exercises": {"a": 3}, "choices": {}}', "is damaged"),
        ('{"format": 1, "exer', "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_record_that_cannot_be_used_is_one_sentence_and_left_alone(workspace, pages, text, words):
    check_answer(MASK, right_mask, workspace)
    file = workspace.folder / "progress.json"
    file.write_text(text)
    learn.progress()
    assert pages[-1].count("\n") == 0
    assert words in pages[-1]
    learn.check(MASK.name, right_mask)
    assert words in pages[-1].splitlines()[-1]
    assert learn.part(MASK.name) is not causal_mask
    assert file.read_text() == text


def test_a_state_that_this_course_does_not_know_is_shown_as_not_started(workspace, pages):
    workspace.note_check(MASK.name, "mastered")
    learn.progress()
    assert "○ 05 · exercise 1 · `attention.causal_mask` · not started" in pages[-1]


def test_a_part_that_stops_at_a_models_size_is_left_out_of_training():
    rotate = find_exercise("positional.rotate")

    def small_only(vectors, cosine, sine):
        if vectors.shape[-1] > 8:
            raise ValueError("too wide")
        return rotate.reference(vectors, cosine, sine)

    words = "at the size of a model it stops (ValueError: too wide)"
    assert unfit_for_training(rotate, small_only) == words


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        (b"ab", [b"ab"], "it returns one byte string; a list of byte strings is asked for"),
        (None, [1], "it returns nothing; a list of numbers is asked for"),
        ("ab", [], "it returns one text; a list is asked for"),
        (["a", "b"], "ab", "it returns a list of 2 texts; one text is asked for"),
        ({"ids": [1, "b"]}, {"ids": [1, 2]}, "result 2 is a text, expected a number"),
        ({"ids": 1}, {"ids": "a"}, "it returns a number, expected a text"),
        (torch.ones(2), [torch.ones(2)], "it returns a tensor of shape (2,), expected 1 tensor"),
        ([torch.ones(2)], [torch.ones(2)] * 2, "it returns 1 tensor, expected 2 tensors"),
        ([1, 2], np.ones(2), "it returns a list of 2 numbers, expected an array of shape (2,)"),
    ],
)
def test_one_thing_and_a_list_of_things_are_told_apart(found, wanted, words):
    assert misfit(plain(found), plain(wanted)) == words
