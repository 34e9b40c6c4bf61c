"""What lesson 00 shows: pages of text, what a model expected, and where 72 heads look.

Builds on: drawing, first_look.  Lacks: the words beside the pictures (lesson 00).
"""

import math
import textwrap
from collections.abc import Sequence

import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from transformer_course.device import one_thread
from transformer_course.drawing import (
    INK,
    KEY,
    QUERY,
    QUIET,
    WEIGHTS,
    in_course_style,
    token_label,
)
from transformer_course.experiments.first_look import Answers
from transformer_course.experiments.first_look_bank import HEAD, LAYER, BankHeads
from transformer_course.generation import generate
from transformer_course.trained import TrainedWriter

LINE_LENGTH, LINES = 44, 15
INDENT = "   "
"""What a line that was broken goes on after."""
FEW = 0.1


@in_course_style
def written_pages(
    writer: TrainedWriter,
    prompt: str,
    temperatures: Sequence[float],
    *,
    num_tokens: int = 200,
    seed: int = 1,
) -> Figure:
    """Let the model write once at each temperature, and set the pages side by side.

    Args:
        writer: The model.
        prompt: What it goes on from.
        temperatures: One a page.
        num_tokens: How much it writes; what a page does not hold is left out.
        seed: Of each page.
    """
    figure = Figure(figsize=(11, 3.8))
    for number, temperature in enumerate(temperatures):
        with one_thread():
            (ids,) = generate(
                writer.model,
                [writer.tokenizer.encode(prompt)],
                num_tokens,
                temperature=temperature,
                generator=torch.Generator().manual_seed(seed),
            )
        axes = figure.add_axes(
            (number / len(temperatures) + 0.01, 0.02, 1 / len(temperatures) - 0.02, 0.86)
        )
        _draw_page(axes, prompt + writer.tokenizer.decode(ids))
        axes.set_title(f"temperature {temperature:g}")
    figure.draw_without_rendering()
    return figure


def first_lines(pages: Figure, page: int, count: int = 4) -> str:
    """Return the lines on top of a page, for the words beside the picture; broken ones are whole.

    Args:
        pages: What `written_pages` returned.
        page: Counted from 0.
        count: How many lines, those that only name the speaker included, empty ones not.
    """
    text = pages.axes[page].texts[0].get_text().replace(f"\n{INDENT}", " ")
    return " / ".join([line for line in text.split("\n") if line][:count])


def _draw_page(axes: Axes, text: str) -> None:
    # The font has no sign for every byte that a bold model may come up with.
    plain = "".join(sign if sign == "\n" or " " <= sign <= "~" else "?" for sign in text)
    lines = [
        piece
        for line in plain.split("\n")
        for piece in textwrap.wrap(line, LINE_LENGTH, subsequent_indent=INDENT) or [""]
    ]
    axes.text(
        0.03,
        0.96,
        "\n".join([*lines[:LINES], "…"] if len(lines) > LINES else lines),
        family="DejaVu Sans Mono",
        fontsize=9,
        va="top",
        linespacing=1.35,
    )
    axes.set(xticks=[], yticks=[], facecolor="#FAF8F2", xlim=(0, 1), ylim=(0, 1))


@in_course_style
def expected_tokens(found: Answers, start: int = 0) -> Figure:
    """Draw a text token by token, each coloured by how probable the model found it.

    Args:
        found: What the model said at each place.
        start: How many places are left out at the beginning.
    """
    columns = 10
    shown = list(zip(found.wanted, found.probabilities, strict=True))[start:]
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(10, 0.85 * rows + 0.75), layout="constrained")
    axes = figure.add_subplot()
    shades = colormaps[WEIGHTS]
    for place, (token, probability) in enumerate(shown):
        row, column = divmod(place, columns)
        axes.add_patch(
            Rectangle((column + 0.03, row + 0.06), 0.94, 0.88, color=shades(probability))
        )
        ink = "white" if probability < 0.5 else INK
        for height, words, size in (
            (0.36, token_label(token), 12),
            (0.72, f"{probability:.2f}", 10),
        ):
            axes.text(
                column + 0.5,
                row + height,
                words,
                fontsize=size,
                color=ink,
                ha="center",
                va="center",
            )
    axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title("What came next, and how probable the model had found it")
    scale = figure.colorbar(
        ScalarMappable(Normalize(0, 1), WEIGHTS),
        ax=axes,
        label="probability",
        shrink=0.9,
        ticks=[0, 0.5, 1],
    )
    scale.outline.set_visible(False)
    figure.draw_without_rendering()
    return figure


@in_course_style
def heads_towards_river(heads: BankHeads) -> Figure:
    """Draw the weight from "bank" to "river" of every head: first bank, second bank, untrained.

    Head 0.4 has its numbers beside it, and so has the head that gives most from the second bank.

    Args:
        heads: The weights.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.add_subplot()
    rows = (
        ("first “bank”", heads.first, QUERY, "o"),
        ("financial “bank”", heads.second, KEY, "s"),
        ("before training", heads.untrained, QUIET, "^"),
    )
    for height, (_, weights, colour, marker) in enumerate(rows):
        points = weights.flatten().tolist()
        axes.plot(points, [height] * len(points), marker, color=colour, alpha=0.55, markersize=7)
        few = sum(weight < FEW for weight in points)
        axes.annotate(
            f"{few} of {len(points)} below {FEW:g}",
            (0, height),
            (0, -17),
            textcoords="offset points",
            fontsize=10,
        )
    most = divmod(int(heads.second.argmax()), heads.second.shape[1])
    for height, weights in enumerate((heads.first, heads.second)):
        # One label above and one below: the two heads may lie near each other.
        for (layer, head), above in {most: -17, (LAYER, HEAD): 9}.items():
            mine = weights[layer, head].item()
            axes.annotate(
                f"head {layer}.{head}: {mine:.2f}",
                (mine, height),
                (0, above),
                textcoords="offset points",
                ha="center",
                fontsize=10,
            )
    axes.set_yticks(range(3), [name for name, *_ in rows])
    axes.set(
        xlim=(-0.02, 1),
        ylim=(2.5, -0.7),
        xlabel="weight on “river”",
        title="Few of 72 heads look at “river”",
    )
    figure.draw_without_rendering()
    return figure
