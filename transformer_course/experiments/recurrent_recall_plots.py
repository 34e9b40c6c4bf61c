"""What lesson 01's recall looks like, by distance: the cliff, and what repairs it.

Builds on: drawing, recurrent_plots.  Lacks: the words beside the pictures (lesson 01).
"""

from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transformer_course.drawing import QUIET, in_course_style
from transformer_course.experiments.recurrent import MixedRecall, Recall
from transformer_course.experiments.recurrent_plots import LOOKS, name_lines
from transformer_course.experiments.recurrent_readers import CHANCE
from transformer_course.experiments.recurrent_stored import StoredRecall


@in_course_style
def recall_curves(found: Recall, stored: StoredRecall | None = None) -> Figure:
    """Draw recall by distance, a line a kind; what is stored goes on with hollow markers."""
    figure = Figure(figsize=(9.2, 4.6), layout="constrained")
    axes = figure.subplots()
    ends = {}
    for name, by_distance in found.accuracy.items():
        colour, marker, line = LOOKS[name]
        means = [found.mean(name, distance) for distance in by_distance]
        axes.plot(list(by_distance), means, line, color=colour, marker=marker, zorder=3)
        for distance, shares in by_distance.items():
            axes.plot([distance] * len(shares), shares, ".", color=colour, alpha=0.35, markersize=5)
        ends[name] = means[-1]
        if stored is not None:
            last = max(by_distance)
            beyond = {d: stored.mean(name, d) for d in stored.accuracy[name] if d > last}
            axes.plot(
                [last, *beyond], [means[-1], *beyond.values()], ":", color=colour, linewidth=1.2
            )
            axes.plot(
                list(beyond),
                list(beyond.values()),
                marker,
                color=colour,
                markerfacecolor="white",
                zorder=4,
            )
            ends[name] = list(beyond.values())[-1]
    recall_axes(axes)
    axes.set_title("Trained at one distance only: the first letter named")
    name_lines(axes, ends, log=False)
    figure.draw_without_rendering()
    return figure


def recall_axes(axes: Axes) -> None:
    """Label axes of recall by distance, and draw where chance lies."""
    axes.axhline(CHANCE, color=QUIET, linestyle=(0, (5, 3)), linewidth=1, zorder=1)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.08)
    ticks = [5, 10, 20, 50, 100, 200]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.text(4.9, CHANCE - 0.03, "chance", color=QUIET, va="top", ha="left", fontsize=9)
    axes.set(xlabel="distance of the first letter (log scale)", ylabel="share named rightly")


@in_course_style
def cliff_and_repair(cliff: Recall, mixed: MixedRecall, kind: str = "RNN") -> Figure:
    """Draw one kind twice: trained at each distance alone, and once on mixed distances."""
    figure = Figure(figsize=(9.2, 3.8), layout="constrained")
    axes = figure.subplots()
    colour, marker, _ = LOOKS[kind]
    alone = {distance: cliff.mean(kind, distance) for distance in cliff.distances}
    axes.plot(list(alone), list(alone.values()), color=colour, marker=marker)
    axes.annotate(
        f"{kind}, one distance only",
        (cliff.distances[-1], alone[cliff.distances[-1]]),
        (10, 8),
        textcoords="offset points",
        color=colour,
    )
    # Lines that lie on one another: the lowest is drawn broadest, so that all can be seen.
    looks = {"RNN": (7.0, -16), "LSTM": (4.0, -30), "attention": (1.5, -44)}
    for name, by_distance in mixed.accuracy.items():
        colour, marker, _ = LOOKS[name]
        means = [mixed.mean(name, distance) for distance in by_distance]
        axes.plot(
            list(by_distance),
            means,
            color=colour,
            marker=marker,
            markerfacecolor="white",
            linewidth=looks[name][0],
        )
        axes.annotate(
            f"{name}, distances 1 to 100 mixed",
            (max(by_distance), 1),
            (0, looks[name][1]),
            textcoords="offset points",
            color=colour,
            ha="right",
        )
    control = {distance: mean(shares) for distance, shares in mixed.without_near.items()}
    colour, marker, _ = LOOKS["RNN"]
    axes.plot(
        list(control), list(control.values()), ":", color=colour, marker=marker, mfc="white", ms=5
    )
    axes.annotate(
        "RNN, distances 20 to 100 mixed",
        (max(control), CHANCE),
        (0, -18),
        textcoords="offset points",
        color=colour,
        ha="right",
    )
    recall_axes(axes)
    axes.set_title("The same models, other lessons")
    figure.draw_without_rendering()
    return figure
