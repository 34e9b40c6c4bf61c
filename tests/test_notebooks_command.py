"""The command `notebooks`: lessons are run, and stored without the machine in them."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from transformer_course.__main__ import main
from transformer_course.commands import notebooks
from transformer_course.engine.workspace import HOME, Workspace
from transformer_course.exercises.attention import causal_mask

MACHINE = {
    "kernelspec": {"name": "python3", "display_name": "mine"},
    "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}},
}


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    cell = new_code_cell("6 * 7", id="answer", metadata={"tags": ["claim"], "collapsed": True})
    nbformat.write(new_notebook(cells=[cell], metadata=MACHINE), tmp_path / "05_lesson.ipynb")
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_lesson_is_run_and_stored_without_the_machine(lessons, capfd):
    assert main(["notebooks", "05"]) == 0
    stored = nbformat.read(lessons / "05_lesson.ipynb", as_version=4)
    (cell,) = stored.cells
    assert cell.outputs[0].data["text/plain"] == "42"
    assert (cell.id, cell.execution_count, dict(cell.metadata)) == (
        "answer",
        1,
        {"tags": ["claim"]},
    )
    assert stored.metadata.kernelspec.display_name == "Python 3"
    assert "widgets" not in stored.metadata
    assert capfd.readouterr().out.startswith("05_lesson: ")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_lesson_is_stored_unsolved_by_whoever_has_solved_it(lessons, tmp_path, monkeypatch):
    monkeypatch.setenv(HOME, str(tmp_path))
    Workspace(tmp_path).keep("attention.causal_mask", causal_mask.answer)
    cell = new_code_cell(
        "from transformer_course.learn import part\npart('attention.causal_mask') and None",
        id="part",
    )
    nbformat.write(new_notebook(cells=[cell], metadata=MACHINE), tmp_path / "05_lesson.ipynb")
    assert main(["notebooks", "05"]) == 0
    (cell,) = nbformat.read(tmp_path / "05_lesson.ipynb", as_version=4).cells
    assert "the course’s own" in cell.outputs[0].data["text/plain"]


def test_a_reference_to_a_widget_that_is_not_kept_is_taken_out():
    cell = new_code_cell("slider", id="slider")
    kinds = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "slider"}
    cell.outputs = [nbformat.v4.new_output("display_data", kinds)]
    (kept,) = notebooks.cleaned(new_notebook(cells=[cell])).cells
    assert dict(kept.outputs[0].data) == {"text/plain": "slider"}


def test_a_lesson_that_is_not_there_is_answered_with_those_that_are(lessons, capsys):
    assert main(["notebooks", "77"]) == 2
    assert "no lesson is called any of ['77']; there are ['05_lesson']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("00", {"00_start_here"}),
        ("00b", {"00b_pytorch"}),
        ("00_start", {"00_start_here"}),
        ("05_", {"05_lesson"}),
        ("0", set()),
        ("start", set()),
    ],
)
def test_a_lesson_is_meant_by_its_number_or_the_beginning_of_its_name(name, meant):
    paths = [Path(f"{stem}.ipynb") for stem in ("00_start_here", "00b_pytorch", "05_lesson")]
    assert {path.stem for path in paths if notebooks.is_called(path, name)} == meant
