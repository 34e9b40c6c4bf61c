"""The picture of page 00b: a column and a row that spread to a table.

Builds on: drawing.  Lacks: the loss curve (drawing).
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from transformer_course.drawing import INK, KEY, QUERY, QUIET, VALUE, in_course_style


@in_course_style
def broadcast_picture(column: Sequence[float], row: Sequence[float]) -> Figure:
    """Draw column − row: both as they are, how each spreads, and the table that comes out.

    Args:
        column: Numbers of shape (n, 1).
        row: Numbers of shape (1, m).
    """
    count, width = len(column), len(row)
    figure = Figure(figsize=(9.5, 0.55 * count + 1.1), layout="constrained")
    axes = figure.add_subplot()
    gap = 1.6
    starts = (0.0, width + gap, 2 * (width + gap))
    for across, number in enumerate(row):
        for down, other in enumerate(column):
            _cell(axes, starts[0] + across, down, other, QUERY, faint=across > 0)
            _cell(axes, starts[1] + across, down, number, KEY, faint=down > 0)
            _cell(axes, starts[2] + across, down, other - number, VALUE, faint=False)
    for start, sign in zip(starts[1:], "−=", strict=True):
        axes.text(start - gap / 2, count / 2, sign, ha="center", va="center", fontsize=16)
    for start, words in zip(
        starts,
        (
            f"shape ({count}, 1), spread",
            f"shape (1, {width}), spread",
            f"shape ({count}, {width})",
        ),
        strict=True,
    ):
        axes.text(start, -0.35, words, fontsize=11)
    axes.set(xlim=(-0.1, starts[2] + width + 0.1), ylim=(count + 0.1, -0.9), xticks=[], yticks=[])
    axes.set_aspect("equal")
    axes.spines[:].set_visible(False)
    figure.draw_without_rendering()
    return figure


def _cell(
    axes: Axes, across: float, down: float, number: float, colour: str, *, faint: bool
) -> None:
    axes.add_patch(
        Rectangle(
            (across + 0.06, down + 0.06),
            0.88,
            0.88,
            facecolor="white",
            edgecolor=QUIET if faint else colour,
            linestyle=":" if faint else "-",
            linewidth=1.5,
        )
    )
    axes.text(
        across + 0.5,
        down + 0.5,
        f"{number:g}".replace("-", "−"),
        ha="center",
        va="center",
        fontsize=11,
        color=QUIET if faint else INK,
    )
