"""The learner's workspace: passed answers, one file each, and a record of how far everything is.

It is the folder my_work at the checkout's root, or the one that TRANSFORMER_COURSE_HOME names.

Builds on: files.  Lacks: the notebooks' working copies, which course.py makes.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformer_course.files import replacing

FORMAT = 1
HOME = "TRANSFORMER_COURSE_HOME"


class WorkspaceError(ValueError):
    """Something in the workspace cannot be read or written; says what, and what to do."""


def home() -> Path:
    """Return the folder of the learner's work."""
    given = os.environ.get(HOME)
    return Path(given).expanduser() if given else Path(__file__).parents[2] / "my_work"


@dataclass(frozen=True)
class Workspace:
    """The files of one learner.

    Attributes:
        folder: Where they are; made when the first one is written.
    """

    folder: Path

    def file_of(self, name: str) -> Path:
        """Return where the answer to an exercise is kept, or would be."""
        return self.folder / "parts" / f"{name}.py"

    def keep(self, name: str, source: str) -> Path:
        """Keep the source of an answer that passed.

        Raises:
            WorkspaceError: If it cannot be written; what was there before is still there.
        """
        file = self.file_of(name)
        self._write(file, f"# {name}\n{source}")
        record = self.record()
        entry = record["exercises"].setdefault(name, {})
        entry["sha256"] = _digest(file.read_text(encoding="utf-8"))
        self._write_record(record)
        return file

    def kept(self, name: str) -> str | None:
        """Return the kept source of an answer, None if there is none.

        Raises:
            WorkspaceError: If it is there and cannot be read.
        """
        file = self.file_of(name)
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise WorkspaceError(f"{file} cannot be read ({error}); move it elsewhere") from error

    def has_passed(self, name: str) -> bool:
        """Tell whether an answer has passed and was kept, whatever became of its file since."""
        return "sha256" in self.record()["exercises"].get(name, {})

    def is_as_passed(self, name: str, source: str) -> bool:
        """Tell whether a kept source is still the one that passed."""
        entry = self.record()["exercises"].get(name, {})
        return entry.get("sha256") == _digest(source)

    def note_check(self, name: str, state: str) -> None:
        """Remember how a check ended.

        Raises:
            WorkspaceError: If the record cannot be read or written.
        """
        record = self.record()
        entry = record["exercises"].setdefault(name, {})
        entry.update(state=state, attempts=entry.get("attempts", 0) + 1)
        self._write_record(record)

    def note_choice(self, name: str, choice: str) -> None:
        """Remember what was chosen in a prediction or a quiz; see `note_check` for errors.

        The first choice stays: a later one was made with the answer on the page.
        """
        record = self.record()
        if name not in record["choices"]:
            record["choices"][name] = choice
            self._write_record(record)

    def record(self) -> dict[str, Any]:
        """Return what is known of every exercise, prediction and quiz.

        Raises:
            WorkspaceError: If the file is damaged or of another version.
        """
        file = self.folder / "progress.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"format": FORMAT, "exercises": {}, "choices": {}}
        except (OSError, ValueError) as error:
            raise WorkspaceError(
                f"{file} cannot be read ({error}); rename it, and a new one will be begun"
            ) from error
        found = record.get("format") if isinstance(record, dict) else None
        if found == FORMAT and not _is_whole(record):
            raise WorkspaceError(
                f"{file} is damaged: an entry is missing, or is no list of names and values; "
                "rename it, and a new one will be begun"
            )
        if found != FORMAT:
            raise WorkspaceError(
                f"{file} has format {found}, expected {FORMAT}; update the course, or rename the "
                "file, and a new one will be begun"
            )
        return record

    def put_aside(self, name: str) -> Path | None:
        """Forget an exercise, and move its kept answer into the folder old; None if there is none.

        Raises:
            WorkspaceError: If the answer cannot be moved, or the record not read or written.
        """
        # Read first: one that cannot be read stops all before anything has moved.
        record = self.record()
        file = self.file_of(name)
        aside = set_aside(file, self.folder / "old") if file.exists() else None
        if record["exercises"].pop(name, None) is not None:
            self._write_record(record)
        return aside

    def _write_record(self, record: Mapping[str, Any]) -> None:
        text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)
        self._write(self.folder / "progress.json", f"{text}\n")

    def _write(self, file: Path, text: str) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as aside:
                aside.write_text(text, encoding="utf-8")
        except OSError as error:
            raise WorkspaceError(
                f"{file} cannot be written ({error.strerror or error}); free space there, or set "
                f"{HOME} to a folder that can be written to"
            ) from error


def _is_whole(record: Mapping[str, Any]) -> bool:
    """Tell whether a record has all its parts, and an entry for each exercise that it names."""
    parts = [record.get(part) for part in ("exercises", "choices")]
    if not all(isinstance(part, Mapping) for part in parts):
        return False
    return all(isinstance(entry, Mapping) for entry in record["exercises"].values())


def set_aside(file: Path, folder: Path) -> Path:
    """Move a file into a folder, under a name that says when and that nothing else has there.

    Raises:
        WorkspaceError: If it cannot be moved; it is then where it was.
    """
    moment = time.strftime("%Y-%m-%d %H.%M.%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = _taken_name(folder / f"{file.stem} {moment}{file.suffix}")
        return file.replace(aside)
    except OSError as error:
        raise WorkspaceError(
            f"{file} cannot be moved to {folder} ({error.strerror or error}); make that folder "
            "one that can be written to"
        ) from error


def _taken_name(wanted: Path) -> Path:
    """Take a name that is free by making an empty file of it, numbered where it has to be."""
    name, number = wanted, 1
    while True:
        try:
            name.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            name = wanted.with_name(f"{wanted.stem} {number}{wanted.suffix}")
        else:
            return name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
