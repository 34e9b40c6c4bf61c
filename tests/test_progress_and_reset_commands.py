"""The commands `progress` and `reset`: what they say, and that nothing a learner made is lost."""

import errno

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from transformer_course.__main__ import main
from transformer_course.commands import reset
from transformer_course.engine.answers import find_part
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.workspace import Workspace

NAME = "attention.causal_mask"
ANSWER = "def causal_mask(length, past=0):\n    return 7\n"


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFORMER_COURSE_HOME", str(tmp_path / "mine"))
    return Workspace(tmp_path / "mine")


@pytest.fixture
def copies(tmp_path, monkeypatch, workspace):
    """Two lessons, and the folder of their working copies."""
    lessons = tmp_path / "notebooks"
    lessons.mkdir()
    for stem in ("05_attention", "05b_more_attention"):
        printed = new_output("stream", text=f"what {stem} found")
        cells = [
            new_markdown_cell(f"fresh {stem}"),
            new_code_cell("1 + 1", outputs=[printed], execution_count=3),
        ]
        nbformat.write(new_notebook(cells=cells), lessons / f"{stem}.ipynb")
    monkeypatch.setattr(reset, "FOLDER", lessons)
    return workspace.folder / "notebooks"


def text_of(file):
    """Return a fresh copy's first cell, or all that is in a file of the learner's."""
    text = file.read_text(encoding="utf-8")
    return nbformat.reads(text, as_version=4).cells[0].source if "nbformat" in text else text


def texts(folder):
    return sorted(text_of(file) for file in folder.iterdir())


def test_progress_is_printed_an_exercise_a_line(workspace, capsys):
    workspace.keep(NAME, ANSWER)
    workspace.note_check("attention.masked_softmax", "slip")
    lines = progress(capsys)
    assert lines[0] == "Your progress"
    assert f"✓ 05 · exercise 1 · `{NAME}` · passed" in lines
    assert "~ 05 · exercise 3 · `attention.masked_softmax` · known slip" in lines
    assert lines[-4:] == [
        "○ 08 · exercise 1 · `blocks.LayerNorm` · not started",
        "○ 08 · exercise 2 · `blocks.TransformerBlock` · not started",
        "○ 08 · exercise 3 · `training.training_step` · not started",
        "○ 08 · exercise 4 · `generation.extend` · not started",
    ]


def progress(capsys):
    assert main(["progress"]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is gone"),
        ("def causal_mask(:", "no longer runs"),
        ("import tosh", "no longer runs"),
        (ANSWER.replace("7", "8"), "was changed"),
        (b"\xff", "cannot be read"),
    ],
)
def test_what_passed_and_is_no_longer_used_is_not_shown_as_passed(workspace, capsys, text, words):
    file = workspace.keep(NAME, ANSWER)
    file.unlink()
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert not find_part(NAME, workspace).is_own
    line = f"! 05 · exercise 1 · `{NAME}` · passed, but its file {words}: check it again"
    assert line in progress(capsys)
    workspace.keep(NAME, ANSWER)
    assert f"✓ 05 · exercise 1 · `{NAME}` · passed" in progress(capsys)


def test_progress_runs_no_check(workspace, capsys, monkeypatch):
    lender = exercises()["attention.scaled_dot_product_attention"]
    for name in (NAME, lender.name, *(lent for lent in lender.lends if lent in exercises())):
        file = workspace.keep(name, exercises()[name].answer)
        file.write_text(f"{file.read_text()}# a remark\n")
    monkeypatch.setattr("transformer_course.engine.answers.probe", None)
    assert sum("its file was changed" in line for line in progress(capsys)) >= 3


def test_part_says_that_a_kept_answer_is_gone(workspace):
    assert find_part(NAME, workspace).note == ""
    file = workspace.keep(NAME, ANSWER)
    file.unlink()
    assert find_part(NAME, workspace).note.startswith(f"{file} is gone; check your answer again")
    main(["reset", NAME])
    assert find_part(NAME, workspace).note == ""


def test_a_record_that_cannot_be_read_is_one_sentence_and_status_2(workspace, capsys):
    workspace.folder.mkdir()
    (workspace.folder / "progress.json").write_text("{")
    assert main(["progress"]) == 2
    assert "progress.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["05", "05_attention"])
def test_a_lesson_without_a_working_copy_gets_one(copies, name):
    assert main(["reset", name]) == 0
    assert texts(copies) == ["fresh 05_attention"]


def test_a_working_copy_is_kept_beside_the_fresh_one(copies, capsys):
    copies.mkdir(parents=True)
    (copies / "05_attention.ipynb").write_text("mine")
    assert main(["reset", "05"]) == 0
    assert text_of(copies / "05_attention.ipynb") == "fresh 05_attention"
    (old,) = copies.glob("05_attention ?*.ipynb")
    assert old.read_text() == "mine"
    assert str(old) in capsys.readouterr().out


def test_working_copies_of_one_and_the_same_second_are_all_kept(copies, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "2026-11-03 14.05.10")
    copies.mkdir(parents=True)
    for work in ("first", "second", "third"):
        (copies / "05_attention.ipynb").write_text(work)
        main(["reset", "05"])
    assert texts(copies) == ["first", "fresh 05_attention", "second", "third"]


def test_a_working_copy_tells_nothing_before_it_is_asked(copies):
    main(["reset", "05"])
    (copy,) = copies.iterdir()
    (_, cell) = nbformat.read(copy, as_version=4).cells
    assert (cell.source, cell.outputs, cell.execution_count) == ("1 + 1", [], None)


def test_the_missing_working_copies_are_made_once_and_never_overwritten(copies, capsys):
    copies.mkdir(parents=True)
    (copies / "05_attention.ipynb").write_text("mine")
    for _ in range(2):
        assert main(["reset", "--missing"]) == 0
    assert texts(copies) == ["fresh 05b_more_attention", "mine"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("arguments", [["reset"], ["reset", "05", "--missing"]])
def test_a_reset_is_of_one_thing_or_of_what_is_missing(arguments, copies, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert "--missing" in capsys.readouterr().err


def test_a_copy_that_was_interrupted_is_no_copy(copies, monkeypatch, capsys):
    with monkeypatch.context() as interrupted:
        interrupted.setattr("nbformat.write", full)
        assert main(["reset", "--missing"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert list(copies.iterdir()) == []


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_working_copy_where_it_is(copies, monkeypatch, capsys):
    copies.mkdir(parents=True)
    (copies / "05_attention.ipynb").write_text("mine")
    monkeypatch.setattr("nbformat.write", full)
    assert main(["reset", "05"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [file.name for file in copies.iterdir()] == ["05_attention.ipynb"]
    assert texts(copies) == ["mine"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("5", "there is no lesson '5'; did you mean 05 or 05b?"),
        ("05_atention", "did you mean 05_attention"),
        ("99", "did you mean one of 05, 05b?"),
        ("attention.casual_mask", "did you mean attention.causal_mask"),
        ("causal_mask", "attention.causal_mask"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_status_2(copies, capsys, name, words):
    assert main(["reset", name]) == 2
    assert words in capsys.readouterr().err
    assert not copies.exists()


def test_an_exercise_is_set_back_and_its_answer_kept(workspace, capsys):
    kept = workspace.keep(NAME, ANSWER).read_text()
    workspace.note_check("attention.masked_softmax", "slip")
    assert main(["reset", NAME]) == 0
    (old,) = (workspace.folder / "old").iterdir()
    assert old.read_text() == kept
    assert str(old) in capsys.readouterr().out
    assert workspace.kept(NAME) is None
    assert list(workspace.record()["exercises"]) == ["attention.masked_softmax"]


def test_an_exercise_that_never_passed_is_set_back_too(workspace, capsys):
    workspace.note_check(NAME, "slip")
    assert main(["reset", NAME]) == 0
    assert "no answer of yours was kept" in capsys.readouterr().out
    assert workspace.record()["exercises"] == {}


def test_answers_of_one_and_the_same_second_are_all_kept(workspace, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "2026-11-03 14.05.10")
    for number in (2, 3, 5):
        workspace.keep(NAME, ANSWER.replace("7", str(number)))
        main(["reset", NAME])
    old = texts(workspace.folder / "old")
    assert [text.splitlines()[-1] for text in old] == [f"    return {n}" for n in (2, 3, 5)]


def test_a_record_that_cannot_be_read_stops_a_reset_before_anything_moves(workspace, capsys):
    file = workspace.keep(NAME, ANSWER)
    (workspace.folder / "progress.json").write_text("{")
    assert main(["reset", NAME]) == 2
    assert "progress.json cannot be read" in capsys.readouterr().err
    assert file.exists()
    assert not (workspace.folder / "old").exists()


def test_an_answer_that_cannot_be_moved_stays_where_it_is(workspace, capsys):
    file = workspace.keep(NAME, ANSWER)
    (workspace.folder / "old").write_text("a file where a folder is wanted")
    assert main(["reset", NAME]) == 2
    assert f"{file} cannot be moved to" in capsys.readouterr().err
    assert file.exists()
