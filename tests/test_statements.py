"""Every statement of fact of the lessons: listed in data/statements.csv, each with its source."""

import csv
import json
import pkgutil
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
LIST = ROOT / "data" / "statements.csv"
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
KINDS = ("paper", "data", "measured", "arithmetic", "code")
FEWEST = 25
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
NAMED = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    lesson: str
    cell: str
    statement: str
    kind: str
    source: str


class Cell(NamedTuple):
    words: str
    markdown: bool
    tags: tuple[str, ...]


def read_rows(lines):
    header, *rows = csv.reader(lines)
    assert tuple(header) == Row._fields
    return [Row(*row) for row in rows]


with LIST.open(encoding="utf-8", newline="") as file:
    ROWS = read_rows(file)


def collapsed(words):
    return " ".join(words.split())


@cache
def cells(lesson):
    """Every cell by its name; strings of code that go on in the next line are joined."""
    notebook = json.loads((ROOT / "notebooks" / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    found = {}
    for cell in notebook["cells"]:
        source, markdown = "".join(cell["source"]), cell["cell_type"] == "markdown"
        words = source if markdown else re.sub(r'"\s*\n\s*f?"', "", source)
        tags = tuple(cell["metadata"].get("tags", ()))
        found[cell["id"]] = Cell(collapsed(words), markdown, tags)
    return found


def exists(name, lesson):
    """Say whether a test, file, cell of the lesson, or function is there."""
    path, _, test = name.partition("::")
    if path.startswith(("tests/", "data/")):
        file = ROOT / path
        return file.is_file() and (not test or f"\ndef {test}(" in file.read_text(encoding="utf-8"))
    if name in cells(lesson):
        return True
    for start in ("transformer_course.", ""):
        try:
            pkgutil.resolve_name(start + name)
        except (AttributeError, ImportError, ValueError):
            continue
        return True
    return False


def problem(row):
    """Say in one sentence what is wrong with a row, and what to do; nothing if all is right."""
    if row.lesson not in LESSONS:
        return f"there is no lesson {row.lesson!r}; there are {', '.join(LESSONS)}"
    if row.cell not in cells(row.lesson):
        return f"{row.lesson} has no cell {row.cell!r}; name the one in which the words stand now"
    if row.kind not in KINDS:
        return f"{row.kind!r} is no kind; choose one of {', '.join(KINDS)}"
    if not row.statement or row.statement not in cells(row.lesson)[row.cell].words:
        return "these words stand no longer in the cell; check the new ones and list them instead"
    return problem_of_source(row)


def problem_of_source(row):
    missing = [name for name in NAMED.findall(row.source) if not exists(name, row.lesson)]
    if missing:
        return f"its source names {missing[0]!r}, which is neither test, file, cell nor function"
    if row.kind == "paper" and not YEAR.search(row.source):
        return "its source names no year; give authors, year, title or number, and the section"
    if row.kind in ("data", "measured", "code") and not (NAMED.search(row.source)):
        return "its source names nothing in `…` that yields it; name a function, test, file or cell"
    if row.kind == "arithmetic" and not re.search("[=<>]", row.source):
        return "its source shows no calculation; write it out in short"
    return None


def shown(row):
    return f"{row.lesson}, cell {row.cell}, “{row.statement[:60]}”"


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_statement_stands_in_its_cell_and_its_source_is_there(lesson):
    problems = [
        f"{shown(row)}: {said}" for row in ROWS if (said := problem(row)) and row.lesson == lesson
    ]
    assert not problems, "\n".join(problems)


def test_every_row_belongs_to_a_lesson():
    strange = {row.lesson for row in ROWS} - set(LESSONS)
    assert not strange, f"no notebook is called {sorted(strange)}; rename the rows"


def test_no_statement_is_listed_twice():
    counts = Counter((row.lesson, row.cell, row.statement) for row in ROWS)
    twice = [key for key, count in counts.items() if count > 1]
    assert not twice, f"listed twice, keep one of each: {twice}"


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_lesson_has_its_statements_listed(lesson):
    count = sum(row.lesson == lesson for row in ROWS)
    assert count >= FEWEST, f"{lesson} has {count} rows, fewer than {FEWEST}; list what it states"


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_paper_that_a_lesson_cites_is_in_a_row(lesson):
    unlisted = []
    for name, cell in cells(lesson).items():
        words = cell.words
        for row in ROWS:
            if (row.lesson, row.cell) == (lesson, name):
                words = words.replace(row.statement, "…")
        if cell.markdown and YEAR.search(words):
            unlisted.append(f"{lesson}, cell {name}: … {words[-200:]}")
    assert not unlisted, "a year stands in no row; list the sentence:\n" + "\n".join(unlisted)


GOOD = next(row for row in ROWS if row.kind == "paper")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lesson": "09_none"}, "there is no lesson '09_none'"),
        ({"cell": "nowhere"}, "has no cell 'nowhere'"),
        ({"kind": "hearsay"}, "'hearsay' is no kind"),
        ({"statement": "Two and two are five."}, "these words stand no longer in the cell"),
        ({"statement": ""}, "these words stand no longer in the cell"),
        ({"source": "a paper"}, "its source names no year"),
        ({"source": "1997, `heads.no_such_function`"}, "its source names 'heads.no_such_function'"),
        ({"source": "1997, `tests/test_heads.py::test_none`"}, "names 'tests/test_heads.py::test_"),
        ({"source": "1997, `data/none.json`"}, "its source names 'data/none.json'"),
        ({"kind": "measured", "source": "we looked"}, "its source names nothing in `…`"),
        ({"kind": "arithmetic", "source": "it adds up"}, "its source shows no calculation"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(change, said):
    assert said in problem(GOOD._replace(**change))


def test_a_good_row_has_no_problem():
    assert problem(GOOD) is None
