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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from transformer_course.engine.catalogue import exercises
from transformer_course.engine.workspace import HOME

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (sys.executable, "-m")
COVERAGE = ("--cov", "--cov-report=term-missing:skip-covered", "--cov-fail-under=95")
MOST_AT_ONCE = 4
"""Processes side by side, a core each where there are fewer; one of them may take 2 GB."""
SIDE_BY_SIDE = ("-n", "auto", "--maxprocesses", str(MOST_AT_ONCE), "--dist", "worksteal")
NBVAL = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=300")
CHECKS = {
    "format": (*PYTHON, "ruff", "format", "--check", "."),
    "lint": (*PYTHON, "ruff", "check", "."),
    "types": (*PYTHON, "mypy"),
    "import contract": (str(Path(sysconfig.get_path("scripts"), "lint-imports")), "--no-logo"),
    "unit tests": (*PYTHON, "pytest", *COVERAGE, *SIDE_BY_SIDE),
}
NOTEBOOKS = {
    path.stem: (*PYTHON, "pytest", *NBVAL, f"notebooks/{path.name}")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"), reverse=True)
}
"""The last lessons run longest: begun first, they leave no core idle at the end."""
OUTCOMES = ("failed", "passed", "skipped", "xfailed", "xpassed", "warning", "error")


class Ended(NamedTuple):
    """How a check ended.

    Attributes:
        name: Of the check.
        status: Its exit status.
        lines: What it printed.
        seconds: How long it took.
        peak_memory: Bytes that the largest of its processes took; 0 where the system does not say.
    """

    name: str
    status: int
    lines: list[str]
    seconds: float
    peak_memory: int

    def __str__(self) -> str:
        """Return its line of the summary."""
        verdict = "FAILED" if self.status else "passed"
        memory = f"{self.peak_memory / 1e9:8.2f} GB at most"
        return f"{self.name:<28}{verdict}{self.seconds:9.1f} s{memory}"


def run(name: str, command: tuple[str, ...], *, live: bool) -> Ended:
    """Run one check; live, each of its lines is on the terminal as it comes.

    Tests run side by side, a core each, and their models are too small for more than one thread.
    """
    lines, start = [], time.monotonic()
    with (
        TemporaryDirectory() as home,  # of nobody: committed lessons are unsolved
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", HOME: home},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        for line in process.stdout:
            if live:
                print(line, end="", flush=True)
            lines.append(line.rstrip())
        peak_memory = wait_for(process)
    return Ended(name, process.returncode, lines, time.monotonic() - start, peak_memory)


def wait_for(process: subprocess.Popen) -> int:
    """Wait until it has ended, and return the most memory it took; 0 where that is not told."""
    if sys.platform == "win32":
        process.wait()
        return 0
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def announce(name: str, command: tuple[str, ...]) -> None:
    """Name a check, and the command that runs it alone."""
    print(f"\n--- {name}: {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)


def run_all() -> Iterator[Ended]:
    """Run the checks one by one, seen as they print, and then the notebooks side by side."""
    for name, command in CHECKS.items():
        announce(name, command)
        yield run(name, command, live=True)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_AT_ONCE)) as pool:
        begun = [pool.submit(run, *notebook, live=False) for notebook in NOTEBOOKS.items()]
        for one in as_completed(begun):
            ended = one.result()
            announce(ended.name, NOTEBOOKS[ended.name])
            print(*ended.lines, sep="\n", flush=True)
            yield ended


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
    """Run the checks, and then say how each went; 1 if any failed."""
    begin = time.monotonic()
    ended = {one.name: one for one in run_all()}
    checks = [ended[name] for name in (*CHECKS, *reversed(NOTEBOOKS))]
    total = sum((count_outcomes(one.status, one.lines) for one in checks), Counter())
    print("\n--- summary", *checks, exercise_totals(), sep="\n")
    counts = ", ".join(f"{total[kind]} {kind}" for kind in OUTCOMES if total[kind])
    print(f" {counts} in {time.monotonic() - begin:.2f}s ".center(80, "="), flush=True)
    return int(any(one.status for one in checks))


if __name__ == "__main__":
    sys.exit(main())
