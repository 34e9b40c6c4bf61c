"""What lesson 04's experiments look like: bags, clocks, tables, turned arrows.

Builds on: drawing, positional.  Lacks: who can tell order (positional_order_plots).
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, ConnectionPatch
from torch import Tensor

from transformer_course.drawing import (
    FAINT,
    INK,
    KEY,
    QUERY,
    QUIET,
    SIGNED,
    VALUE,
    WEIGHTS,
    in_course_style,
)
from transformer_course.experiments.positional import SumsProbed

ORCHID = "#CC79A7"
LINES = ((QUERY, "o"), (KEY, "s"), (VALUE, "^"), (ORCHID, "D"), (QUIET, "v"))
"""Colours with markers, for up to five lines in one picture."""


@in_course_style
def two_orders(
    first: tuple[Sequence[str], Float[Tensor, "word width"]],
    second: tuple[Sequence[str], Float[Tensor, "word width"]],
) -> Figure:
    """Draw what attention makes of the same words in two orders, equal words joined by lines.

    Args:
        first: The words, and the vector that comes out at each.
        second: The same words in another order, and theirs.
    """
    figure = Figure(figsize=(9.4, 4.6))
    left, right = (figure.add_axes((start, 0.12, 0.26, 0.8)) for start in (0.1, 0.5))
    limit = max(vectors.abs().max().item() for _, vectors in (first, second))
    for axes, (words, vectors), title in ((left, first, "In order"), (right, second, "Shuffled")):
        image = _signed_map(axes, vectors, limit)
        axes.set_yticks(range(len(words)), words)
        axes.set_xticks(range(vectors.shape[1]))
        axes.set(title=title, xlabel="number of the vector")
        axes.tick_params(length=0)
    right.yaxis.tick_right()
    figure.colorbar(image, cax=figure.add_axes((0.88, 0.2, 0.015, 0.6)), label="output")
    for row, other in matched(first[0], second[0]):
        across = ConnectionPatch(
            (first[1].shape[1] - 0.5, row), (-0.5, other), "data", "data", axesA=left, axesB=right
        )
        across.set(color=QUIET, linewidth=0.8)
        figure.add_artist(across)
    figure.draw_without_rendering()
    return figure


def matched(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int]]:
    """Pair each word of a list with the same word in another order; of equal ones in turn."""
    left = list(range(len(second)))
    pairs = []
    for row, word in enumerate(first):
        other = next(place for place in left if second[place].casefold() == word.casefold())
        left.remove(other)
        pairs.append((row, other))
    return pairs


def _signed_map(axes: Axes, numbers: Float[Tensor, "row column"], limit: float) -> AxesImage:
    image = axes.imshow(numbers.numpy(), cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    image.set_interpolation("nearest")
    axes.spines[:].set_visible(False)
    return image


@in_course_style
def clock_faces(table: Float[Tensor, "place width"], frequencies: Sequence[float]) -> Figure:
    """Draw each pair of each row as the hand of a clock: right by the sine, up by the cosine.

    Args:
        table: A few rows of sinusoids.
        frequencies: What each pair turns by, in radians a place.
    """
    places, pairs = table.shape[0], table.shape[1] // 2
    figure = Figure(figsize=(1.75 * places + 1.3, 1.9 * pairs + 0.5), layout="constrained")
    for pair, row in enumerate(figure.subplots(pairs, places, squeeze=False)):
        for place, axes in enumerate(row):
            sine, cosine = table[place, 2 * pair : 2 * pair + 2].tolist()
            draw_clock(axes, sine, cosine)
            axes.set_xlabel(f"({sine:.2f}, {cosine:.2f})".replace("-", "−"), color=INK)
            if pair == 0:
                axes.set_title(f"place {place}", loc="center")
        row[0].set_ylabel(
            f"pair {pair}:\n{frequencies[pair]:g} rad a place", rotation=0, ha="right"
        )
        row[0].yaxis.set_label_coords(-0.12, 0.4)
    figure.draw_without_rendering()
    return figure


def draw_clock(axes: Axes, sine: float, cosine: float) -> tuple[Line2D, Line2D]:
    """Draw one hand: at 12 o'clock for the angle 0, and clockwise from there.

    Returns:
        The hand and its tip, which `set_data` moves.
    """
    axes.add_patch(Circle((0, 0), 1, facecolor="white", edgecolor=QUIET, linewidth=1))
    for hour in range(12):
        angle = math.pi * hour / 6
        across, up = math.sin(angle), math.cos(angle)
        axes.plot((0.88 * across, across), (0.88 * up, up), color=QUIET, linewidth=0.8)
    axes.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    (hand,) = axes.plot((0, sine), (0, cosine), color=QUERY, linewidth=2.5)
    (tip,) = axes.plot([sine], [cosine], "o", color=QUERY, markersize=5)
    return hand, tip


@in_course_style
def table_map(table: Float[Tensor, "place width"]) -> Figure:
    """Draw a table of sinusoids: a row for each place, a column for each number."""
    figure = Figure(figsize=(7.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    image = _signed_map(axes, table, 1.0)
    axes.set(title="A row for each place", xlabel="number of the vector", ylabel="place")
    figure.colorbar(image, label="added to the word", ticks=[-1, 0, 1], shrink=0.8)
    figure.draw_without_rendering()
    return figure


@in_course_style
def dot_curves(table: Float[Tensor, "place width"], starts: Sequence[int] = (0, 5, 20)) -> Figure:
    """Draw dot products of rows against their distance, with cosines and without.

    Args:
        table: Sinusoids, each beside its cosine.
        starts: The rows that are multiplied with those after them.
    """
    figure = Figure(figsize=(9.4, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    num_steps = len(table) - max(starts)
    for axes, columns, title in (
        (panels[0], table, "Sine and cosine"),
        (panels[1], table[:, ::2], "Sine alone"),
    ):
        for start, (colour, marker) in zip(starts, LINES, strict=False):
            products = columns[start : start + num_steps] @ columns[start]
            axes.plot(
                products.tolist(),
                color=colour,
                marker=marker,
                markersize=8 - 2 * starts.index(start),
                markerfacecolor="none",
                linewidth=1.2,
                markevery=2,
                label=f"from place {start}",
            )
        axes.set(title=title, xlabel="distance (places)", ylabel="dot product of two rows")
        axes.legend(loc="upper right")
    panels[0].set_ylim(bottom=0)
    figure.draw_without_rendering()
    return figure


@in_course_style
def probe_curves(probed: SumsProbed) -> Figure:
    """Draw how often word and place are recovered from their sum."""
    figure = Figure(figsize=(9.4, 3.6), layout="constrained")
    curves, bars = figure.subplots(1, 2, width_ratios=(1.3, 1))
    widths = list(probed.by_width)
    for part, (colour, marker) in zip(("word", "place"), LINES, strict=False):
        shares = [getattr(found, part) for found in probed.by_width.values()]
        curves.plot(widths, shares, color=colour, marker=marker, label=f"which {part}")
    curves.set_xscale("log", base=2)
    curves.set_xticks(widths, [str(width) for width in widths])
    curves.set(title="Random words + sinusoids", xlabel="numbers in a vector (log scale)")
    curves.set(ylabel="share recovered", ylim=(0, 1.08))
    curves.legend(loc="lower right")
    cases = {"fitted as it is": probed.minilm, "targets shuffled": probed.shuffled}
    for part, colour, hatch, shift in (("word", QUERY, "", -0.2), ("place", KEY, "//", 0.2)):
        heights = [getattr(found, part) for found in cases.values()]
        spots = [place + shift for place in range(len(cases))]
        bars.bar(spots, heights, 0.36, color=colour, hatch=hatch, edgecolor="white", label=part)
        for spot, height in zip(spots, heights, strict=True):
            bars.annotate(
                f"{height:.2f}", (spot, height), (0, 3), textcoords="offset points", ha="center"
            )
    bars.set_xticks(range(len(cases)), cases)
    bars.set(title="MiniLM’s own words + places", ylim=(0, 1.18), xlabel="probe")
    bars.legend(loc="upper right")
    figure.draw_without_rendering()
    return figure


@in_course_style
def turned_arrows(
    pairs: Sequence[tuple[str, Float[Tensor, "2"], Float[Tensor, "2"]]],
) -> Figure:
    """Draw two vectors at two pairs of places, each turned by its place.

    Args:
        pairs: For each panel its title, the first vector as turned, and the second.
    """
    figure = Figure(figsize=(4.2 * len(pairs), 4.0), layout="constrained")
    reach = 1.15 * max(vector.norm().item() for _, *both in pairs for vector in both)
    for axes, (title, one, other) in zip(
        figure.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True
    ):
        axes.axhline(0, color=FAINT, zorder=0)
        axes.axvline(0, color=FAINT, zorder=0)
        for vector, colour, letter in ((one, QUERY, "q"), (other, KEY, "k")):
            tip = vector.tolist()
            style = {"arrowstyle": "-|>", "color": colour, "linewidth": 2.2, "shrinkA": 0}
            axes.annotate("", tip, (0, 0), arrowprops={**style, "shrinkB": 0})
            beyond = [number * (1 + 0.16 / max(vector.norm().item(), 1e-9)) for number in tip]
            axes.text(*beyond, letter, color=colour, weight="bold", ha="center", va="center")
        product = f"{(one @ other).item():.2f}".replace("-", "−")
        axes.set(title=f"{title}: q · k = {product}", aspect="equal")
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="first number")
        axes.set_ylabel("second number")
    figure.draw_without_rendering()
    return figure


@in_course_style
def bias_rows(
    biases: Float[Tensor, "query key"], queries: Sequence[str], keys: Sequence[str]
) -> Figure:
    """Draw what some words pay for looking at each word of a sentence."""
    figure = Figure(figsize=(9.4, 1.0 + 0.5 * len(queries)), layout="constrained")
    axes = figure.add_subplot()
    limit = biases.abs().max().item()
    # The lightest third of the colours: on it every number can be read in ink.
    axes.imshow(biases.numpy(), cmap=WEIGHTS, vmin=-3 * limit, vmax=0, aspect="auto")
    for (row, column), bias in np.ndenumerate(biases.numpy()):
        label = f"{bias + 0:.1f}".replace("-", "−")
        axes.text(column, row, label, ha="center", va="center", color=INK)
    axes.set_yticks(range(len(queries)), queries)
    axes.set_xticks(range(len(keys)), keys, fontsize=10)
    axes.set_ylabel("asks (query)", color=QUERY)
    axes.set_xlabel("answers (key)", color=KEY)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.draw_without_rendering()
    return figure
