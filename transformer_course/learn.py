"""What a notebook imports: pictures with words beside them, and claims that say what was measured.

Builds on: drawing.  Lacks: exercises, predictions and quizzes.
"""

import base64

from IPython.display import publish_display_data
from matplotlib.figure import Figure

from transformer_course.drawing import png

DOTS_PER_INCH = 200
SHOWN_PER_INCH = 100
"""A page shows an inch as 100 of its pixels: dense screens then have two dots for each."""


def show(figure: Figure, alt: str) -> None:
    """Display a figure, and say its finding to readers who do not see it.

    Args:
        figure: What to display.
        alt: What there is to see, in a sentence or two: it stands in the output's metadata, where
            exported pages take it from, and as the plain text of the output.

    Raises:
        ValueError: If the alternative text is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what there is to see in the figure")
    picture = base64.b64encode(png(figure, DOTS_PER_INCH)).decode("ascii")
    width = round(figure.get_figwidth() * SHOWN_PER_INCH)
    publish_display_data(  # type: ignore[no-untyped-call]
        {"image/png": picture, "text/plain": alt},
        metadata={"image/png": {"alt": alt, "width": width}},
    )


def claim(identifier: str, statement: str, holds: bool) -> None:  # noqa: FBT001 (reads as a line)
    """Print a claim, and whether what was measured bears it out.

    Args:
        identifier: The claim's name in the course's ledger, "C8".
        statement: Number, condition and control, worded so that it is the same on all machines.
        holds: Whether the measurement agrees.
    """
    print(f"{identifier} {'✓' if holds else '✗'} {statement}")  # noqa: T201 (it is for the page)
