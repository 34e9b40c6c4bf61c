"""The command line: ``python -m transformer_course COMMAND``.

Builds on: the modules in commands, of which only the one that is asked for is imported.
Lacks: what the commands do.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

_COMMANDS = {
    "train": "train a transformer on Shakespeare",
    "generate": "let a trained model write",
    "export": "keep a trained model in a small file, as the course keeps its own",
    "fetch": "download the texts and models, once",
    "exercises": "list the exercises, or verify their checks",
    "progress": "show how far your exercises are",
    "reset": "give a lesson or an exercise a fresh start; what you had is kept",
    "claims": "run the experiments behind what the course claims",
    "notebooks": "run lessons and store them (for those who work on them)",
}
_PROGRAM = "python -m transformer_course"


def main(given: Sequence[str]) -> int:
    """Run one command.

    Args:
        given: the command's name and its arguments.

    Returns:
        The exit status: the command's own; 2 for a mistake in what was asked, after one line that
        says which; 130 when it was stopped by Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog=_PROGRAM, description="The course, by command.")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        if name in given[:1]:  # the others are never imported: they bring torch
            command = import_module(f"transformer_course.commands.{name}")
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run)
    arguments = parser.parse_args(given)
    try:
        return arguments.run(arguments)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{_PROGRAM} {given[0]}: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{_PROGRAM} {given[0]}: stopped\n")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
