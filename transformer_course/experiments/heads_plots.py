"""What lesson 07's experiments look like: bars of bits, of sureness, of draws, of genres, of tasks.

Builds on: drawing, the other modules of heads.  Lacks: the words beside the pictures (lesson 07).
"""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

from transformer_course.drawing import (
    FAINT,
    INK,
    KEY,
    MASKED,
    QUERY,
    QUIET,
    VALUE,
    in_course_style,
    token_label,
)
from transformer_course.experiments.heads_digits import PATCH, SIDE, Digits, pixels_of
from transformer_course.experiments.heads_folds import LEAKY, METHODS, NAMELESS, GenreFolds
from transformer_course.experiments.heads_next import Reliability
from transformer_course.experiments.heads_task_list import MODELS
from transformer_course.experiments.heads_tasks import FiveTasks


@in_course_style
def word_bars(
    words: Sequence[str], panels: Mapping[str, Sequence[float]], ylabel: str = "probability"
) -> Figure:
    """Draw a few words' probabilities, a panel each; what has none is hatched grey.

    Args:
        words: Under the bars.
        panels: By title, the probabilities.
        ylabel: What the bars' height is.
    """
    figure = Figure(figsize=(2.3 * len(panels) + 0.8, 2.7), layout="constrained")
    for axes, (title, shares) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False).flat,
        panels.items(),
        strict=True,
    ):
        for place, share in enumerate(shares):
            if share:
                axes.bar(place, share, 0.7, color=QUERY)
            else:
                axes.bar(place, 0.05, 0.7, **MASKED)
            says = f"{share:.2f}" if share else "cut"
            axes.annotate(
                says,
                (place, share or 0.05),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
        axes.set_title(title, fontsize=11)
        axes.set_xticks(range(len(words)), words, rotation=35, ha="right", rotation_mode="anchor")
        axes.set_ylim(0, 1.1)
    figure.axes[0].set_ylabel(ylabel)
    figure.draw_without_rendering()
    return figure


@in_course_style
def bits_bars(bits: Mapping[str, float], ours: str) -> Figure:
    """Draw bits a character, a bar a model, the best at the bottom.

    Args:
        bits: By model.
        ours: The one that is lit.
    """
    figure = Figure(figsize=(7.4, 0.34 * len(bits) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    ranked = sorted(bits.items(), key=lambda item: -item[1])
    for place, (name, number) in enumerate(ranked):
        axes.barh(place, number, 0.72, color=QUERY if name == ours else "#BDBDBD")
        axes.text(number + 0.05, place, f"{number:.2f}", va="center", fontsize=10)
    axes.set_yticks(range(len(ranked)), [name for name, _ in ranked])
    axes.invert_yaxis()
    axes.set(
        title="A play that none of them has read",
        xlabel="bits a character (less is better)",
        xlim=(0, 1.1 * ranked[0][1]),
    )
    figure.draw_without_rendering()
    return figure


@in_course_style
def reliability_curves(measured: Mapping[str, Reliability]) -> Figure:
    """Draw how often tokens came against the probability that they were given.

    Args:
        measured: By name; the first is lit.
    """
    figure = Figure(figsize=(6.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    (diagonal,) = axes.plot((0, 1), (0, 1), color=QUIET, linewidth=1, label="as sure as right")
    diagonal.set_linestyle((0, (5, 3)))
    styles = ((QUERY, "o"), (VALUE, "^"), (KEY, "s"), (INK, "D"))
    for (name, found), (colour, marker) in zip(measured.items(), styles, strict=False):
        axes.plot(found.given, found.came, color=colour, marker=marker, label=name, clip_on=False)
    axes.set(
        title="How often did it come?",
        xlabel="probability that a token was given (mean of a bin)",
        ylabel="share of these that came",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    figure.draw_without_rendering()
    return figure


@in_course_style
def draws_grid(
    tokens: Mapping[int, str],
    rows: Mapping[str, Mapping[str, tuple[Float[Tensor, " vocab"], Float[Tensor, " vocab"]]]],
) -> Figure:
    """Draw each control by itself: a row a control, a panel a setting.

    Args:
        tokens: Those that are shown, by number.
        rows: By control and setting, the probabilities of all tokens and their shares of draws.
    """
    shown = list(tokens)
    columns = max(map(len, rows.values()))
    tallest = max(
        share[shown].max().item()
        for row in rows.values()
        for pair in row.values()
        for share in pair
    )
    figure = Figure(figsize=(10, 1.9 * len(rows) + 0.9), layout="constrained")
    grid = figure.subplots(len(rows), columns, sharex=True, sharey=True, squeeze=False)
    for line, (control, settings) in zip(grid, rows.items(), strict=True):
        for axes, (setting, (left, drawn)) in zip(line, settings.items(), strict=True):
            _draw_setting(axes, left[shown], drawn[shown], tallest)
            axes.set_title(f"{control} {setting}", fontsize=11)
        line[0].set_ylabel("probability")
    for axes in grid[-1]:
        labels = [token_label(token) for token in tokens.values()]
        axes.set_xticks(
            range(len(tokens)), labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=9
        )
    signs = (
        Patch(color=QUERY, label="probability that is left"),
        Patch(label="cut (height says nothing)", **MASKED),
        Line2D([], [], marker="o", color=KEY, linestyle="none", label="share of the draws"),
    )
    figure.legend(handles=signs, loc="outside upper right", ncols=3)
    figure.draw_without_rendering()
    return figure


def _draw_setting(axes: Axes, left: Tensor, drawn: Tensor, tallest: float) -> None:
    for place, share in enumerate(left.tolist()):
        if share:
            axes.bar(place, share, 0.72, color=QUERY)
        else:
            axes.bar(place, 0.06 * tallest, 0.72, **MASKED)
    kept = (left > 0).nonzero()[:, 0]
    axes.plot(kept, drawn[kept], "o", color=KEY, ms=4, mec="white", mew=0.6)
    axes.set_ylim(0, 1.1 * tallest)


@in_course_style
def genre_shares(folds: GenreFolds) -> Figure:
    """Draw the share of right genres by method, each with the range of 95 % over plays."""
    figure = Figure(figsize=(8.4, 4.1), layout="constrained")
    axes = figure.add_subplot()
    for place, method in enumerate(METHODS):
        low, high = folds.interval(method)
        share = folds.share(method)
        leaks = method in (LEAKY, NAMELESS)
        axes.plot((low, high), (place, place), color=KEY if leaks else QUERY, linewidth=2)
        axes.plot(
            share, place, "s" if leaks else "o", color=KEY if leaks else QUERY, ms=8, mec="white"
        )
        axes.text(high + 0.01, place, f"{share:.2f}", va="center", fontsize=10)
    axes.axhspan(METHODS.index(LEAKY) - 0.5, len(METHODS) - 0.5, color=FAINT, zorder=0)
    axes.set_yticks(range(len(METHODS)), METHODS)
    axes.invert_yaxis()
    axes.set(
        title=f"Which genre is this speech from? {sum(folds.speeches.values()):,} speeches",
        xlabel="share right; lines: 95 % if other plays had been drawn",
        xlim=(0.25, 0.85),
    )
    axes.set_ylim(len(METHODS) - 0.5, -0.5)
    figure.draw_without_rendering()
    return figure


@in_course_style
def digit_patches(digits: Digits, count: int = 6) -> Figure:
    """Draw the first images with the borders of their patches, and what each shows."""
    figure = Figure(figsize=(1.5 * count, 1.9), layout="constrained")
    side = SIDE // PATCH
    images = pixels_of(digits.words[:count]).unflatten(1, (side, side)).unflatten(3, (PATCH, PATCH))
    pictures = images.transpose(2, 3).reshape(-1, SIDE, SIDE)
    for axes, picture, label in zip(
        figure.subplots(1, count, squeeze=False).flat,
        pictures,
        digits.labels.tolist(),
        strict=False,
    ):
        axes.imshow(picture.numpy(), cmap="gray_r", vmin=0, vmax=1)
        for edge in range(PATCH, SIDE, PATCH):
            axes.axhline(edge - 0.5, color=QUERY, linewidth=1)
            axes.axvline(edge - 0.5, color=QUERY, linewidth=1)
        axes.set_title(str(label), loc="center")
        axes.spines[:].set(visible=True, color=QUIET)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.draw_without_rendering()
    return figure


SCORED = {
    "Shakespeare": "bits a character",
    "genre": "share right",
    "reverse": "all 16 right",
    "addition": "whole sum right",
    "digits": "share right",
}
"""What the numbers of a row are."""


@in_course_style
def task_table(tasks: FiveTasks) -> Figure:
    """Draw five tasks by five models: score, seconds, size; the best of a row framed."""
    names = list(tasks.rows)
    figure = Figure(figsize=(9.4, 0.62 * len(names) + 1.3))
    axes = figure.add_axes((0.18, 0.02, 0.81, 0.73))
    for row, name in enumerate(names):
        scores = [tasks.rows[name][model].score for model in MODELS]
        is_bits = name == "Shakespeare"
        best = min(scores) if is_bits else max(scores)
        for column, model in enumerate(MODELS):
            cell = tasks.rows[name][model]
            good = abs(cell.score - best) <= 0.01
            axes.add_patch(_cell(column, row, good=good))
            unit = " bits" if is_bits else ""
            axes.text(
                column + 0.5,
                row + 0.37,
                f"{cell.score:.2f}{unit}",
                ha="center",
                va="center",
                fontsize=12,
                fontweight="bold" if good else "normal",
            )
            axes.text(
                column + 0.5,
                row + 0.75,
                f"{cell.seconds:.1f} s · {cell.num_parameters / 1000:,.0f},000",
                ha="center",
                va="center",
                fontsize=8.5,
                color="#555555",
            )
    axes.set(xlim=(0, len(MODELS)), ylim=(len(names), 0))
    axes.set_xticks([place + 0.5 for place in range(len(MODELS))], MODELS)
    axes.set_yticks(
        [place + 0.5 for place in range(len(names))],
        [f"{name}\n{SCORED.get(name, '')}" for name in names],
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=11)
    axes.spines[:].set_visible(False)
    figure.text(0.01, 0.95, "Five tasks, one class, and what is simpler", fontweight="bold")
    small = "blue: within .01 of the best · small: processor seconds of training, parameters"
    figure.text(0.01, 0.895, small, fontsize=9.5)
    figure.draw_without_rendering()
    return figure


def _cell(column: int, row: int, *, good: bool) -> Rectangle:
    cell = Rectangle((column + 0.03, row + 0.05), 0.94, 0.9)
    cell.set(facecolor="#CFE5F3" if good else "#F4F4F4", edgecolor=QUERY if good else "none")
    cell.set_linewidth(1.5)
    return cell
