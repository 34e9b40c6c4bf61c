"""Every lesson runs to its end whatever its exercises were answered with, training shortened."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient

from transformer_course.commands.notebooks import number_of
from transformer_course.engine.catalogue import exercises, numbers
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import HOME, Workspace
from transformer_course.learn import MOST_STEPS

FOLDER = Path(__file__).parents[1] / "notebooks"
CHECK = re.compile(r'^check\("([\w.]+)", \w+\)', re.MULTILINE)
NUMBER = re.compile(r"^\*\*Exercise (\d+)\*\*", re.MULTILINE)
PART_LINE = re.compile(r"^(?:`([\w.]+)`|(\w+)): (yours|the course’s own)$", re.MULTILINE)


def right(exercise, _):
    return exercise.answer, State.PASSED


def wrong(exercise, place):
    mistake = exercise.mistakes[place % len(exercise.mistakes)]
    return exercise.wrong_source(mistake), State.SLIP


def untouched(exercise, _):
    return exercise.stub.rstrip(), State.NOT_STARTED


def half(exercise, place):
    return (right if place % 2 == 0 else untouched)(exercise, place)


def read(lesson):
    (path,) = FOLDER.glob(f"{lesson}_*.ipynb")
    return nbformat.read(path, as_version=4)


def checks(notebook):
    """Return each check cell's exercise, and the cell before it, which holds the answer."""
    cells = notebook.cells
    return [
        (exercises()[name], cells[place - 1], cells[place])
        for place, cell in enumerate(cells)
        if cell.cell_type == "code"
        for name in CHECK.findall(cell.source)
    ]


def answered(lesson, answer):
    """Return the notebook with its exercises answered, and the state that each should end in."""
    notebook, states = read(lesson), {}
    for place, (exercise, cell, _) in enumerate(checks(notebook)):
        cell.source, states[exercise.name] = answer(exercise, place)
    return notebook, states


def run(notebook, home, monkeypatch, most_steps="3", kernel=None):
    """Execute the notebook, in a kernel that is running already where one is given."""
    monkeypatch.setenv(HOME, str(home))
    monkeypatch.setenv(MOST_STEPS, most_steps)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", km=kernel)
    client.execute()
    if kernel is not None:
        client.kc.stop_channels()


@pytest.fixture
def kernel():
    manager = KernelManager(kernel_name="python3", transport="ipc")
    yield manager
    manager.shutdown_kernel(now=True)


def printed(cell):
    parts = (output.get("text") or output.get("data", {}) for output in cell.outputs)
    return "\n".join(
        part if isinstance(part, str) else part.get("text/plain", "") for part in parts
    )


def owners(notebook):
    """Return whose parts were used in later cells: by exercise or place, "yours" or not."""
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    return {
        name or place: owner
        for cell in code
        for name, place, owner in PART_LINE.findall(printed(cell))
    }


@cache
def lessons():
    numbers = map(number_of, sorted(FOLDER.glob("*.ipynb")))
    return tuple(number for number in numbers if checks(read(number)))


@pytest.mark.parametrize("lesson", lessons())
def test_an_exercise_cell_holds_the_declared_stub(lesson):
    found = checks(read(lesson))
    for exercise, cell, check in found:
        assert cell.source == exercise.stub.rstrip()
        assert ("exercise" in cell.metadata.tags, "check" in check.metadata.tags) == (True, True)


@pytest.mark.parametrize("lesson", lessons())
def test_the_catalogue_has_a_lessons_exercises_in_its_order_and_by_its_numbers(lesson):
    declared = [exercise.name for exercise in exercises().values() if exercise.lesson == lesson]
    notebook = read(lesson)
    assert [exercise.name for exercise, _, _ in checks(notebook)] == declared
    said = NUMBER.findall("\n".join(cell.source for cell in notebook.cells))
    # The first lesson has one exercise, and gives it no number.
    alone = len(declared) == 1
    assert said == ([] if alone else [str(numbers()[name]) for name in declared])


@pytest.mark.parametrize("lesson", lessons())
def test_a_lesson_runs_to_its_end_and_says_how_each_answer_is(
    lesson, tmp_path, monkeypatch, kernel
):
    """Wrong, half, then right, in one kernel: what a run left behind must not reach the next."""
    for answer in (wrong, half, right):
        home = tmp_path / "home"
        says_how_each_answer_is(*answered(lesson, answer), home, monkeypatch, kernel)
        shutil.rmtree(home)


def says_how_each_answer_is(notebook, states, home, monkeypatch, kernel):
    run(notebook, home, monkeypatch, kernel=kernel)
    said = {exercise.name: printed(check) for exercise, _, check in checks(notebook)}
    for name, state in states.items():
        symbol, words = state.value
        assert f"{symbol} {words}: `{name}`" in said[name]
    own = {name for name, owner in owners(notebook).items() if owner == "yours"}
    passed = {name for name, state in states.items() if state is State.PASSED}
    assert bool(own) == bool(passed)
    assert {name for name in own if "." in name} <= passed


def test_work_outlives_a_fresh_notebook_and_a_part_that_was_broken_by_hand(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path)
    for exercise in exercises().values():
        workspace.keep(exercise.name, exercise.answer)
    broken = "attention.scaled_dot_product_attention_numpy"
    workspace.file_of(broken).write_text("def broken(:", encoding="utf-8")
    notebook, _ = answered("05", untouched)
    run(notebook, tmp_path, monkeypatch)
    found = owners(notebook)
    assert found.pop(broken) == "the course’s own"
    assert set(found.values()) == {"yours"}
    assert workspace.file_of(broken).read_text(encoding="utf-8") == "def broken(:"
    assert json.loads((tmp_path / "progress.json").read_text(encoding="utf-8"))["exercises"]


def test_a_lesson_whose_cells_run_twice_says_the_same_the_second_time(tmp_path, monkeypatch):
    notebook, states = answered("05", half)
    notebook.cells = [cell for cell in notebook.cells for _ in range(2)]
    for place, cell in enumerate(notebook.cells):
        notebook.cells[place] = nbformat.from_dict({**cell, "id": f"cell-{place}"})
    run(notebook, tmp_path, monkeypatch)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for first, second in zip(code[::2], code[1::2], strict=True):
        if CHECK.search(first.source):
            assert printed(first) == printed(second)
    assert State.PASSED in states.values()
