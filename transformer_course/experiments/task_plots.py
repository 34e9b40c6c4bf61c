"""What lesson 08's experiments look like: the model on paper, one step of it, and digits of sums.

Builds on: drawing.  Lacks: the maps of the other two tasks, which are plain heat maps.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from transformer_course.drawing import (
    INK,
    KEY,
    QUERY,
    QUIET,
    SIGNED,
    VALUE,
    draw_weights,
    in_course_style,
)

PLACES = ("thousands", "hundreds", "tens", "units")
"""A sum of fewer digits has the last of these."""


@in_course_style
def digit_bars(digits: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the share of right digits at each place of the sum.

    Args:
        digits: Shares in the order of writing: "plain" begins at the thousands, "reversed" and
            "no_positions" at the units.
    """
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    axes = figure.add_subplot()
    names = PLACES[-len(digits["plain"]) :]
    bars = (
        ("highest digit first", digits["plain"], KEY, "", -0.27),
        ("lowest digit first", digits["reversed"][::-1], QUERY, "//", 0),
        ("lowest first, no positions", digits["no_positions"][::-1], VALUE, "..", 0.27),
    )
    for name, shares, colour, hatch, shift in bars:
        places = [place + shift for place in range(len(names))]
        axes.bar(places, shares, 0.25, color=colour, hatch=hatch, edgecolor="white", label=name)
        _write_above(axes, places, shares)
    axes.set(title="Right digits of unseen sums", ylabel="share right", ylim=(0, 1.12))
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("place in the sum")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.draw_without_rendering()
    return figure


@in_course_style
def maps_in_training(
    maps: Mapping[int, Float[Tensor, "query key"]], tokens: Sequence[str], title: str
) -> Figure:
    """Draw how a map of attention changes while its model is trained.

    Args:
        maps: By the number of steps done.
        tokens: Those of rows and columns.
        title: Stands above all maps.
    """
    figure = Figure(figsize=(2.5 * len(maps) + 0.9, 3.5), layout="compressed")
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for axes, (done, weights) in zip(panels, maps.items(), strict=True):
        seen = torch.ones_like(weights, dtype=torch.bool)
        image = draw_weights(axes, weights, tokens, tokens, mask=seen, cell=2.0 / len(tokens))
        axes.set_title(f"after {done} steps", fontsize=11)
        if axes is not panels[0]:
            axes.set_ylabel("")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    figure.colorbar(image, ax=list(panels), label="weight", shrink=0.7, ticks=[0, 0.5, 1])
    figure.draw_without_rendering()
    return figure


@in_course_style
def stream_tables(
    steps: Mapping[str, Float[Tensor, "length d_model"]], words: Sequence[str], names: Sequence[str]
) -> Figure:
    """Draw what becomes of each word's vector on its way through a small model, number by number.

    Args:
        steps: The vectors of all words after each step, by what the step is called.
        words: Whose vectors they are: a panel each.
        names: What each number of a vector stands for.
    """
    figure = Figure(figsize=(8.6, 4.6), layout="constrained")
    limit = max(vectors.abs().max().item() for vectors in steps.values())
    for place, (axes, word) in enumerate(
        zip(figure.subplots(1, len(words), sharey=True), words, strict=True)
    ):
        table = torch.stack([vectors[place] for vectors in steps.values()])
        image = axes.imshow(table.numpy(), cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
        for row, numbers in enumerate(table.tolist()):
            for column, number in enumerate(numbers):
                axes.text(
                    column,
                    row,
                    f"{number:.2f}".replace("-", "−"),
                    ha="center",
                    va="center",
                    color=_ink_on(image.to_rgba(number)),
                )
        axes.set_title(f"“{word}”")
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(steps)), list(steps))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("number of the stream")
    figure.axes[0].set_ylabel("step, from top to bottom")
    figure.colorbar(image, ax=figure.axes, label="value", shrink=0.7)
    figure.draw_without_rendering()
    return figure


@in_course_style
def step_bars(
    before: Float[Tensor, "length vocab"],
    after: Float[Tensor, "length vocab"],
    words: Sequence[str],
    targets: Sequence[str],
) -> Figure:
    """Draw the probabilities of the next word before and after a training step.

    Args:
        before: A row for each word that is read.
        after: The same after the step.
        words: All words there are, in the order of their ids; those read are the first of them.
        targets: The right next word after each word that is read.
    """
    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    panels = figure.subplots(1, len(targets), sharey=True)
    for place, (axes, target) in enumerate(zip(panels, targets, strict=True)):
        bars = (("before", before, QUIET, "", -0.2), ("after one step", after, QUERY, "//", 0.2))
        for name, rows, colour, hatch, shift in bars:
            places = [number + shift for number in range(len(words))]
            shares = rows[place].tolist()
            axes.bar(places, shares, 0.38, color=colour, hatch=hatch, edgecolor="white", label=name)
            _write_above(axes, places, shares)
        axes.set_title(f"after “{words[place]}”, right is “{target}”")
        axes.set_xticks(range(len(words)), words)
        axes.set_xlabel("next word")
        axes.set_ylim(0, 1)
    figure.axes[0].set_ylabel("probability of the next word")
    figure.axes[-1].legend(loc="upper left")
    figure.draw_without_rendering()
    return figure


def _ink_on(colour: Sequence[float]) -> str:
    """Choose white or dark, whichever is read better on a colour."""
    linear = [
        (part + 0.055) ** 2.4 / 1.055**2.4 if part > 0.04 else part / 12.92 for part in colour
    ]
    red, green, blue, *_ = linear
    # At 0.21 white and INK stand out alike.
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.21 else INK


def _write_above(axes: Axes, places: Sequence[float], heights: Sequence[float]) -> None:
    """Write each bar's height above it."""
    for place, height in zip(places, heights, strict=True):
        axes.annotate(
            f"{height:.2f}",
            (place, height),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
