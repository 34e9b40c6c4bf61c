"""What lesson 05's experiments look like: curves, maps of scores, and links that are cut.

Builds on: drawing, attention, attention_cuts.  Lacks: the words beside the pictures (lesson 05).
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transformer_course.drawing import (
    INK,
    KEY,
    QUERY,
    QUIET,
    SIGNED,
    VALUE,
    in_course_style,
    label_cells,
)
from transformer_course.experiments.attention import NUM_KEYS, OrderInside, Softness
from transformer_course.experiments.attention_cuts import Page

COLOURS_AND_MARKERS = ((KEY, "s"), (QUERY, "o"), (VALUE, "^"))


@in_course_style
def softness_curves(softness: Softness) -> Figure:
    """Draw spread, top weight and Jacobian against the width, a line for each scaling."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    panels: Sequence[tuple[str, str, Mapping[str, Sequence[float]]]] = (
        ("Scores", "standard deviation", softness.spread),
        ("Weights", f"largest of {NUM_KEYS}, mean", softness.top_weight),
        ("Gradient", "norm of softmax’s Jacobian", softness.jacobian),
    )
    for axes, (title, label, lines) in zip(figure.subplots(1, 3), panels, strict=True):
        for (name, numbers), (colour, marker) in zip(
            lines.items(), COLOURS_AND_MARKERS, strict=True
        ):
            axes.plot(softness.widths, numbers, color=colour, marker=marker, label=f"× {name}")
        axes.set(title=title, ylabel=label, xlabel="width d_k (log scale)")
        axes.set_xscale("log", base=2)
        axes.set_xticks(softness.widths, [str(width) for width in softness.widths], fontsize=9)
        axes.set_ylim(bottom=0)
    figure.axes[0].legend(loc="upper left", title="scores", alignment="left")
    figure.axes[1].axhline(1 / NUM_KEYS, color=QUIET, linestyle=(0, (5, 3)), linewidth=1)
    figure.axes[1].text(
        softness.widths[0], 0.005, "all alike", color=QUIET, va="bottom", fontsize=9
    )
    figure.draw_without_rendering()
    return figure


@in_course_style
def position_scores(order: OrderInside) -> Figure:
    """Draw one query's and one key's score by their places, and the last row of equal tokens."""
    figure = Figure(figsize=(11, 3.7), layout="constrained")
    rotary, added, rows = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    for axes, name, title in (
        (rotary, "rotary", "RoPE"),
        (added, "sinusoidal", "Sinusoids added"),
    ):
        scores = order.scores[name]
        limit = scores.abs().max().item()
        image = axes.imshow(scores.numpy(), cmap=SIGNED, vmin=-limit, vmax=limit)
        places = [str(place) for place in range(len(scores))]
        label_cells(axes, places, places, cell=0.16)
        axes.set_title(title, pad=10)
        figure.colorbar(image, ax=axes, label="score", shrink=0.7)
    for (name, label), (colour, marker) in zip(
        {"plain": "no positions", "rotary": "RoPE", "alibi": "ALiBi"}.items(),
        COLOURS_AND_MARKERS,
        strict=True,
    ):
        rows.plot(order.last_row[name].tolist(), color=colour, marker=marker, label=label)
    rows.set(
        title="Twelve equal tokens", xlabel="place of the key", ylabel="weight in the last row"
    )
    rows.set_ylim(bottom=0)
    rows.set_xticks(range(0, len(order.last_row["plain"]), 2))
    rows.legend(loc="upper left")
    figure.draw_without_rendering()
    return figure


@in_course_style
def cut_bars(pages: Sequence[Page]) -> Figure:
    """Draw what a question gives each token, and what is left of the answer without that link.

    Args:
        pages: One for each question; a row of two panels each.
    """
    figure = Figure(figsize=(9.2, 2.7 * len(pages)), layout="constrained")
    for row, page in zip(figure.subplots(len(pages), 2, squeeze=False), pages, strict=True):
        weights = page.weights[-1].tolist()
        _draw_bars(row[0], page.tokens, weights, QUERY)
        _draw_bars(row[1], page.tokens, page.without, VALUE)
        row[1].axhline(
            page.probability, color=INK, linestyle=(0, (5, 3)), linewidth=1, label="no link cut"
        )
        row[1].legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
        row[0].set(title=f"{page.tokens[-1]} looks at", ylabel="weight", xlabel="link to")
        row[1].set(
            title=f"{page.tokens[-1]} Answer: “{page.answer}”",
            ylabel="p(answer)",
            xlabel="link that is cut",
        )
    figure.draw_without_rendering()
    return figure


def _draw_bars(axes: Axes, tokens: Sequence[str], heights: Sequence[float], colour: str) -> None:
    axes.bar(range(len(tokens)), heights, color=colour, width=0.6)
    for place, height in enumerate(heights):
        axes.annotate(
            f"{height:.2f}",
            (place, height),
            (0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=10,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "linewidth": 0},
        )
    axes.set_xticks(range(len(tokens)), tokens)
    axes.set_ylim(0, 1.18)
    axes.set_yticks([0, 0.5, 1])
