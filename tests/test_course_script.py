"""course.py with its children faked: no network, no environment, no JupyterLab."""

import ast
import errno
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
import run_checks

ROOT = Path(__file__).parents[1]
OFFLINE = "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'ProxyError'"
DISK_FULL = (
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
)
NO_CPU_BUILD = "ERROR: No matching distribution found for torch==2.13.0+cpu"


class Machine:
    """A computer on which course.py runs: what its children do, and what they were asked."""

    def __init__(self, course: ModuleType) -> None:
        self.course = course
        self.commands: list[list[str]] = []
        self.pip_prints: dict[str, str] = {}  # an argument of pip → what pip then fails with
        self.venv_status = 0
        self.facts = {"python": "3.11.7", "packages": str(course.VENV / "lib" / "site-packages")}

    def run_lines(self, command: Sequence[str], on_line) -> int:
        self.commands.append(list(command))
        if command[2] == "venv":
            self.make_environment()
            return self.venv_status
        failures = [line for argument, line in self.pip_prints.items() if argument in command]
        for line in ["Collecting numpy", *failures]:
            on_line(line)
        return len(failures)

    def make_environment(self) -> None:
        for package in ("torch", "numpy"):
            Path(self.facts["packages"], package).mkdir(parents=True)

    def probe(self) -> dict[str, str]:
        return self.facts if Path(self.facts["packages"]).exists() else {}

    def used_tools(self) -> list[str]:
        """What the last set-up did, and forget it."""
        used = [command[2] for command in self.commands]
        self.commands.clear()
        return used


@pytest.fixture
def course(tmp_path, monkeypatch) -> ModuleType:
    monkeypatch.delenv("TRANSFORMER_COURSE_HOME", raising=False)
    for name in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    spec = importlib.util.spec_from_file_location("course", tmp_path / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def show_gpu(monkeypatch: pytest.MonkeyPatch, sign: str) -> None:
    """Let the sign be the only one of an NVIDIA driver, whatever this computer has."""
    exists = Path.exists

    def exists_here(path: Path) -> bool:
        return path.as_posix() == sign if "nvidia" in path.name else exists(path)

    monkeypatch.setattr(Path, "exists", exists_here)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == sign else None)


@pytest.fixture
def machine(course, monkeypatch) -> Machine:
    """A Linux computer without a GPU, on which everything works."""
    machine = Machine(course)
    monkeypatch.setattr(course, "run_lines", machine.run_lines)
    monkeypatch.setattr(course, "probe_environment", machine.probe)
    show_gpu(monkeypatch, sign="")
    monkeypatch.setattr(course.platform, "system", lambda: "Linux")
    return machine


@pytest.fixture
def stderr_of_main(course, capsys):
    """Run course.py; return its exit status and what it said about failures."""

    def run(*arguments: str) -> tuple[int, str]:
        return course.main(arguments), capsys.readouterr().err

    return run


def fail_with(error: BaseException):
    def fail(*_, **__):
        raise error

    return fail


# An older Python


def test_the_script_keeps_to_syntax_that_an_older_python_can_read():
    ast.parse((ROOT / "course.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_older_python_gets_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed .* install one from"):
        exec((ROOT / "course.py").read_text(encoding="utf-8"), {"__file__": "course.py"})


# When the environment is set up, and how much of it


def test_the_first_run_makes_the_environment_and_the_second_runs_nothing(course, machine):
    course.set_up(set())
    assert machine.used_tools() == ["venv", "pip", "pip"]
    course.set_up(set())
    assert machine.used_tools() == []


def test_the_tests_packages_are_added_once_and_serve_the_lab_too(course, machine):
    course.set_up(set())
    course.set_up({"test"})
    assert machine.commands[-1][-2:] == ["--editable", ".[test]"]
    machine.used_tools()
    course.set_up(set())
    assert machine.used_tools() == []


def test_an_update_of_the_course_keeps_the_tests_packages(course, machine):
    course.set_up({"test"})
    course.CONSTRAINTS.write_text("torch==2.14.0\n", encoding="utf-8")
    course.set_up(set())
    assert machine.commands[-1][-1] == ".[test]"


@pytest.mark.parametrize(
    ("name", "old", "new", "tools"),
    [
        ("constraints.txt", "torch==2.13.0", "torch==2.13.1", ["pip", "pip"]),
        ("pyproject.toml", "numpy>=1.26", "numpy>=2.0", ["pip", "pip"]),
        ("pyproject.toml", "line-length = 100", "line-length = 99", []),
    ],
)
def test_only_what_decides_the_packages_runs_pip_again(course, machine, name, old, new, tools):
    course.set_up(set())
    machine.used_tools()
    text = (course.ROOT / name).read_text(encoding="utf-8")
    (course.ROOT / name).write_text(text.replace(old, new), encoding="utf-8")
    course.set_up(set())
    assert machine.used_tools() == tools


def lose_a_package(course, machine):
    Path(machine.facts["packages"], "torch").rmdir()


def lose_its_python(course, machine):
    shutil.rmtree(machine.facts["packages"])


def get_another_python(course, machine):
    machine.facts["python"] = "3.12.1"


def be_interrupted(course, machine):
    course.write_stamp({})


def be_damaged(course, machine):
    course.STAMP.write_text('{"root": "', encoding="utf-8")


def come_from_another_folder(course, machine):
    course.write_stamp({**course.read_stamp(), "root": "elsewhere"})


@pytest.mark.parametrize(
    "happen",
    [
        lose_a_package,
        lose_its_python,
        get_another_python,
        be_interrupted,
        be_damaged,
        come_from_another_folder,
    ],
)
def test_an_environment_that_cannot_be_trusted_is_made_anew(course, machine, happen):
    course.set_up(set())
    machine.used_tools()
    happen(course, machine)
    course.set_up(set())
    assert machine.used_tools() == ["venv", "pip", "pip"]


def test_an_environment_made_by_hand_is_completed_and_not_replaced(course, machine):
    machine.make_environment()
    course.set_up(set())
    assert machine.used_tools() == ["pip", "pip"]


def test_an_environment_loses_its_python_first(course, machine, monkeypatch):
    course.PROGRAMS.mkdir(parents=True)
    deleted = []
    monkeypatch.setattr(course.shutil, "rmtree", deleted.append)
    with pytest.raises(FileExistsError):
        course.create_environment()
    assert deleted == [course.PROGRAMS, course.VENV]


def test_a_cleaned_up_bytecode_folder_is_no_loss(course, machine):
    Path(machine.facts["packages"], "__pycache__").mkdir(parents=True)
    machine.make_environment()
    course.set_up(set())
    machine.used_tools()
    Path(machine.facts["packages"], "__pycache__").rmdir()
    course.set_up(set())
    assert machine.used_tools() == []


def test_a_first_set_up_that_fails_starts_anew_the_next_time(course, machine):
    machine.pip_prints["."] = OFFLINE
    with pytest.raises(course.PipError):
        course.set_up(set())
    assert course.environment_needs(set()) == "anew"


@pytest.mark.parametrize("made_by", ["course.py", "hand"])
def test_an_update_that_fails_leaves_what_stood_before(course, machine, made_by):
    if made_by == "hand":
        machine.make_environment()
    else:
        course.set_up(set())
    machine.pip_prints[".[test]"] = OFFLINE
    with pytest.raises(course.PipError):
        course.set_up({"test"})
    assert course.environment_needs({"test"}) == "update"


def test_an_update_that_is_killed_is_made_anew(course, machine, monkeypatch):
    course.set_up(set())
    monkeypatch.setattr(course, "install", fail_with(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        course.set_up({"test"})
    assert course.environment_needs({"test"}) == "anew"


def test_a_python_that_does_not_run_answers_nothing(course):
    course.PROGRAMS.mkdir(parents=True)
    assert course.probe_environment() == {}
    Path(course.PYTHON).write_text("not a program", encoding="utf-8")
    Path(course.PYTHON).chmod(0o755)
    assert course.probe_environment() == {}


def test_a_python_outside_an_environment_does_not_count(course, monkeypatch):
    monkeypatch.setattr(course, "PYTHON", getattr(sys, "_base_executable", sys.executable))
    assert course.probe_environment() == {}


# Which build of torch


@pytest.fixture
def empty_environment(machine) -> None:
    machine.make_environment()


def requirements(machine: Machine) -> list[str]:
    return [command[-1] for command in machine.commands if command[2] == "pip"]


@pytest.mark.usefixtures("empty_environment")
def test_linux_without_a_gpu_gets_the_cpu_build(course, machine):
    course.install(set())
    assert requirements(machine) == ["torch==2.13.0+cpu", "."]


@pytest.mark.parametrize("sign", ["/proc/driver/nvidia", "nvidia-smi"])
@pytest.mark.usefixtures("empty_environment")
def test_a_gpu_gets_the_build_of_the_index_and_its_size_is_said(
    course, machine, monkeypatch, capsys, sign
):
    show_gpu(monkeypatch, sign)
    course.install(set())
    assert requirements(machine) == ["."]
    assert "2.7 GB to download, 7 GB on disk" in capsys.readouterr().out


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
@pytest.mark.usefixtures("empty_environment")
def test_other_systems_get_the_build_of_the_index(course, machine, monkeypatch, capsys, system):
    monkeypatch.setattr(course.platform, "system", lambda: system)
    course.install(set())
    assert requirements(machine) == ["."]
    assert "0.1 GB to download" in capsys.readouterr().out


@pytest.mark.usefixtures("empty_environment")
def test_the_cpu_build_is_looked_for_at_pytorch_next(course, machine):
    machine.pip_prints["torch==2.13.0+cpu"] = NO_CPU_BUILD
    assert not course.install_cpu_torch()
    assert course.PYTORCH_CPU_INDEX not in machine.commands[0]
    assert course.PYTORCH_CPU_INDEX in machine.commands[1]


@pytest.mark.usefixtures("empty_environment")
def test_without_any_cpu_build_torch_comes_from_the_index(course, machine, capsys):
    machine.pip_prints["torch==2.13.0+cpu"] = NO_CPU_BUILD
    course.install(set())
    assert requirements(machine)[-1] == "."
    assert "2.7 GB" in capsys.readouterr().out


@pytest.mark.parametrize("line", [OFFLINE, DISK_FULL], ids=["network", "space"])
@pytest.mark.usefixtures("empty_environment")
def test_without_network_or_space_no_other_index_is_tried(course, machine, line):
    machine.pip_prints["torch==2.13.0+cpu"] = line
    with pytest.raises(course.PipError):
        course.install_cpu_torch()
    assert len(machine.commands) == 1


# Failures: one sentence that says what to do


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (DISK_FULL, "disk is full: free some space"),
        ("[WinError 112] There is not enough space on the disk", "disk is full"),
        (OFFLINE, "check the network"),
        ("ReadTimeoutError: HTTPSConnectionPool: Read timed out.", "check the network"),
        ("There was a problem confirming the ssl certificate", "check the network"),
        (
            "ERROR: No matching distribution found for numpy==2.4.6",
            "install numpy==2.4.6 because no index",
        ),
        (
            "error: metadata-generation-failed",
            "because of what the end of its log says: mend that, and run",
        ),
    ],
)
def test_a_failure_of_pip_is_told_with_its_cause(course, machine, stderr_of_main, line, advice):
    machine.pip_prints["."] = line
    status, told = stderr_of_main("lab")
    assert status == 1
    assert advice in told
    assert f"and run the same command again (log: {course.LOG})" in told
    assert told.count("\n") == 1
    assert line in course.LOG.read_text(encoding="utf-8")


def test_a_retry_that_worked_is_not_taken_for_the_cause(course):
    retried = OFFLINE.replace("total=0", "total=4")
    assert course.PipError([retried, NO_CPU_BUILD]).cause == "no build"
    assert course.PipError([OFFLINE, NO_CPU_BUILD]).cause == "network"


def test_too_little_space_is_said_before_anything_is_made(
    course, machine, stderr_of_main, monkeypatch
):
    usage = shutil.disk_usage(course.ROOT)._replace(free=300_000_000)
    monkeypatch.setattr(course.shutil, "disk_usage", lambda _: usage)
    status, told = stderr_of_main("lab")
    assert status == 1
    assert f"needs 2 GB and the disk of {course.ROOT} has 0.3 GB free: free some space" in told
    assert not course.VENV.exists()


def test_a_missing_venv_module_is_told_with_its_package(course, machine, stderr_of_main):
    machine.venv_status = 1
    status, told = stderr_of_main("lab")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert status == 1
    assert f"`sudo apt install python{version}-venv`" in told
    assert course.environment_needs(set()) == "anew"


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space and run"),
        (errno.EACCES, "or copy it to your own, and run"),
        (errno.EROFS, "or copy it to your own, and run"),
    ],
)
def test_what_the_system_refuses_is_told(
    course, machine, stderr_of_main, monkeypatch, number, advice
):
    refusal = OSError(number, "refused", ".venv")
    monkeypatch.setattr(course, "create_environment", fail_with(refusal))
    status, told = stderr_of_main("fetch")
    assert status == 1
    assert f"refused: '.venv'): {advice}" in told.replace("close what uses the folder, ", "")


def test_control_c_leaves_with_a_sentence(course, stderr_of_main, monkeypatch):
    monkeypatch.setattr(course, "set_up", fail_with(KeyboardInterrupt()))
    assert stderr_of_main("test") == (
        130,
        "course.py: stopped; run the same command again to go on.\n",
    )


@pytest.mark.parametrize("arguments", [[], ["learn"], ["fetch", "hamlet"], ["test", "--fast"]])
def test_an_unknown_request_is_refused_before_anything_is_set_up(course, machine, arguments):
    with pytest.raises(SystemExit, match="2"):
        course.main(arguments)
    assert machine.commands == []


# Two at once


def test_a_second_set_up_waits_for_the_first(course, monkeypatch, capsys):
    first = course.only_one_at_a_time()
    first.__enter__()
    waits = []

    def wait(seconds: int) -> None:
        waits.append(seconds)
        first.__exit__(None, None, None)

    monkeypatch.setattr(course.time, "sleep", wait)
    with course.only_one_at_a_time():
        assert waits == [5]
    assert "Another course.py is setting up" in capsys.readouterr().out


def test_a_file_system_without_locks_refuses_nobody(course):
    class Unlockable:
        def fileno(self) -> int:
            raise OSError(errno.ENOLCK, "no locks available")

    assert course.try_lock(Unlockable())


# The commands


def test_the_learners_folder_can_be_chosen(course, tmp_path, monkeypatch):
    assert course.work_folder() == tmp_path / "my_work"
    monkeypatch.setenv("TRANSFORMER_COURSE_HOME", str(tmp_path / "elsewhere"))
    assert course.work_folder() == tmp_path / "elsewhere"
    assert course.child_environment()["TRANSFORMER_COURSE_HOME"] == str(tmp_path / "elsewhere")


def test_children_find_the_environment_and_nothing_beside_it(course, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "a folder of other packages")
    environment = course.child_environment()
    assert environment["PATH"].startswith(str(course.PROGRAMS))
    assert "PYTHONPATH" not in environment


class JupyterLab:
    """Stands in for the process: keeps how it was started."""

    returncode = 0
    started: Sequence[str] = ()

    def __init__(self, command: Sequence[str], **_: object) -> None:
        JupyterLab.started = command

    def __enter__(self) -> "JupyterLab":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def jupyterlab(course, machine, monkeypatch) -> type[JupyterLab]:
    monkeypatch.setattr(course.subprocess, "Popen", JupyterLab)
    monkeypatch.setattr(course.subprocess, "call", lambda command, **_: 0)
    monkeypatch.setattr(course.signal, "signal", lambda *_: None)
    return JupyterLab


def test_the_lab_opens_the_copies_without_news_or_update_checks(course, jupyterlab):
    assert course.main(["lab", "--no-browser", "--port", "8899"]) == 0
    copies = course.ROOT / "my_work" / "notebooks"
    assert {
        f"--ServerApp.root_dir={copies}",
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    } < set(jupyterlab.started)
    assert jupyterlab.started[-3:] == ["--no-browser", "--port", "8899"]


def test_the_lab_answers_the_question_for_news_before_it_is_asked(course, jupyterlab):
    course.main(["lab"])
    settings = course.VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    (answers,) = json.loads(settings.read_text(encoding="utf-8")).values()
    assert answers == {"fetchNews": "false", "checkForUpdates": False}


def test_a_jupyterlab_that_fails_is_told(course, jupyterlab, stderr_of_main, monkeypatch):
    monkeypatch.setattr(jupyterlab, "returncode", 3)
    status, told = stderr_of_main("lab")
    assert status == 1
    assert (
        f"ended with status 3: if its lines above do not help, delete the folder {course.VENV}"
        in told
    )


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["fetch"], [["-m", "transformer_course", "fetch", "all"]]),
        (["fetch", "minilm"], [["-m", "transformer_course", "fetch", "minilm"]]),
        (["test"], [["-m", "transformer_course", "fetch", "lessons"], ["tests/run_checks.py"]]),
        (
            ["lab"],
            [
                ["-m", "transformer_course", "fetch", "lessons"],
                ["-m", "transformer_course", "reset", "--missing"],
            ],
        ),
    ],
)
def test_a_command_asks_the_environments_python(course, machine, monkeypatch, arguments, asked):
    calls = []
    monkeypatch.setattr(
        course.subprocess, "call", lambda command, **_: calls.append(command) or len(calls) - 1
    )
    assert course.main(arguments) == len(asked) - 1
    assert calls == [[course.PYTHON, *words] for words in asked]


def test_data_that_cannot_be_fetched_ends_the_command(course, machine, monkeypatch):
    monkeypatch.setattr(course.subprocess, "call", lambda command, **_: 2)
    assert course.main(["lab"]) == 2


def test_lines_of_a_child_are_handed_over_with_its_status(course):
    lines = []
    program = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(5)"
    assert course.run_lines([sys.executable, "-u", "-c", program], lines.append) == 5
    assert lines == ["one", "two"]


# The checks


@pytest.mark.parametrize(
    ("status", "line", "counts"),
    [
        (0, "== 211 passed, 3 skipped, 1 warning in 2.50s ==", {"skipped": 3, "warning": 1}),
        (1, "= 2 failed, 211 passed, 5 errors in 75.10s (0:01:15) =", {"failed": 2, "error": 5}),
        (1, "= 211 passed in 1.00s =", {"failed": 1}),  # too little was covered
    ],
)
def test_the_outcomes_of_pytest_are_counted(status, line, counts):
    lines = ["collected 219 items", line, "FAIL Required test coverage of 95% not reached."]
    assert +run_checks.count_outcomes(status, lines) == Counter({"passed": 211, **counts})


@pytest.mark.parametrize(
    ("status", "lines", "counts"),
    [
        (0, ["All checks passed!"], {"passed": 1}),
        (1, ["course.py:2: error"], {"failed": 1}),
        (5, ["=== no tests ran in 0.01s ==="], {"failed": 1}),
    ],
)
def test_a_check_without_a_count_counts_as_one_test(status, lines, counts):
    assert +run_checks.count_outcomes(status, lines) == Counter(counts)


@pytest.fixture
def to_run(monkeypatch):
    """Let `main` run these instead: programs one by one, and those in place of notebooks."""

    def put(one_by_one, side_by_side=()):
        for kind, programs in (("CHECKS", one_by_one), ("NOTEBOOKS", dict(side_by_side))):
            commands = {name: (sys.executable, "-c", program) for name, program in programs.items()}
            monkeypatch.setattr(run_checks, kind, commands)

    return put


def test_a_check_that_fails_stops_no_other_and_fails_the_run(to_run, capsys):
    to_run({"first": "raise SystemExit(3)", "second": "print('=== 7 passed in 0.10s ===')"})
    assert run_checks.main() == 1
    printed = capsys.readouterr().out.splitlines()
    assert "=== 7 passed in 0.10s ===" in printed
    assert [line.split()[:2] for line in printed[-4:-2]] == [
        ["first", "FAILED"],
        ["second", "passed"],
    ]
    assert " 1 failed, 7 passed in " in printed[-1]


def test_a_notebook_that_fails_fails_the_run_and_each_is_printed_whole_and_summed_up_in_order(
    to_run, capsys
):
    to_run(
        {}, {"08": "raise SystemExit(1)", "07": "print('one'); print('=== 5 passed in 1.0s ===')"}
    )
    assert run_checks.main() == 1
    printed = capsys.readouterr().out
    assert "\none\n=== 5 passed in 1.0s ===\n" in printed
    *_, first, second, _, closing = printed.splitlines()
    assert (first.split()[:2], second.split()[:2]) == (["07", "passed"], ["08", "FAILED"])
    assert " 1 failed, 5 passed in " in closing


def test_the_summary_tells_the_memory_of_each_check_and_the_totals_of_the_exercises(to_run, capsys):
    to_run({"much": "b'x' * 900_000_000"})
    assert run_checks.main() == 0
    *_, much, totals, _ = capsys.readouterr().out.splitlines()
    if sys.platform != "win32":
        assert float(much.split()[4]) >= 0.9
    assert re.fullmatch(
        r"\d+ exercises, \d+ known mistakes, \d+ right answers in other styles", totals
    )


def test_each_lesson_is_a_check_of_its_own():
    lessons = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert lessons == set(run_checks.NOTEBOOKS)


def test_checks_that_all_pass_pass_the_run(to_run, capsys):
    to_run({"one": ""}, {"00": ""})
    assert run_checks.main() == 0
    assert " 2 passed in " in capsys.readouterr().out.splitlines()[-1]


def test_the_import_contract_is_run_by_a_program_that_is_there():
    shown = subprocess.run(
        [run_checks.CHECKS["import contract"][0], "--help"], capture_output=True, check=True
    )
    assert b"--no-logo" in shown.stdout


def test_the_stamp_is_readable_json(course, machine):
    course.set_up({"test"})
    assert json.loads(course.STAMP.read_text(encoding="utf-8"))["extras"] == ["test"]
