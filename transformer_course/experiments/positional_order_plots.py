"""What lesson 04's contest looks like: who tells order, how far, and where in a sentence.

Builds on: drawing, positional_order, positional_mask.  Lacks: bags and clocks (positional_plots).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from transformer_course.drawing import INK, QUIET, WEIGHTS, in_course_style
from transformer_course.experiments.positional_mask import CausalOrder
from transformer_course.experiments.positional_order import LENGTHS, QUARTERS, OrderByScheme
from transformer_course.experiments.positional_plots import LINES


@in_course_style
def order_table(order: OrderByScheme) -> Figure:
    """Draw the share of right answers: a row for each scheme, a column for each length."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    names = ("as in training", "twice", "four times")
    labels = [f"{length} words\n({name})" for length, name in zip(LENGTHS, names, strict=True)]
    image = _shares(axes, order.right, labels)
    axes.set(title="Which came first? Share of right answers")
    figure.colorbar(image, ticks=[0, 0.5, 1], label="share right (bag: 0.5)")
    figure.draw_without_rendering()
    return figure


@in_course_style
def quarter_table(order: OrderByScheme) -> Figure:
    """Draw the share of right answers of the longest questions, by where the two words stand."""
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    labels = [f"{places[0]} to {places[-1]}" for places in QUARTERS]
    image = _shares(axes, order.by_quarter, labels)
    axes.set(title=f"Of {LENGTHS[-1]} words: where do river and money stand?")
    axes.set_xlabel(f"places among which both stand (the question: {LENGTHS[-1] - 1})")
    figure.colorbar(image, ticks=[0, 0.5, 1], label="share right (bag: 0.5)")
    figure.draw_without_rendering()
    return figure


def _shares(
    axes: Axes, by_scheme: Mapping[str, Sequence[float]], labels: Sequence[str]
) -> AxesImage:
    shares = np.array(list(by_scheme.values()))
    image = axes.imshow(shares, cmap=WEIGHTS, vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        colour = INK if share > 0.5 else "white"
        axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=colour)
    axes.set_yticks(range(len(by_scheme)), by_scheme)
    axes.set_xticks(range(len(labels)), labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


@in_course_style
def place_curves(order: CausalOrder) -> Figure:
    """Draw the place that a probe reads, on average, against the true one."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    lines: Mapping[str, Tensor] = {
        "looks back only (causal)": order.causal_places.means,
        "looks both ways": order.bidirectional_places.means,
    }
    for (name, means), (colour, marker) in zip(lines.items(), LINES, strict=False):
        axes.plot(means.tolist(), color=colour, marker=marker, label=name)
    last = len(order.causal_places.means) - 1
    axes.plot((0, last), (0, last), color=QUIET, linestyle=(0, (5, 3)), label="true place")
    axes.set(title="No positions: where does a word stand?", xlabel="true place of the word")
    axes.set(ylabel="place the probe reads, mean")
    axes.legend(loc="upper left")
    figure.draw_without_rendering()
    return figure
