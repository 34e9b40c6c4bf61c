"""Measure the course's own model of Shakespeare on every play that it has not read.

Prints the table of data/README.md: loss in nats a character of the model, and of counting what
follows four characters (5-gram) and none (unigram) in the plays that the model has read.
"""

import sys

import torch

from transformer_course.data import load_shakespeare, shakespeare_text, split_plays
from transformer_course.experiments.first_look import unseen_loss
from transformer_course.trained import load_trained


def main() -> None:
    """Print a row for each play, and one for each part as a whole."""
    writer = load_trained("shakespeare")
    split = split_plays(load_shakespeare())
    for part in ("validation", "test"):
        plays = getattr(split, part)
        for name, some in [*((play.slug, (play,)) for play in plays), ("all-six", plays)]:
            found = unseen_loss(writer, shakespeare_text(some), split)
            sys.stdout.write(
                f"| {part} | {name} | {found.model:.3f} | {found.five_gram:.3f} | "
                f"{found.unigram:.3f} |\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"torch {torch.__version__}, {writer.steps} steps\n")


if __name__ == "__main__":
    main()
