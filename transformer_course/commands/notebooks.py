"""Run lessons from top to bottom and store them as the repository keeps them.

For those who work on the lessons: what depends on the machine or the moment is taken out, so that
a second run changes only what the lesson changed.

Builds on: files, engine.  Lacks: the tests of what is stored (tests/test_notebook_hygiene.py).
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from transformer_course.engine.workspace import HOME
from transformer_course.files import replacing

FOLDER = Path(__file__).parents[2] / "notebooks"
TIME_LIMIT = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``notebooks`` takes."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="numbers such as 08, or more of a name (default: all lessons)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the lessons that were asked for, and store them."""
    paths = sorted(
        path
        for path in FOLDER.glob("*.ipynb")
        if not arguments.names or any(is_called(path, name) for name in arguments.names)
    )
    if not paths:
        known = [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]
        raise ValueError(f"no lesson is called any of {arguments.names}; there are {known}")
    for path in paths:
        start = perf_counter()
        notebook = nbformat.read(path, as_version=4)
        with TemporaryDirectory() as home:  # stored lessons are unsolved, whoever stores them
            NotebookClient(notebook, timeout=TIME_LIMIT, kernel_name="python3").execute(
                env={**os.environ, HOME: home}
            )
        with replacing(path) as aside:
            nbformat.write(cleaned(notebook), aside)
        sys.stdout.write(f"{path.stem}: {perf_counter() - start:.0f} s\n")
    return 0


def is_called(path: Path, name: str) -> bool:
    """Tell whether a lesson is meant by its number, or by the beginning of its name.

    00 means 00_start_here and not 00b_pytorch_in_15_minutes.
    """
    return number_of(path) == name or ("_" in name and path.stem.startswith(name))


def number_of(path: Path) -> str:
    """Return what stands before the first underscore of a lesson's name: 05, 00b."""
    return path.stem.partition("_")[0]


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """Take out what depends on the machine: widget states, times, versions of Python."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in cell.metadata if key == "tags"}
        )
        for output in cell.get("outputs", []):
            # Without the state of its widget, which is not kept, this would show as an error.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return notebook
