"""What every committed notebook keeps to, each rule proved on a notebook that breaks it."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Notebook = dict[str, Any]

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MAX_BYTES, MAX_LINES, MAX_IGNORED = 1_500_000, 25, 6
IGNORED = "nbval-ignore-output"
# A slash at the start of a word, and one more: not https://…, a/b/c, </td>, 3/4.
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/<~)\]+])/[A-Za-z_][\w.-]*/[\w.-]+|\b[A-Z]:\\\w[^\n]*")


def joined(text: str | list[str]) -> str:
    return "".join(text)


def code_cells(notebook: Notebook) -> list[dict[str, Any]]:
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    return [cell for cell in cells if joined(cell["source"]).strip()]


def outputs(notebook: Notebook) -> list[dict[str, Any]]:
    return [output for cell in code_cells(notebook) for output in cell["outputs"]]


def tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def texts(notebook: Notebook) -> Iterator[str]:
    yield from (joined(cell["source"]) for cell in notebook["cells"])
    for output in outputs(notebook):
        yield joined(output.get("text", ""))
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield joined(data)


def runs_top_to_bottom(notebook: Notebook) -> bool:
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    return counts == list(range(1, len(counts) + 1))


def shows_no_error(notebook: Notebook) -> bool:
    return all(output["output_type"] != "error" for output in outputs(notebook))


def writes_nothing_to_stderr(notebook: Notebook) -> bool:
    return all(output.get("name") != "stderr" for output in outputs(notebook))


def names_every_cell_once(notebook: Notebook) -> bool:
    ids = [cell.get("id", "") for cell in notebook["cells"]]
    formed = all(re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) for name in ids)
    return formed and len(set(ids)) == len(ids)


def is_of_the_format_with_ids(notebook: Notebook) -> bool:
    return (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)


def is_small(notebook: Notebook) -> bool:
    return len(json.dumps(notebook, indent=1, ensure_ascii=False).encode()) < MAX_BYTES


def asks_for_the_plain_kernel(notebook: Notebook) -> bool:
    kernel = notebook["metadata"].get("kernelspec", {})
    plain = kernel.get("display_name") in ("Python 3", "Python 3 (ipykernel)")
    return plain and (kernel["name"], kernel["language"]) == ("python3", "python")


def keeps_no_widget_state(notebook: Notebook) -> bool:
    return "widgets" not in notebook["metadata"]


def names_no_absolute_path(notebook: Notebook) -> bool:
    return not any(ABSOLUTE_PATH.search(text) for text in texts(notebook))


def describes_every_image(notebook: Notebook) -> bool:
    images = [
        output["metadata"].get(kind, {})
        for output in outputs(notebook)
        for kind in output.get("data", {})
        if kind.startswith("image/")
    ]
    return all(image.get("alt", "").strip() for image in images)


def checks_every_claim(notebook: Notebook) -> bool:
    return all(not {"claim", IGNORED} <= set(tags(cell)) for cell in notebook["cells"])


def ignores_few_outputs(notebook: Notebook) -> bool:
    return sum(IGNORED in tags(cell) for cell in notebook["cells"]) <= MAX_IGNORED


def keeps_its_cells_short(notebook: Notebook) -> bool:
    sources = (joined(cell["source"]) for cell in code_cells(notebook))
    return all(len(source.splitlines()) <= MAX_LINES for source in sources)


def good_notebook() -> Notebook:
    def code(count: int, *its_outputs: dict[str, Any]) -> dict[str, Any]:
        return {
            "cell_type": "code",
            "id": f"cell-{count}",
            "metadata": {"tags": ["claim"] if count == 2 else []},
            "execution_count": count,
            "outputs": list(its_outputs),
            "source": ["1 + 1\n", "2 / 3"],
        }

    figure = {
        "output_type": "display_data",
        "data": {"image/png": "iVBORw+/ab/cd", "text/plain": ["<Figure>"]},
        "metadata": {"image/png": {"alt": "one bar, higher than the other"}},
    }
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    heading = {"cell_type": "markdown", "id": "top", "metadata": {}, "source": ["# Attention"]}
    line = {"output_type": "stream", "name": "stdout", "text": ["0.5\n"]}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [heading, code(1, figure), code(2, line)],
    }


def put(*place_and_value: Any) -> Callable[[Notebook], None]:
    """Return a change of a notebook: the value at the end goes to the place before it."""
    *place, key, value = place_and_value

    def change(notebook: Notebook) -> None:
        target: Any = notebook
        for step in place:
            target = target[step]
        target[key] = value

    return change


def ignore_seven_outputs(notebook: Notebook) -> None:
    for _ in range(MAX_IGNORED + 1):
        notebook["cells"].append(copy.deepcopy(notebook["cells"][1]))
        notebook["cells"][-1]["metadata"]["tags"] = [IGNORED]


RULES_AND_WHAT_BREAKS_THEM = [
    (runs_top_to_bottom, put("cells", 2, "execution_count", 3)),
    (runs_top_to_bottom, put("cells", 1, "execution_count", None)),
    (shows_no_error, put("cells", 1, "outputs", 0, {"output_type": "error"})),
    (writes_nothing_to_stderr, put("cells", 2, "outputs", 0, "name", "stderr")),
    (names_every_cell_once, put("cells", 1, "id", "top")),
    (names_every_cell_once, put("cells", 1, "id", "a cell")),
    (names_every_cell_once, lambda notebook: notebook["cells"][0].pop("id")),
    (is_of_the_format_with_ids, put("nbformat_minor", 4)),
    (is_small, put("cells", 0, "source", "a" * MAX_BYTES)),
    (asks_for_the_plain_kernel, put("metadata", "kernelspec", "name", "my-env")),
    (asks_for_the_plain_kernel, put("metadata", "kernelspec", "display_name", ".venv")),
    (asks_for_the_plain_kernel, put("metadata", {})),
    (keeps_no_widget_state, put("metadata", "widgets", {})),
    (names_no_absolute_path, put("cells", 1, "source", "open('/home/ann/plays.txt')")),
    (names_no_absolute_path, put("cells", 2, "outputs", 0, "text", r"in C:\course")),
    (
        names_no_absolute_path,
        put("cells", 1, "outputs", 0, "data", "text/html", "<a href='/tmp/it'>"),
    ),
    (describes_every_image, put("cells", 1, "outputs", 0, "metadata", {})),
    (describes_every_image, put("cells", 1, "outputs", 0, "metadata", "image/png", {"alt": " "})),
    (checks_every_claim, put("cells", 2, "metadata", "tags", ["claim", IGNORED])),
    (ignores_few_outputs, ignore_seven_outputs),
    (keeps_its_cells_short, put("cells", 1, "source", ["x = 1\n"] * (MAX_LINES + 1))),
]
RULES = list(dict.fromkeys(rule for rule, _ in RULES_AND_WHAT_BREAKS_THEM))


def test_the_lessons_are_there():
    assert "00_start_here" in [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_keeps_the_rule(path, rule):
    assert rule(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_keeps_the_rule(rule):
    assert rule(good_notebook())


@pytest.mark.parametrize(("rule", "break_it"), RULES_AND_WHAT_BREAKS_THEM)
def test_a_bad_notebook_breaks_the_rule(rule, break_it):
    notebook = good_notebook()
    break_it(notebook)
    assert not rule(notebook)


@pytest.mark.parametrize(
    "text",
    ["https://arxiv.org/abs/1706.03762", "queries/keys/values", "<b>a</b>/<i>b</i>", "1/2/3"],
)
def test_what_only_looks_like_a_path_is_none(text):
    assert not ABSOLUTE_PATH.search(text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_link_to_a_lesson_or_a_section_leads_somewhere(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    prose = "\n".join(
        joined(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"
    )
    headings = {
        line.lstrip("#").strip().replace(" ", "-")
        for line in prose.splitlines()
        if line.startswith("#")
    }
    linked = re.findall(r"\]\(([^)\s]*(?:\([^)\s]*\)[^)\s]*)*)\)", prose)
    lost = [link for link in linked if link.startswith("#") and link[1:] not in headings]
    lessons = [link for link in linked if link.endswith(".ipynb") and "://" not in link]
    lost += [link for link in lessons if not (path.parent / link).exists()]
    assert lost == []
