"""Print how far each exercise is.

Builds on: the folder engine.  Lacks: the page in a notebook (learn).
"""

import argparse
import sys

from transformer_course.engine.catalogue import exercises
from transformer_course.engine.pages import progress_page
from transformer_course.engine.workspace import Workspace, home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``progress`` takes: nothing."""


def run(arguments: argparse.Namespace) -> int:  # noqa: ARG001 (every command gets them)
    """Print the progress page."""
    page = progress_page(exercises().values(), Workspace(home()))
    sys.stdout.write(f"{page.as_text()}\n")
    return 0
