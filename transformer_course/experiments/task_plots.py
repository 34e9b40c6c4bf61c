"""What lesson 08's sums look like: which digits are right, by the order in which they are written.

Builds on: drawing.  Lacks: the maps of the other two tasks, which are plain heat maps.
"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from transformer_course.drawing import KEY, QUERY, in_course_style

PLACES = ("thousands", "hundreds", "tens", "units")
"""A sum of fewer digits has the last of these."""


@in_course_style
def digit_bars(digits: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the share of right digits at each place of the sum.

    Args:
        digits: Shares in the order of writing: "plain" begins at the thousands, "reversed" at the
            units.
    """
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.add_subplot()
    names = PLACES[-len(digits["plain"]) :]
    bars = (
        ("highest digit first", digits["plain"], KEY, "", -0.2),
        ("lowest digit first", digits["reversed"][::-1], QUERY, "//", 0.2),
    )
    for name, shares, colour, hatch, shift in bars:
        places = [place + shift for place in range(len(names))]
        axes.bar(places, shares, 0.38, color=colour, hatch=hatch, edgecolor="white", label=name)
        for place, share in zip(places, shares, strict=True):
            axes.annotate(
                f"{share:.2f}",
                (place, share),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
    axes.set(title="Right digits of unseen sums", ylabel="share right", ylim=(0, 1.12))
    axes.set_xticks(range(len(names)), names)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.draw_without_rendering()
    return figure
