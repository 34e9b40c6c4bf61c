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
from pathlib import Path
from tempfile import TemporaryDirectory

from transformer_course.engine.workspace import HOME

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (sys.executable, "-m")
COVERAGE = ("--cov", "--cov-report=term-missing:skip-covered", "--cov-fail-under=95")
NBVAL = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=300")
CHECKS = {
    "format": (*PYTHON, "ruff", "format", "--check", "."),
    "lint": (*PYTHON, "ruff", "check", "."),
    "types": (*PYTHON, "mypy"),
    "import contract": (str(Path(sysconfig.get_path("scripts"), "lint-imports")), "--no-logo"),
    "unit tests": (*PYTHON, "pytest", *COVERAGE),
    "notebooks": (*PYTHON, "pytest", *NBVAL, "notebooks"),
}
OUTCOMES = ("failed", "passed", "skipped", "xfailed", "xpassed", "warning", "error")


def run(command: tuple[str, ...], home: str) -> tuple[int, list[str]]:
    """Run a command on the terminal, with this folder for a learner's work.

    Returns:
        Its exit status and the lines that it printed.
    """
    lines = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", HOME: home},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
        return process.wait(), lines


def count_outcomes(status: int, lines: list[str]) -> Counter[str]:
    """Read pytest's closing line; a check that has none counts as one test."""
    closing = [line for line in lines if re.fullmatch(r"=+ .* in [\d.]+s.* =+", line)]
    found = re.findall(r"(\d+) ([a-z]+)", closing[-1]) if closing else []
    counts = Counter({kind.removesuffix("s"): int(number) for number, kind in found})
    if status and not counts["failed"] + counts["error"]:  # too little was covered, for one
        counts["failed"] = 1
    return counts if found or status else Counter(passed=1)


def main() -> int:
    """Run the checks one by one, each announced; 1 if any failed."""
    begin = time.monotonic()
    total, summary, failed = Counter(), [], False
    for name, command in CHECKS.items():
        print(f"\n--- {name}: {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
        start = time.monotonic()
        with TemporaryDirectory() as home:  # of nobody: committed lessons are unsolved
            status, lines = run(command, home)
        total += count_outcomes(status, lines)
        failed = failed or status != 0
        verdict = "FAILED" if status else "passed"
        summary.append(f"{name:<16}{verdict}{time.monotonic() - start:9.1f} s")
    print("\n--- summary", *summary, sep="\n")
    counts = ", ".join(f"{total[kind]} {kind}" for kind in OUTCOMES if total[kind])
    print(f" {counts} in {time.monotonic() - begin:.2f}s ".center(80, "="), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
