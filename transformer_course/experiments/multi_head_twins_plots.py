"""What lesson 06's heads that start alike look like: how far apart they are, by steps of training.

Builds on: drawing, multi_head_twins.  Lacks: the other pictures of lesson 06 (multi_head_plots).
"""

from collections.abc import Sequence

from matplotlib.figure import Figure

from transformer_course.drawing import KEY, QUIET, VALUE, in_course_style
from transformer_course.experiments.multi_head_twins import NUDGE, Twins

SMALLEST = 1e-7
"""Below it the scale goes straight to 0, which a logarithm cannot show."""


@in_course_style
def twins_by_steps(rows: Sequence[Twins]) -> Figure:
    """Draw the largest difference between heads of a layer against steps of training.

    What is measured are the marks; the largest stand behind, as two of them begin at 0.

    Args:
        rows: What training came to, the shortest first.
    """
    figure = Figure(figsize=(8.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    steps = [0, *(row.num_steps for row in rows)]
    lines = (
        ("other output columns", [0.0, *(row.other_output for row in rows)], VALUE, "^", 11),
        ("one number moved by 10⁻⁶", [NUDGE, *(row.nudged for row in rows)], KEY, "s", 7),
        ("all alike", [0.0, *(row.alike for row in rows)], QUIET, "D", 5),
    )
    for label, differences, colour, marker, size in lines:
        axes.plot(
            steps, differences, color=colour, marker=marker, markersize=size, label=label,
            linestyle=":", linewidth=1, clip_on=False,
        )  # fmt: skip
    axes.set_yscale("symlog", linthresh=SMALLEST, linscale=0.6)
    axes.set_yticks([0, 1e-6, 1e-4, 1e-2, 1], ["0", "10⁻⁶", "10⁻⁴", "0.01", "1"])
    axes.minorticks_off()
    axes.set_ylim(0, 2)
    axes.set(xlabel="steps of training", ylabel="largest difference\nbetween two heads' numbers")
    axes.set_title("Heads that start with one set of numbers")
    axes.legend(loc="center right", bbox_to_anchor=(1, 0.35))
    figure.draw_without_rendering()
    return figure
