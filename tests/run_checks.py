"""Run every check of the course, also after one has failed, and report them all at the end.

Usage: `python tests/run_checks.py`, with the Python of an environment that has the `test` extra;
`python course.py test` makes one and then does this.

Builds on: pyproject.toml, where each tool finds its settings.  Lacks: a choice; each line that it
announces can be run by itself.
"""

import os
import re
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from transformer_course.engine.catalogue import exercises
from transformer_course.engine.workspace import HOME

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (sys.executable, "-m")
COVERAGE = ("--cov", "--cov-report=term-missing:skip-covered", "--cov-fail-under=95")
SIDE_BY_SIDE = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
NBVAL = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=300")
CHECKS = {
    "format": (*PYTHON, "ruff", "format", "--check", "."),
    "lint": (*PYTHON, "ruff", "check", "."),
    "types": (*PYTHON, "mypy"),
    "import contract": (str(Path(sysconfig.get_path("scripts"), "lint-imports")), "--no-logo"),
    "unit tests": (*PYTHON, "pytest", *COVERAGE, *SIDE_BY_SIDE),
    # One by one, each with both cores: how long it takes and what it needs is told of each.
    **{
        path.stem: (*PYTHON, "pytest", *NBVAL, f"notebooks/{path.name}")
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    },
}
ONE_THREAD_EACH = {"unit tests": {"OMP_NUM_THREADS": "1"}}
"""Tests that run side by side have a core each; their models are too small for more."""
OUTCOMES = ("failed", "passed", "skipped", "xfailed", "xpassed", "warning", "error")


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        status: Its exit status.
        lines: What it printed.
        peak_memory: Bytes that the largest of its processes took; 0 where the system does not say.
    """

    status: int
    lines: list[str]
    peak_memory: int


def run(command: tuple[str, ...], variables: Mapping[str, str]) -> Ended:
    """Run a command on the terminal, with these variables set."""
    lines = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
        if sys.platform == "win32":
            return Ended(process.wait(), lines, 0)
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    unit = 1 if sys.platform == "darwin" else 1024
    return Ended(process.returncode, lines, used.ru_maxrss * unit)


def count_outcomes(status: int, lines: list[str]) -> Counter[str]:
    """Read pytest's closing line; a check that has none counts as one test."""
    closing = [line for line in lines if re.fullmatch(r"=+ .* in [\d.]+s.* =+", line)]
    found = re.findall(r"(\d+) ([a-z]+)", closing[-1]) if closing else []
    counts = Counter({kind.removesuffix("s"): int(number) for number, kind in found})
    if status and not counts["failed"] + counts["error"]:  # too little was covered, for one
        counts["failed"] = 1
    return counts if found or status else Counter(passed=1)


def exercise_totals() -> str:
    """Say how many exercises there are, and how many wrong and right answers their checks meet."""
    num_mistakes = sum(len(exercise.mistakes) for exercise in exercises().values())
    num_solutions = len(list((ROOT / "tests" / "solutions").glob("*/*.py")))
    return (
        f"{len(exercises())} exercises, {num_mistakes} known mistakes, "
        f"{num_solutions} right answers in other styles"
    )


def main() -> int:
    """Run the checks one by one, each announced; 1 if any failed."""
    begin = time.monotonic()
    total, summary, failed = Counter(), [], False
    for name, command in CHECKS.items():
        print(f"\n--- {name}: {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
        start = time.monotonic()
        with TemporaryDirectory() as home:  # of nobody: committed lessons are unsolved
            ended = run(command, {HOME: home, **ONE_THREAD_EACH.get(name, {})})
        total += count_outcomes(ended.status, ended.lines)
        failed = failed or ended.status != 0
        verdict = "FAILED" if ended.status else "passed"
        took = time.monotonic() - start
        summary.append(f"{name:<28}{verdict}{took:9.1f} s{ended.peak_memory / 1e9:8.2f} GB at most")
    print("\n--- summary", *summary, exercise_totals(), sep="\n")
    counts = ", ".join(f"{total[kind]} {kind}" for kind in OUTCOMES if total[kind])
    print(f" {counts} in {time.monotonic() - begin:.2f}s ".center(80, "="), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
