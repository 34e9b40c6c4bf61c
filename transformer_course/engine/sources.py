"""Sources: how a reference reads once it is an answer, and how a source becomes a function again.

An answer is the package's own code without what an engineer needs and a learner does not:
annotations, docstrings and statements that only check the inputs.

Builds on: nothing.  Lacks: a place where sources are kept (workspace).
"""

import ast
import builtins
import inspect
import itertools
import linecache
import math
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

COMMON_NAMES: Mapping[str, Any] = {
    "np": np,
    "torch": torch,
    "nn": nn,
    "F": nn.functional,
    "math": math,
}
"""What every kept source may use, besides Python's own names and what its exercise lends it."""

WIDTH = 96

Function = ast.FunctionDef | ast.AsyncFunctionDef

_numbers = itertools.count(1)


def own_source(candidate: Any) -> str:
    """Return the source of a function or class, as its author wrote it.

    Raises:
        ValueError: If Python does not know it, or it is not one `def` or `class`.
    """
    try:
        source = (
            _class_source(candidate)
            if isinstance(candidate, type)
            else textwrap.dedent(inspect.getsource(inspect.unwrap(candidate)))
        )
        definition = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):
        definition = None
    if not isinstance(definition, Function | ast.ClassDef):
        raise ValueError(
            "its source is not a def or a class that can be kept; write it into one cell as such"
        )
    return source


def _class_source(candidate: type) -> str:
    """Find a class by the file of its methods: Python does not look for classes in notebooks.

    Raises:
        OSError: If it has no method that was written in Python, or the file is not known.
    """
    for member in vars(candidate).values():
        function = inspect.unwrap(member) if callable(member) else None
        if not inspect.isfunction(function):
            continue
        code = function.__code__
        lines = linecache.getlines(code.co_filename)
        for node in ast.walk(ast.parse("".join(lines))):
            last = getattr(node, "end_lineno", 0)
            if (
                isinstance(node, ast.ClassDef)
                and node.name == candidate.__name__
                and node.lineno <= code.co_firstlineno <= last
            ):
                return textwrap.dedent("".join(lines[node.lineno - 1 : last]))
    raise OSError(f"the source of {candidate.__name__} is not known")


def answer_source(reference: Any) -> str:
    """Return the source of a reference as a learner would have written it."""
    lines = own_source(reference).splitlines()
    tree = ast.parse("\n".join(lines))
    edits: list[tuple[int, int, list[str]]] = []
    for node in ast.walk(tree):
        if isinstance(node, Function):
            edits.append(_plain_header(node))
        if isinstance(node, Function | ast.ClassDef):
            edits += [(*_span(part), []) for part in node.body if _is_left_out(part)]
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            edits.append((*_span(node), [_indented(node, ast.unparse(_unannotated(node)))]))
    for first, last, replacement in sorted(edits, reverse=True):
        lines[first - 1 : last] = replacement
    return _without_gaps(lines)


def _span(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def _indented(node: ast.stmt, text: str) -> str:
    return textwrap.indent(text, " " * node.col_offset)


def _plain_header(node: Function) -> tuple[int, int, list[str]]:
    """Write `def name(arguments):` without annotations, on as few lines as fit."""
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0]
    for part in ast.walk(arguments):
        if isinstance(part, ast.arg):
            part.annotation = None
    text = ast.unparse(arguments).partition("(")[2].rpartition("):")[0]
    header = _indented(node, f"def {node.name}({text}):")
    if len(header) > WIDTH:
        inner = " " * (node.col_offset + 4)
        wrapped = textwrap.wrap(f"{text},", WIDTH, initial_indent=inner, subsequent_indent=inner)
        header = "\n".join([_indented(node, f"def {node.name}("), *wrapped, _indented(node, "):")])
    return node.lineno, node.body[0].lineno - 1, header.splitlines()


def _is_left_out(part: ast.stmt) -> bool:
    """Docstrings, bare declarations of attributes, and calls that only check what was given."""
    if isinstance(part, ast.AnnAssign):
        return part.value is None
    if not isinstance(part, ast.Expr):
        return False
    if isinstance(part.value, ast.Constant):
        return isinstance(part.value.value, str)
    called = part.value.func if isinstance(part.value, ast.Call) else None
    return isinstance(called, ast.Name) and called.id.startswith("check_")


def _unannotated(node: ast.AnnAssign) -> ast.Assign:
    if node.value is None:
        raise ValueError("a declaration without a value cannot be written as an assignment")
    return ast.fix_missing_locations(ast.Assign([node.target], node.value, lineno=node.lineno))


def _without_gaps(lines: list[str]) -> str:
    """Drop empty lines that follow a header or another empty line."""
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and kept[-1].strip() and not kept[-1].rstrip().endswith(":")):
            kept.append(line)
    return "\n".join(kept).strip("\n") + "\n"


def slipped(source: str, slip: Mapping[str, str]) -> str:
    """Write a known mistake into a source: each old text is there exactly once, and replaced.

    Raises:
        ValueError: If an old text is missing or there more than once.
    """
    for old, new in slip.items():
        if source.count(old) != 1:
            raise ValueError(
                f"{old!r} is {source.count(old)} times in the answer, expected once:\n{source}"
            )
        source = source.replace(old, new)
    return source


def defined_name(source: str) -> str:
    """Return the name of the last function or class that a source defines.

    Raises:
        SyntaxError: If the source is no Python.
        ValueError: If it defines none.
    """
    names = [n.name for n in ast.parse(source).body if isinstance(n, Function | ast.ClassDef)]
    if not names:
        raise ValueError("it defines no function and no class")
    return names[-1]


def build(source: str, title: str, lent: Mapping[str, Any]) -> Any:
    """Run a source that defines a function or class, in a namespace of its own, and return it.

    Args:
        source: What to run.
        title: Stands in tracebacks where a file's name would.
        lent: Names that the source may use besides `COMMON_NAMES`.
    """
    name = defined_name(source)
    file = f"<{title} {next(_numbers)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {"__name__": "__main__", **COMMON_NAMES, **lent}
    exec(compile(source, file, "exec"), namespace)  # noqa: S102 (the learner's own code, or ours)
    return namespace[name]


def foreign_names(source: str, lent: Mapping[str, Any]) -> list[str]:
    """List the names that a source takes from elsewhere, although nothing will lend them to it."""
    tree = ast.parse(source)
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _binds(n)}
    bound |= {argument.arg for argument in ast.walk(tree) if isinstance(argument, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            bound.add(node.name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return sorted(read - bound - set(COMMON_NAMES) - set(lent) - set(dir(builtins)) - {"__class__"})


def _binds(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store | ast.Del)
