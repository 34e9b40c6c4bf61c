#!/usr/bin/env python3
"""Set the course up in `.venv`, then open its lessons, run its checks or fetch its data.

    python course.py lab      opens the lessons in JupyterLab; further arguments go to JupyterLab
    python course.py test     runs every check: format, lint, types, imports, tests, notebooks
    python course.py fetch    downloads texts and models, so that lessons need no network later

Builds on: the standard library alone, since it runs before anything is installed.
Lacks: a choice of environment; it makes and mends its own and leaves every other one alone.
"""

import argparse
import contextlib
import errno
import functools
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

# An older Python must be able to read this file as far as here, so its syntax stays that of 3.6.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        f"course.py: Python 3.11 or newer is needed and this is {platform.python_version()}: "
        "install one from https://www.python.org/downloads/ and start course.py with it."
    )

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "course.json"
LOG = VENV / "setup.log"
CONSTRAINTS = ROOT / "constraints.txt"
PROGRAMS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(PROGRAMS / "python")

PYTORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# JupyterLab's page asks at its first start whether to fetch news, unless a setting has answered.
NO_NEWS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}
NEEDED_GIGABYTES = 2  # free disk space for a new environment, without CUDA

PROBE = """
import json, pip, platform, sys, sysconfig
assert sys.version_info >= (3, 11) and sys.prefix != sys.base_prefix
print(json.dumps({"python": platform.python_version(), "packages": sysconfig.get_path("purelib")}))
"""

# Why pip fails, in the order in which it is believed: what it prints, and what to say.
CAUSES = {
    "disk": (
        r"No space left on device|Errno 28|not enough space on the disk",
        "the disk is full: free some space",
    ),
    "network": (
        r"Retry\(total=0|Max retries exceeded|ConnectionError|Connection broken|ProxyError"
        r"|ReadTimeoutError|[Ss][Ss][Ll] ?(certificate|Error)|incomplete-download",
        "an index cannot be reached: check the network, the proxy and pip's index settings",
    ),
    "no build": (
        r"No matching distribution found|requires a different Python",
        "no index in reach has a build for it: use 64-bit Python 3.11 to 3.14, check pip's index",
    ),
    "unknown": (r"", "of what the end of its log says: mend that"),
}
AGAIN = "and run the same command again"
say = functools.partial(print, flush=True)  # at once, so that it stands before a child's output


class SetupError(Exception):
    """A failure in one sentence that says what to do."""


class PipError(SetupError):
    """pip failed; `cause` is a key of `CAUSES`."""

    def __init__(self, lines: Sequence[str]) -> None:
        # A retry that still has others before it proves nothing.
        told = "\n".join(line for line in lines if not re.search(r"Retry\(total=[1-9]", line))
        fitting = ((cause, why) for cause, (shown, why) in CAUSES.items() if re.search(shown, told))
        self.cause, why = next(fitting)
        missing = re.search(r"No matching distribution found for (\S+)", told)
        what = missing.group(1) if missing else "what the course needs"
        super().__init__(f"pip could not install {what} because {why}, {AGAIN} (log: {LOG}).")


def work_folder() -> Path:
    """Return the folder of the learner's own work, which no update of the course touches."""
    chosen = os.environ.get("TRANSFORMER_COURSE_HOME")
    return Path(chosen).expanduser().resolve() if chosen else ROOT / "my_work"


def child_environment() -> dict[str, str]:
    """Return the variables under which the environment's own programs and kernel are found."""
    foreign = ("PYTHONHOME", "PYTHONPATH")
    return {
        **{name: value for name, value in os.environ.items() if name not in foreign},
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", os.defpath)]),
        "TRANSFORMER_COURSE_HOME": str(work_folder()),
        "VIRTUAL_ENV": str(VENV),
    }


def run_lines(command: Sequence[str], on_line: Callable[[str], None]) -> int:
    """Run a command, hand over each line it prints, and return its exit status."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=child_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            on_line(line.rstrip())
        return process.wait()


def probe_environment() -> dict[str, str]:
    """Ask the environment's Python about itself; the answer is empty where it cannot serve."""
    try:
        command = [PYTHON, "-I", "-c", PROBE]
        answer = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def read_stamp() -> dict[str, Any] | None:
    """Return what the last set-up left: None if there was none, {} if it did not end."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}


def write_stamp(stamp: dict[str, Any] | None) -> None:
    """Replace the stamp in one step; an empty one says that a set-up has begun."""
    aside = STAMP.with_suffix(".new")
    aside.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    aside.replace(STAMP)


def requirements_hash() -> str:
    """Return a hash of what decides which packages are installed, and in which version."""
    import tomllib  # it came with 3.11

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [project["build-system"], project["project"], CONSTRAINTS.read_text(encoding="utf-8")]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def landmarks(packages: str) -> list[str]:
    """Return names whose loss shows that a part of the environment was deleted."""
    found = [*VENV.glob("*"), *VENV.glob("*/*"), *Path(packages).glob("*")]
    passing = (".dist-info", ".log", ".new")
    kept = [path for path in found if path.suffix not in passing and path.name != "__pycache__"]
    return sorted({f"{path.parent.name}/{path.name}" for path in kept})


def environment_needs(extras: set[str]) -> str:
    """Return what `.venv` needs: "nothing", an "update" by pip, or to be made "anew"."""
    facts, stamp = probe_environment(), read_stamp()
    if not facts:
        return "anew"
    if stamp is None:  # made by hand: it is its owner's, so it is completed, not replaced
        return "update"
    made_here = (stamp.get("root"), stamp.get("python")) == (str(ROOT), facts["python"])
    if not made_here or set(stamp["landmarks"]) - set(landmarks(facts["packages"])):
        return "anew"
    current = stamp["requirements"] == requirements_hash() and extras <= set(stamp["extras"])
    return "nothing" if current else "update"


def create_environment() -> None:
    """Replace `.venv` by an empty environment."""
    for folder in (PROGRAMS, VENV):  # in this order: half deleted, it must not look made by hand
        if folder.exists():
            shutil.rmtree(folder)
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GIGABYTES:  # better now than after the download
        raise SetupError(
            f"the set-up needs {NEEDED_GIGABYTES} GB and the disk of {ROOT} has {free:.1f} GB "
            f"free: free some space {AGAIN}."
        )
    VENV.mkdir()
    write_stamp({})
    base = getattr(sys, "_base_executable", sys.executable)  # the latter may stand in old .venv
    if run_lines([base, "-m", "venv", str(VENV)], lambda _: None):
        raise SetupError(
            f"{base} cannot make environments: install its venv module (on Debian and Ubuntu: "
            f"`sudo apt install python3.{sys.version_info.minor}-venv`) or use another, {AGAIN}."
        )


def run_pip(*arguments: str) -> None:
    """Install what is asked for; what pip prints goes to the log."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    lines: list[str] = []
    with LOG.open("a", encoding="utf-8") as log:

        def keep(line: str) -> None:
            lines.append(line)
            log.write(line + "\n")
            if sys.stdout.isatty() and line.lstrip().startswith(("Collecting", "Downloading")):
                print(f"\r    {line.strip():<70.70}", end="", flush=True)

        status = run_lines([*command, *arguments], keep)
    if sys.stdout.isatty():
        print(f"\r{'':<74}", end="\r")
    if status:
        raise PipError(lines)


def install_cpu_torch() -> bool:
    """Install torch's CPU build where Linux would get CUDA for nothing; say whether it did."""
    driver = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi")
    if platform.system() != "Linux" or driver:
        return False
    pins = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    requirement = next(pin for pin in pins if pin.startswith("torch==")) + "+cpu"
    for index in ("", PYTORCH_CPU_INDEX):
        say(f"  installing {requirement} from {index or 'the index that pip is set to'}")
        try:
            # Its dependencies come with the course, from the usual index.
            run_pip("--no-deps", *(["--index-url", index] if index else []), requirement)
        except PipError as error:
            if error.cause == "disk" or (error.cause == "network" and not index):
                raise
        else:
            return True
    return False


def install(extras: set[str]) -> None:
    """Bring `.venv` to what `pyproject.toml` and `constraints.txt` ask for."""
    if not install_cpu_torch():
        cuda = platform.system() == "Linux"
        size = "2.7 GB to download, 7 GB on disk, with CUDA" if cuda else "0.1 GB to download"
        say(f"  torch comes from the index that pip is set to: about {size}")
    say("  installing the course and what it builds on")
    run_pip("--constraint", str(CONSTRAINTS), "--editable", ".[test]" if extras else ".")


def set_up(extras: set[str]) -> None:
    """Make or mend the environment unless it is as it should be; the stamp is written last."""
    with only_one_at_a_time():
        needs = environment_needs(extras)
        if needs == "nothing":
            return
        start = time.monotonic()
        say(f"Setting up the course in {VENV}: once, some minutes; log in {LOG.name} there.")
        stamp = read_stamp() if needs == "update" else {}
        if needs == "anew":
            create_environment()
        write_stamp({})
        wanted = extras.union(stamp["extras"] if stamp else ())
        try:
            install(wanted)
        except PipError:  # pip downloads all before it changes anything: what stood still stands
            write_stamp(stamp)
            raise
        facts = probe_environment()
        write_stamp(
            {
                "root": str(ROOT),
                "python": facts["python"],
                "extras": sorted(wanted),
                "requirements": requirements_hash(),
                "landmarks": landmarks(facts["packages"]),
            }
        )
        say(f"  done in {time.monotonic() - start:.0f} s")


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Wait while another course.py sets up; the system frees the lock however that one ends."""
    with Path(__file__).open("rb") as own_file:
        while not try_lock(own_file):
            say("Another course.py is setting up this folder; waiting until it is done.")
            time.sleep(5)
        yield


def try_lock(file: BinaryIO) -> bool:
    """Lock a file against other processes; False while another one holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 30)  # a byte past the end: nobody's reading is in the way
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks: to refuse the work would be worse
        return True
    return True


def run_python(*arguments: str) -> int:
    """Run the environment's Python on the terminal of this one."""
    return subprocess.call([PYTHON, *arguments], cwd=ROOT, env=child_environment())


def lab(arguments: Sequence[str]) -> int:
    """Open the working copies in JupyterLab and stay until it ends."""
    status = run_python("-m", "transformer_course", "reset", "--missing")
    if status:
        return status
    copies = work_folder() / "notebooks"
    settings = VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(NO_NEWS), encoding="utf-8")
    say(f"Opening JupyterLab on your copies in {copies}")
    command = [
        *(PYTHON, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={copies}",
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--ServerApp.allow_root=True",  # in a container the learner often is root
        *arguments,
    ]
    with subprocess.Popen(command, cwd=copies, env=child_environment()) as process:
        # Ctrl-C reaches JupyterLab too, which asks before it stops.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    if process.returncode:
        raise SetupError(
            f"JupyterLab ended with status {process.returncode}: if its lines above do not help, "
            f"delete the folder {VENV} {AGAIN}."
        )
    return 0


def run_command(command: str, data: str, further: Sequence[str]) -> int:
    """Set up what a command needs and run it; return its exit status."""
    set_up({"test"} if command == "test" else set())
    status = run_python("-m", "transformer_course", "fetch", data)  # says itself what went wrong
    if status or command == "fetch":
        return status
    return lab(further) if command == "lab" else run_python("tests/run_checks.py")


def main(arguments: Sequence[str]) -> int:
    """Run one of the three commands; every failure is one sentence on the error stream."""
    parser = argparse.ArgumentParser(prog="course.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("lab", help="open the lessons; further arguments go to JupyterLab")
    commands.add_parser("test", help="run every check of the course")
    what = commands.add_parser("fetch", help="download texts and models")
    data = ("shakespeare", "minilm", "smollm2", "lessons", "all")
    what.add_argument("data", nargs="?", choices=data, default="all")
    options, further = parser.parse_known_args(arguments)
    if further and options.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    try:
        return run_command(options.command, getattr(options, "data", "lessons"), further)
    except SetupError as error:
        sentence, status = str(error), 1
    except OSError as error:
        full = error.errno == errno.ENOSPC
        hint = "free some space" if full else "close what uses the folder, or copy it to your own,"
        sentence, status = f"the system refused ({error}): {hint} {AGAIN}.", 1
    except KeyboardInterrupt:
        sentence, status = "stopped; run the same command again to go on.", 130
    print(f"course.py: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
