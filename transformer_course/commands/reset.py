"""Give a lesson or an exercise a fresh start; what was there is kept under another name.

A working copy has no outputs yet: what a lesson found stands in the repository's own, for those
who only read; in a learner's copy it would answer each question before it is asked.

Builds on: files, the folder engine.  Lacks: the answers to exercises (engine.workspace).
"""

import argparse
import difflib
import sys
from pathlib import Path

import nbformat

from transformer_course.commands.notebooks import FOLDER, number_of
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.workspace import Workspace, home, set_aside
from transformer_course.files import replacing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``reset`` takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "name",
        nargs="?",
        help="a lesson, such as 05, or an exercise, such as attention.causal_mask",
    )
    what.add_argument(
        "--missing", action="store_true", help="a working copy of each lesson that has none"
    )


def run(arguments: argparse.Namespace) -> int:
    """Reset a lesson's notebook, or an exercise; or make the working copies that are missing."""
    if arguments.missing:
        _copy_missing()
        return 0
    name = arguments.name
    said = _reset_lesson(name) if name[:1].isdigit() else _reset_exercise(name)
    sys.stdout.write(f"{said}\n")
    return 0


def _copy_missing() -> None:
    copies = home() / "notebooks"
    for lesson in sorted(FOLDER.glob("*.ipynb")):
        if not (copies / lesson.name).exists():
            with replacing(copies / lesson.name) as fresh:
                _write_unread(lesson, fresh)


def _reset_exercise(name: str) -> str:
    aside = Workspace(home()).put_aside(find_exercise(name).name)
    old = "no answer of yours was kept" if aside is None else f"your old answer is {aside}"
    return f"{name} is at its start again; {old}"


def _reset_lesson(name: str) -> str:
    lesson = _find_lesson(name)
    copy = home() / "notebooks" / lesson.name
    old = ""
    with replacing(copy) as fresh:
        _write_unread(lesson, fresh)
        # Not before there is a new one: a full disk then leaves the old one where it is.
        if copy.exists():
            old = f"; the old one is {set_aside(copy, copy.parent)}"
    return f"{copy} is fresh{old}\nIf it is open in JupyterLab: File, Reload Notebook from Disk"


def _write_unread(lesson: Path, copy: Path) -> None:
    """Write a lesson without what its cells have put out."""
    notebook = nbformat.read(lesson, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, copy)


def _find_lesson(name: str) -> Path:
    lessons = sorted(FOLDER.glob("*.ipynb"))
    by_name = {number_of(lesson): lesson for lesson in lessons}
    if name in by_name:
        return by_name[name]
    by_stem = {lesson.stem: lesson for lesson in lessons}
    if name in by_stem:
        return by_stem[name]
    near = difflib.get_close_matches(name, [*by_name, *by_stem], n=3, cutoff=0.4)
    offered = " or ".join(near) if near else f"one of {', '.join(by_name)}"
    raise ValueError(f"there is no lesson {name!r}; did you mean {offered}?")
