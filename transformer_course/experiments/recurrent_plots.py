"""What lesson 01's experiments look like: chains and links, curves by distance, times, two maps.

Builds on: drawing, the experiments on recurrent networks.  Lacks: the words beside the pictures.
"""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from transformer_course.drawing import (
    INK,
    KEY,
    QUERY,
    QUIET,
    VALUE,
    WEIGHTS,
    in_course_style,
    spread,
)
from transformer_course.experiments.recurrent import SET_TO_REMEMBER
from transformer_course.experiments.recurrent_influence import Influence

PURPLE = "#CC79A7"
LOOKS: Mapping[str, tuple[str, str, str]] = {
    "RNN": (QUERY, "o", "-"),
    "GRU": (PURPLE, "D", "-"),
    "LSTM": (VALUE, "^", "-"),
    SET_TO_REMEMBER: (VALUE, "v", "--"),
    "LSTM, keep bias 5": (VALUE, "P", ":"),
    "attention": (KEY, "s", "-"),
}
"""Colour, marker and line of each kind, the same in every picture of the lesson."""


@in_course_style
def chain_and_links(words: Sequence[str], source: int) -> Figure:
    """Draw how the last word hears of another: along a chain, and over one link.

    Args:
        words: Of a sentence.
        source: The place of the word that is to be heard of.
    """
    figure = Figure(figsize=(10.2, 3.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1.7, len(words) - 0.25), ylim=(0.2, 4.2), xticks=[], yticks=[])
    axes.set_axis_off()
    last = len(words) - 1
    for place, word in enumerate(words):
        strong = place in (source, last)
        axes.text(
            place,
            2.05,
            word,
            ha="center",
            va="center",
            fontsize=10.5,
            weight="bold" if strong else "normal",
        )
        _draw_state(axes, (place, 3.2), lit=place >= source)
        _draw_arrow(axes, (place, 2.3), (place, 2.97), lit=place == source)
        if place:
            _draw_arrow(axes, (place - 0.76, 3.2), (place - 0.24, 3.2), lit=place > source)
        if place < last:
            far = last - place
            _draw_arrow(axes, (place, 1.8), (last, 1.8), lit=place == source, bend=0.1 + 0.9 / far)
    axes.text(-1.6, 3.2, "RNN", weight="bold", va="center", color=QUERY, fontsize=13)
    axes.text(-1.6, 1.0, "attention", weight="bold", va="center", color=KEY, fontsize=13)
    steps = last - source
    axes.text(
        (source + last) / 2,
        4.0,
        f"{steps} steps from “{words[source]}” to “{words[last]}”, each waiting for the one before",
        ha="center",
        color=INK,
    )
    axes.text((source + last) / 2, 0.38, "1 step, from any word", ha="center", color=INK)
    return figure


def _draw_state(axes: Axes, place: tuple[float, float], *, lit: bool) -> None:
    look = {"facecolor": "#FFD24D", "edgecolor": "#7A4E00"} if lit else {"facecolor": "white"}
    axes.add_patch(Circle(place, 0.23, **{"edgecolor": QUIET, "linewidth": 1.4, **look}))


def _draw_arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    lit: bool,
    bend: float = 0.0,
) -> None:
    arrow = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        connectionstyle=f"arc3,rad={min(bend, 0.5) if bend else 0}",
        shrinkA=0,
        shrinkB=0,
        mutation_scale=13 if lit else 9,
        linewidth=2.4 if lit else 0.9,
        color="#7A4E00" if lit else "#BBBBBB",
        zorder=3 if lit else 1,
    )
    axes.add_patch(arrow)


@in_course_style
def one_number_memory(words: Sequence[str], source: int, weights: Sequence[float]) -> Figure:
    """Draw what is left of a word in a memory of one number, word by word, by recurrent weight."""
    figure = Figure(figsize=(9.2, 3.8), layout="constrained")
    axes = figure.subplots()
    places = range(len(words))
    for weight, marker, colour in zip(weights, "os^D", (QUERY, VALUE, INK, KEY), strict=False):
        left = [weight ** (place - source) if place >= source else 0.0 for place in places]
        axes.plot(places, left, color=colour, marker=marker, label=f"w = {weight:g}")
    axes.set_xticks(list(places), words, rotation=30)
    axes.set(
        title=f"What is left of “{words[source]}” in a memory of one number",
        ylabel="share left in the memory",
    )
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", title="recurrent weight", alignment="left")
    figure.draw_without_rendering()
    return figure


@in_course_style
def word_bars(words: Sequence[str], by_model: Mapping[str, Sequence[float]]) -> Figure:
    """Draw how much of the last answer's gradient falls on each word, a panel a model."""
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    for axes, (name, lengths) in zip(
        figure.subplots(1, len(by_model), sharey=True), by_model.items(), strict=True
    ):
        shares = [length / sum(lengths) for length in lengths]
        axes.bar(range(len(words)), shares, color=LOOKS[name][0], width=0.7)
        axes.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_title(f"{name}, untrained")
    figure.axes[0].set_ylabel("share of the gradient at “empty”")
    figure.draw_without_rendering()
    return figure


@in_course_style
def gradient_curves(by_distance: Mapping[str, Sequence[float]]) -> Figure:
    """Draw gradients by distance on a logarithmic scale, each as a share of that at distance 5."""
    figure = Figure(figsize=(9.2, 4.4), layout="constrained")
    axes = figure.subplots()
    ends = {}
    for name, curve in by_distance.items():
        colour, marker, line = LOOKS[name]
        shares = [length / curve[5] for length in curve[5:]]
        axes.plot(
            range(5, len(curve)),
            shares,
            line,
            color=colour,
            marker=marker,
            markevery=5,
            markersize=5,
        )
        ends[name] = shares[-1]
    axes.set_yscale("log")
    axes.set_ylim(3e-10, 30)
    label_powers(axes, range(-8, 1, 2))
    axes.set(
        title="Gradient of the answer by a letter, untrained models",
        xlabel="distance of the letter (steps before the last)",
        ylabel="norm, as a share of that at 5 (log scale)",
    )
    name_lines(axes, ends, log=True)
    axes.set_xlim(4.5, len(curve) - 0.5)  # room for half a marker at both ends
    figure.draw_without_rendering()
    return figure


def label_powers(axes: Axes, powers: Sequence[int]) -> None:
    """Label a logarithmic axis by powers of ten, in characters that need no formula."""
    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    named = {0: "1", 1: "10", 2: "100"}
    labels = [named.get(power, f"10{str(power).translate(digits)}") for power in powers]
    axes.set_yticks([10.0**power for power in powers], labels)
    axes.set_yticks([], minor=True)


def name_lines(axes: Axes, ends: Mapping[str, float], *, log: bool) -> None:
    """Write names at the right end of lines, as far apart as they need."""
    low, high = axes.get_ylim()
    scale = math.log10 if log else float
    bottom, top = scale(low), scale(high)
    ordered = sorted(ends, key=lambda name: ends[name])
    wanted = [(scale(max(ends[name], low)) - bottom) / (top - bottom) for name in ordered]
    for name, place in zip(ordered, spread(wanted, 0.06), strict=True):
        axes.text(
            1.015,
            place,
            name,
            transform=axes.transAxes,
            va="center",
            color=LOOKS[name][0],
            fontsize=10,
        )


@in_course_style
def influence_maps(found: Influence) -> Figure:
    """Draw both maps of every model: above by Jacobian, below by swapping."""
    figure = Figure(figsize=(11, 5.0), layout="compressed")
    grid = figure.subplots(2, len(found.maps), sharex=True, sharey=True)
    for column, (name, maps) in enumerate(found.maps.items()):
        for row, (shares, how) in enumerate(((maps.jacobian, "Jacobian"), (maps.swap, "swap"))):
            axes = grid[row][column]
            image = axes.imshow(shares.numpy(), cmap=WEIGHTS, vmin=0, vmax=1)
            last = len(shares) - 1
            axes.set_xticks([0, last], ["1", str(last + 1)])
            axes.set_yticks([0, last], ["1", str(last + 1)])
            if column == 0:
                axes.set_ylabel(f"by {how}\nplace asked")
            if row == 1:
                axes.set_xlabel("letter read")
        grid[0][column].set_title(
            f"{name.replace(', ', chr(10))}\nright: {maps.accuracy:.2f}", fontsize=11
        )
    figure.colorbar(image, ax=grid, label="share of the row", shrink=0.7, ticks=[0, 0.5, 1])
    figure.draw_without_rendering()
    return figure
