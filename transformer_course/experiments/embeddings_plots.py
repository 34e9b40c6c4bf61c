"""What lesson 03 looks like: a lookup, a step, losses, comparisons, two banks.

Builds on: drawing, embeddings (experiments).  Lacks: neighbours and the map (embeddings_map).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from transformer_course.drawing import (
    FAINT,
    INK,
    KEY,
    QUERY,
    QUIET,
    SIGNED,
    VALUE,
    in_course_style,
)
from transformer_course.experiments.embeddings import PairScores, SimilarWords
from transformer_course.experiments.embeddings_analogies import Analogies
from transformer_course.experiments.embeddings_context import TwoBanks


@in_course_style
def table_picture(
    panels: Mapping[str, Float[Tensor, "rows columns"]],
    rows: Mapping[str, Sequence[str]],
    signs: Sequence[str] = (),
) -> Figure:
    """Draw small tables side by side, their numbers in the cells, one scale of colours for all.

    Args:
        panels: The tables by title.
        rows: Names of each table's rows, by the same titles.
        signs: What stands between the tables, such as "×" and "=".
    """
    widths = [table.shape[1] for table in panels.values()]
    height = max(table.shape[0] for table in panels.values())
    figure = Figure(figsize=(0.62 * sum(widths) + 1.55 * len(panels), 0.42 * height + 0.9))
    left = 0.0
    total = figure.get_figwidth()
    limit = max(table.abs().max().item() for table in panels.values())
    for place, (title, table) in enumerate(panels.items()):
        width = 0.62 * table.shape[1]
        tall = 0.42 * table.shape[0]
        box = (left + 1.15) / total, 0.12 / figure.get_figheight()
        top = figure.get_figheight() - 0.6 - tall
        axes = figure.add_axes(
            (box[0], top / figure.get_figheight(), width / total, tall / figure.get_figheight())
        )
        _draw_table(axes, title, table, rows[title], limit)
        left += width + 1.55
        if place < len(signs):
            figure.text((left - 0.22) / total, 0.5, signs[place], fontsize=18, ha="center")
    figure.draw_without_rendering()
    return figure


def _draw_table(axes: Axes, title: str, table: Tensor, names: Sequence[str], limit: float) -> None:
    numbers = table.detach().float().numpy()
    axes.imshow(numbers, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    axes.set_title(title, fontsize=11)
    axes.set_xticks([])
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), number in np.ndenumerate(numbers):
        shown = f"{number:.2f}".rstrip("0").rstrip(".").replace("-", "−")
        shade = "white" if abs(number) > 0.7 * limit else INK
        axes.text(column, row, shown or "0", ha="center", va="center", color=shade, fontsize=10)


@in_course_style
def step_picture(
    before: Mapping[str, Float[Tensor, "2"]], after: Mapping[str, Float[Tensor, "2"]]
) -> Figure:
    """Draw vectors of two numbers as arrows, and where one step of training moves them."""
    figure = Figure(figsize=(5.6, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for (name, old), colour in zip(before.items(), (QUERY, VALUE, KEY), strict=True):
        new = after[name]
        for ends, look, alpha in ((old, "--", 0.6), (new, "-", 1.0)):
            x, y = ends.tolist()
            axes.annotate(
                "",
                (x, y),
                (0, 0),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": colour,
                    "linestyle": look,
                    "linewidth": 2,
                    "alpha": alpha,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )
        x, y = new.tolist()
        left = colour == VALUE  # it ends beside the first one, on its left
        axes.annotate(
            name,
            (x, y),
            (-6 if left else 6, 6),
            textcoords="offset points",
            ha="right" if left else "left",
            color=colour,
            fontweight="bold",
        )
    axes.axhline(0, color=FAINT, zorder=0)
    axes.axvline(0, color=FAINT, zorder=0)
    axes.set(
        xlim=(-0.75, 1.6),
        ylim=(-0.85, 1.35),
        title="One step: dashed before, solid after",
        xlabel="first number",
        ylabel="second number",
        aspect="equal",
    )
    figure.draw_without_rendering()
    return figure


@in_course_style
def loss_curves(runs: Mapping[str, Sequence[float]], start: float) -> Figure:
    """Draw the losses of trainings, smoothed over 50 steps, and where all of them begin."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for (name, losses), colour, look in zip(
        runs.items(), (QUERY, KEY), ("-", (0, (5, 2))), strict=False
    ):
        window = min(50, len(losses))
        smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
        axes.plot(range(window, len(losses) + 1), smooth, color=colour, linestyle=look, label=name)
    axes.axhline(start, color=QUIET, linewidth=1, linestyle=(0, (5, 3)))
    axes.text(
        1,
        start,
        "knows nothing ",
        color=QUIET,
        va="bottom",
        ha="right",
        fontsize=9,
        transform=axes.get_yaxis_transform(),
    )
    axes.set(
        title="Loss while training, mean of the last 50 steps",
        xlabel="step",
        ylabel="loss of a pair",
    )
    axes.set_ylim(top=start + 0.3)
    axes.legend(loc="lower left")
    figure.draw_without_rendering()
    return figure


@in_course_style
def won_bars(found: SimilarWords) -> Figure:
    """Draw the share of comparisons that related pairs win, against both kinds of others."""
    names = {
        "trained": "the plays",
        "shuffled_plain": "shuffled,\nmean left in",
        "shuffled": "shuffled",
        "noise": "random\nvectors",
        "minilm": "MiniLM’s\ntable",
        "minilm_noise": "random, as\nMiniLM’s",
    }
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.add_subplot()
    looks = (("any two words", FAINT, INK), ("two words as frequent", QUERY, "white"))
    for kind, (label, colour, ink) in enumerate(looks):
        shares = [getattr(found, name)[kind] for name in names]
        places = np.arange(len(names)) + 0.4 * kind - 0.2
        axes.bar(places, shares, 0.38, color=colour, edgecolor=QUIET, label=f"against {label}")
        for place, share in zip(places, shares, strict=True):
            # Inside its bar, where the line of chance does not run.
            axes.text(
                place, share - 0.02, f"{share:.2f}", ha="center", va="top", fontsize=10, color=ink
            )
    axes.axhline(0.5, color=INK, linewidth=1, linestyle=(0, (5, 3)), zorder=0)
    axes.text(len(names) - 0.12, 0.51, "chance", ha="right", va="bottom", fontsize=9)
    axes.set_xticks(range(len(names)), list(names.values()))
    axes.set_xlim(-0.5, len(names) - 0.1)
    axes.set(
        title="Is a related pair closer? The mean of all vectors is taken off, but for one",
        ylabel="share of comparisons won",
        ylim=(0, 1.05),
    )
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.42), ncols=2)
    figure.draw_without_rendering()
    return figure


@in_course_style
def analogy_bars(found: Analogies) -> Figure:
    """Draw how many analogies come out right, by kind: with rules and without an example."""
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    axes = figure.add_subplot()
    looks = (
        ("allowed", "any word may be the answer", KEY, "//"),
        ("forbidden", "the question’s own words may not", QUERY, ""),
        ("third_alone", "nearest to the third word, no example", FAINT, ""),
    )
    for number, (name, label, colour, hatch) in enumerate(looks):
        shares = [getattr(scores, name) for scores in found.kinds.values()]
        places = np.arange(len(shares)) + 0.27 * (number - 1)
        axes.bar(places, shares, 0.25, color=colour, edgecolor=QUIET, hatch=hatch, label=label)
        for place, share in zip(places, shares, strict=True):
            axes.text(place, share + 0.01, f"{share:.2f}", ha="center", va="bottom", fontsize=9)
    axes.set_xticks(range(len(found.kinds)), list(found.kinds))
    axes.set(title="Analogies in MiniLM’s table", ylabel="share right", ylim=(0, 1.12))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.42), ncols=3, fontsize=9)
    figure.draw_without_rendering()
    return figure


@in_course_style
def cosine_histograms(panels: Mapping[str, PairScores]) -> Figure:
    """Draw how the cosines of related, of equally frequent and of any pairs are spread."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    bins = np.linspace(-0.6, 1, 33)
    drawn = figure.subplots(1, len(panels))
    for axes, (title, scores) in zip(drawn, panels.items(), strict=True):
        for cosines, colour, look, label in (
            (scores.random, QUIET, ":", "any two words"),
            (scores.matched, KEY, "--", "as frequent"),
            (scores.related, QUERY, "-", "related"),
        ):
            axes.hist(
                cosines.flatten().numpy(),
                bins=bins,
                density=True,
                histtype="step",
                color=colour,
                linestyle=look,
                linewidth=1.8,
                label=label,
            )
        axes.set(title=title, xlabel="cosine")
    highest = max(axes.get_ylim()[1] for axes in figure.axes)
    for axes in figure.axes:
        axes.set(ylabel="density (area: 1)", ylim=(0, highest))
    figure.axes[-1].legend(loc="upper right")
    figure.draw_without_rendering()
    return figure


@in_course_style
def bank_curves(banks: TwoBanks) -> Figure:
    """Draw how alike the two banks are, at the lookup, the input, and after each layer."""
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(banks.trained) + 1)
    names = ["table", "input", *(str(layer) for layer in range(1, len(banks.trained)))]
    for label, cosines, colour, marker in (
        ("MiniLM, trained", banks.trained, QUERY, "o"),
        ("same shape, untrained", banks.untrained, KEY, "s"),
    ):
        heights = [1.0, *cosines]
        axes.plot(places, heights, color=colour, marker=marker, label=label)
        side = 9 if colour == QUERY else -15
        for place, height in list(zip(places, heights, strict=True))[1:]:
            axes.annotate(
                f"{height:.2f}",
                (place, height),
                (0, side),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=colour,
            )
    axes.annotate("one row: 1.00", (0, 1), (4, 8), textcoords="offset points", fontsize=9)
    axes.set_xticks(places, names)
    axes.set(
        title="How alike are the two “bank”s?",
        xlabel="out of the table · with positions added · after layer …",
        ylabel="cosine",
        ylim=(0.5, 1.08),
        yticks=(0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    )
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.3))
    figure.draw_without_rendering()
    return figure
