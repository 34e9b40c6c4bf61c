"""Tokenizers in files: one truth on disk, checked when it is read.

Builds on: files.  Lacks: the tokenizers (tokenization).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from transformer_course.files import replacing

Tokenizer = TypeVar("Tokenizer")

_VERSION = 1


def write_tokenizer(path: str | Path, kind: type, content: dict[str, Any]) -> None:
    """Write what a tokenizer is made of, all of it or nothing.

    Args:
        path: Of the file.
        kind: The tokenizer's class.
        content: Whatever JSON can hold.
    """
    heading = {"kind": kind.__name__, "version": _VERSION}
    with replacing(Path(path)) as aside:
        aside.write_text(json.dumps(heading | content), encoding="utf-8")


def read_tokenizer(
    path: str | Path, kind: type, build: Callable[[dict[str, Any]], Tokenizer]
) -> Tokenizer:
    """Read what `write_tokenizer` wrote, and build the tokenizer from it.

    Args:
        path: Of the file.
        kind: The class that the file has to name.
        build: Makes the tokenizer; what it raises is a fault of the file.

    Raises:
        ValueError: If the file is damaged, or of another kind or version.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if (content["kind"], content["version"]) == (kind.__name__, _VERSION):
            return build(content)
        problem = f"it says {content['kind']}, version {content['version']}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise ValueError(
        f"{path} is damaged, or no {kind.__name__} of file version {_VERSION} ({problem}); "
        f"write it again with {kind.__name__}.save"
    )
