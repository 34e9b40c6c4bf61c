"""The pictures of page 00b: a column and a row that spread to a table, and a loss that goes down.

Builds on: drawing.  Lacks: curves that move (drawing).
"""

from collections.abc import Mapping, Sequence

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
    figure = Figure(figsize=(9.5, 0.55 * count + 0.7), layout="constrained")
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


@in_course_style
def descent(losses: Mapping[int, float], limits: Mapping[str, float]) -> Figure:
    """Draw a training loss by step, and losses to compare it with as horizontal lines.

    Args:
        losses: By step, from 1; the axis is logarithmic.
        limits: By name.
    """
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(list(losses), list(losses.values()), color=QUERY, linewidth=1.2)
    last = max(2, *losses)
    for name, loss in limits.items():
        axes.axhline(loss, color=QUIET, linewidth=1, linestyle=(0, (5, 3)))
        # Where the curve is far below in the end there is room on the right, else on the left.
        far = loss > losses[max(losses)] + 0.2
        axes.text(
            last if far else 1.08,  # a little off the axis
            loss,
            f"{name}: {loss:.2f}",
            ha="right" if far else "left",
            va="bottom",
            fontsize=10,
        )
    axes.set_xscale("log")
    ticks = [step for step in (1, 3, 10, 30, 100, 300) if step <= last]
    axes.set_xticks(ticks, [str(step) for step in ticks])
    axes.minorticks_off()
    axes.set(
        title="Loss while training",
        xlabel="step (log scale)",
        ylabel="loss (nats a character)",
        xlim=(1, last),
    )
    figure.draw_without_rendering()
    return figure
