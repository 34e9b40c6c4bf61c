"""Run the experiments behind the course's claims, and print the ledger.

Builds on: claims.  Lacks: the experiments (the folder experiments).
"""

import argparse
import sys

from transformer_course.claims import judge_all, ledger


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``claims`` takes."""
    parser.add_argument(
        "identifier", nargs="*", metavar="CLAIM", help="such as C8 (default: all there are)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default 0)")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each claim as soon as it is judged; 1 if one does not hold."""
    status = 0
    for claim, finding in judge_all(ledger(arguments.identifier), arguments.seed):
        sign = "✓" if finding.holds else "✗"
        sys.stdout.write(f"{claim.identifier} {sign} {finding.statement}\n")
        sys.stdout.flush()
        status = max(status, int(not finding.holds))
    return status
