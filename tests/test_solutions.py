"""Right answers in other styles than the course's own: every check has to let them through."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from transformer_course.engine.answers import check_answer, find_part, lent_parts
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State
from transformer_course.engine.workspace import Workspace

FOLDER = Path(__file__).parent / "solutions"
FEWEST = 5
FILES = sorted(FOLDER.glob("*/*.py"))


@pytest.mark.usefixtures("unchecked")  # four times as quick, and no shape here is the package's
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_right_answer_in_another_style_passes_and_is_kept(file, tmp_path):
    exercise = exercises()[file.parent.name]
    workspace = Workspace(tmp_path)
    source = file.read_text(encoding="utf-8")
    answer = build(source, exercise.name, lent_parts(exercise, workspace))
    checked = check_answer(exercise, answer, workspace)
    assert checked.verdict.state is State.PASSED, checked.verdict.seen
    assert checked.note == ""
    assert find_part(exercise.name, workspace).is_own


def test_every_exercise_has_five_right_answers_or_more():
    counts = Counter(file.parent.name for file in FILES)
    assert {name: counts[name] for name in exercises() if counts[name] < FEWEST} == {}


def test_every_folder_belongs_to_an_exercise():
    assert {file.parent.name for file in FILES} <= set(exercises())


def test_every_right_answer_says_in_a_line_what_is_other_about_it():
    first_lines = {file: ast.get_docstring(parsed(file)) for file in FILES}
    assert [file.name for file, line in first_lines.items() if not line or "\n" in line] == []


@pytest.mark.parametrize("name", exercises())
def test_no_two_right_answers_are_one_and_the_same(name):
    codes = {file: essence(parsed(file)) for file in FILES if file.parent.name == name}
    answer = essence(ast.parse(exercises()[name].answer))
    repeated = [file.stem for file in codes if [*codes.values(), answer].count(codes[file]) > 1]
    assert repeated == []


def parsed(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def essence(tree):
    """Return what is computed: without docstrings, and with names in the order of their use."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and has_docstring(node):
            node.body = node.body[1:]
    numbers = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = numbers.setdefault(node.id, f"name {len(numbers)}")
        elif isinstance(node, ast.arg):
            node.arg = numbers.setdefault(node.arg, f"name {len(numbers)}")
    return ast.dump(tree)


def has_docstring(node):
    return bool(node.body) and ast.get_docstring(node) is not None
