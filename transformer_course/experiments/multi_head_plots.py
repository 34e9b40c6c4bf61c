"""What lesson 06's experiments look like: maps side by side, tables of heads, lines by layer.

Builds on: drawing, the experiments of lesson 06.  Lacks: the words beside the pictures (lesson 06).
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from transformer_course.drawing import (
    INK,
    KEY,
    QUERY,
    QUIET,
    VALUE,
    WEIGHTS,
    draw_weights,
    in_course_style,
    token_label,
    write_numbers,
)
from transformer_course.experiments.multi_head import HeadTable
from transformer_course.experiments.multi_head_context import ContextArriving
from transformer_course.experiments.multi_head_minilm import PromisedHeads
from transformer_course.experiments.multi_head_scores import named

LIGHT_FROM = 0.5
"""Cells above this share of the scale are bright, and carry dark numbers."""

SMALLEST = 9
"""Points: smaller words cannot be read where a page shows a picture at half its size."""

RING = "#F5A3C7"
"""Stands around what is meant, and is found nowhere on the scale of weights."""


@in_course_style
def maps_side_by_side(
    maps: Mapping[str, Float[Tensor, "query key"]], words: Sequence[str]
) -> Figure:
    """Draw maps of the same few words, each under its title, with numbers in their cells."""
    cell = 0.62
    side = cell * len(words)
    figure = Figure(figsize=(len(maps) * (side + 1.25) + 0.8, side + 1.55), layout="compressed")
    row = figure.subplots(1, len(maps), squeeze=False)[0]
    for place, (axes, (title, weights)) in enumerate(zip(row, maps.items(), strict=True)):
        mask = torch.ones_like(weights, dtype=torch.bool)
        image = draw_weights(axes, weights, words, words, mask=mask, cell=cell)
        write_numbers(axes, weights, mask)
        axes.set_title(title, pad=12)
        if place:
            axes.set_ylabel("")
    figure.colorbar(image, ax=row, label="weight", shrink=0.8, ticks=[0, 0.5, 1])
    figure.draw_without_rendering()
    return figure


@in_course_style
def layer_maps(
    weights: Float[Tensor, "head query key"], tokens: Sequence[str], layer: int, columns: int = 4
) -> Figure:
    """Draw every head of a layer as a small map; the tokens are named at the edge."""
    rows = -(-len(weights) // columns)
    # A map is as large as its tokens need, each of which has a line to itself.
    side = max(1.2, 1.13 * SMALLEST / 72 * len(tokens))
    size = (columns * (side + 0.08) + 0.95, rows * (side + 0.29) + 1.4)
    figure = Figure(figsize=size, layout="compressed")
    grid = figure.subplots(rows, columns, squeeze=False)
    labels = [token_label(token) for token in tokens]
    for axes in grid.flat[len(weights) :]:
        axes.set_visible(False)
    for head, axes in enumerate(grid.flat[: len(weights)]):
        image = axes.imshow(weights[head].detach().numpy(), cmap=WEIGHTS, vmin=0, vmax=1)
        axes.set_title(named(layer, head), fontsize=11, pad=4)
        axes.set_xticks(range(len(tokens)), labels, rotation=90, fontsize=SMALLEST)
        axes.set_yticks(range(len(tokens)), labels, fontsize=SMALLEST)
        axes.tick_params(length=0, labelbottom=head >= len(weights) - columns)
        axes.tick_params(labelleft=head % columns == 0)
        axes.spines[:].set_visible(False)
    figure.supylabel("asks (query)", color=QUERY, fontsize=10)
    figure.supxlabel("answers (key)", color=KEY, fontsize=10)
    # Above, since the width of a page is what the words are short of.
    scale = figure.colorbar(
        image, ax=grid, location="top", anchor=(1, 0), pad=0.01, shrink=0.24, aspect=18
    )
    scale.set_label("weight")
    scale.set_ticks([0, 0.5, 1])
    figure.draw_without_rendering()
    return figure


@in_course_style
def head_rows(
    rows: Mapping[str, Float[Tensor, " key"]], tokens: Sequence[str], title: str
) -> Figure:
    """Draw one row of weights for each name, with numbers in the cells, over the same tokens."""
    figure = Figure(figsize=(10.4, 0.42 * len(rows) + 1.7), layout="compressed")
    weights = torch.stack(list(rows.values()))
    mask = torch.ones_like(weights, dtype=torch.bool)
    # A space in a token would be shown as a dot; these labels are no tokens.
    labels = [name.replace(" ", "\N{NO-BREAK SPACE}") for name in rows]
    axes = figure.add_subplot()
    image = draw_weights(axes, weights, labels, tokens, mask=mask, cell=0.42)
    write_numbers(axes, weights, mask)
    axes.set_aspect("auto")
    axes.set_ylabel("head, asks (query)")
    figure.colorbar(image, ax=axes, label="weight", shrink=0.8, ticks=[0, 0.5, 1])
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    figure.draw_without_rendering()
    return figure


@in_course_style
def roles_and_costs(table: HeadTable) -> Figure:
    """Draw each head's scores by role, and beside them what it costs to go without it."""
    layers, heads = table.costs.shape
    names = [named(layer, head) for layer in range(layers) for head in range(heads)]
    scores = torch.stack([table.scores[role].flatten() for role in table.scores], dim=1)
    figure = Figure(figsize=(9.6, 0.42 * len(names) + 2.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1), sharey=True)
    image = left.imshow(scores.numpy(), cmap=WEIGHTS, vmin=0, vmax=1, aspect="auto")
    write_numbers(left, scores, torch.ones_like(scores, dtype=torch.bool))
    left.set_yticks(range(len(names)), names)
    left.set_xticks(range(len(table.scores)), list(table.scores))
    left.xaxis.tick_top()
    left.tick_params(length=0)
    left.spines[:].set_visible(False)
    left.set_ylabel("head (layer.number)")
    left.set_title("Where it looks", pad=10)
    row = 1 / len(names)
    scale = left.inset_axes((0, -0.5 * row, 1, 0.25 * row))
    figure.colorbar(
        image, cax=scale, label="mean weight", orientation="horizontal", ticks=[0, 0.5, 1]
    )
    costs = table.costs.flatten().tolist()
    right.barh(range(len(names)), costs, color=VALUE, height=0.6)
    for place, cost in enumerate(costs):
        right.annotate(
            f"{cost:.2f}", (max(cost, 0), place), (4, 0), textcoords="offset points", va="center"
        )
    right.set_xlim(0, max(costs) * 1.2)
    right.tick_params(axis="y", length=0, labelleft=False)
    right.set_xlabel("rise of the loss without it (nats)")
    right.set_title("What it is worth", pad=10)
    figure.align_titles()
    figure.draw_without_rendering()
    return figure


KINDS_OF_HINT = {
    "own": "its own hint",
    "neutral": "a neutral word there",
    "other": "the other hint",
}
KINDS_OF_ADJECTIVE = {
    "opposite": "its opposite",
    "alike": "a synonym",
    "unrelated": "another kind",
}
COLOURS = (QUERY, KEY, QUIET)
HATCHES = ("", "//", "..")


@in_course_style
def promised_bars(
    found: PromisedHeads,
    hint_heads: Sequence[tuple[int, int]],
    adjective_heads: Sequence[tuple[int, int]],
) -> Figure:
    """Draw where some heads look: from ambiguous words to hints, and from adjective to adjective.

    Args:
        found: What was measured on sentences that were not searched in.
        hint_heads: Those in the first two panels.
        adjective_heads: Those in the last.
    """
    figure = Figure(figsize=(11, 3.7), layout="constrained")
    beside, elsewhere, adjectives = figure.subplots(1, 3, sharey=True, width_ratios=(4, 4, 3))
    hints = found.hints
    for axes, chosen, title in (
        (beside, hints.beside, "Hint right before the word"),
        (elsewhere, ~hints.beside, "Hint elsewhere"),
    ):
        _grouped_bars(
            axes,
            [named(*head) for head in hint_heads],
            {
                words: [hints.mean(kind, head, chosen) for head in hint_heads]
                for kind, words in KINDS_OF_HINT.items()
            },
        )
        axes.set(title=title, xlabel="head")
    _grouped_bars(
        adjectives,
        [named(*head) for head in adjective_heads],
        {
            words: [found.contrasts.mean(kind, head) for head in adjective_heads]
            for kind, words in KINDS_OF_ADJECTIVE.items()
        },
    )
    adjectives.set(title="Adjective to adjective", xlabel="head")
    beside.set_ylabel("mean weight")
    beside.set_ylim(0, 1.18)
    beside.set_yticks([0, 0.5, 1])
    elsewhere.legend(loc="upper right", title="from the word to", alignment="left")
    adjectives.legend(loc="upper right", title="from an adjective to", alignment="left")
    figure.draw_without_rendering()
    return figure


def _grouped_bars(axes: Axes, names: Sequence[str], groups: Mapping[str, Sequence[float]]) -> None:
    width = 0.8 / len(groups)
    looks = zip(groups.items(), COLOURS, HATCHES, strict=True)
    for number, ((label, heights), colour, hatch) in enumerate(looks):
        places = [place + (number - 1) * width for place in range(len(names))]
        axes.bar(places, heights, width, color=colour, hatch=hatch, edgecolor="white", label=label)
        for place, height in zip(places, heights, strict=True):
            axes.annotate(
                f"{height:.2f}",
                (place, height),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=SMALLEST,
                rotation=90,
            )
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", length=0)


@in_course_style
def change_map(changes: Float[Tensor, "layer head"], ringed: Sequence[tuple[int, int]]) -> Figure:
    """Draw what going without each head changes, some heads ringed.

    Args:
        changes: 1 − cosine of sentence vectors, by layer and head.
        ringed: Layer and number of these heads.
    """
    figure = Figure(figsize=(9.6, 3.7), layout="constrained")
    axes = figure.add_subplot()
    thousandths = changes * 1_000
    top = thousandths.max().item()
    image = axes.imshow(thousandths.numpy(), cmap=WEIGHTS, vmin=0, vmax=top, aspect="auto")
    for layer, head in torch.cartesian_prod(*map(torch.arange, changes.shape)).tolist():
        number = thousandths[layer, head].item()
        colour = "white" if number < LIGHT_FROM * top else INK
        axes.text(head, layer, f"{number:.1f}", ha="center", va="center", fontsize=9, color=colour)
    for layer, head in ringed:
        corner = (head - 0.47, layer - 0.45)
        axes.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor=RING, linewidth=2.5))
    axes.set_xticks(range(changes.shape[1]))
    axes.set_yticks(range(changes.shape[0]))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="head", ylabel="layer")
    axes.set_title("Turn of the sentence vector without one head, in thousandths", pad=8)
    figure.colorbar(image, ax=axes, label="1000 × (1 − cosine)", shrink=0.9)
    figure.draw_without_rendering()
    return figure


@in_course_style
def cosines_by_layer(context: ContextArriving) -> Figure:
    """Draw how alike one word's vectors are behind two hints, layer by layer, with the controls."""
    figure = Figure(figsize=(8.6, 4.0), layout="constrained")
    axes = figure.add_subplot()
    trained, untrained = context.trained, context.untrained
    lines = (
        ("same sentence twice", trained.same_sentence, QUIET, "D", "-"),
        ("one sense", trained.one_sense, VALUE, "^", "-"),
        ("two senses", trained.two_senses, KEY, "s", "-"),
        ("shuffled, one sense", untrained.one_sense, VALUE, "^", ":"),
        ("shuffled, two senses", untrained.two_senses, KEY, "s", ":"),
    )
    for label, cosines, colour, marker, style in lines:
        means = cosines.mean(0).tolist()
        axes.plot(
            means,
            color=colour,
            marker=marker,
            linestyle=style,
            label=label,
            markerfacecolor=(colour if style == "-" else "white"),
        )
    states = range(trained.one_sense.shape[1])
    axes.set_xticks(states, ["as it\nenters", *(f"layer {layer}" for layer in states[:-1])])
    axes.set_ylabel("cosine, mean over 26 words")
    axes.set_title("One word behind two hints")
    axes.legend(loc="lower left")
    figure.draw_without_rendering()
    return figure
