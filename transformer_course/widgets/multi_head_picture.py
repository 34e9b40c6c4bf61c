"""What the widget of lesson 06 draws: all heads as a grid, and one head's map of two sentences.

Builds on: drawing, multi_head_scene.  Lacks: the controls (multi_head).
"""

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from transformer_course.drawing import INK, KEY, QUERY, WEIGHTS, draw_weights, in_course_style
from transformer_course.experiments.multi_head_scores import named
from transformer_course.widgets.multi_head_scene import HeadScene

GRID_WIDTH, GRID_HEIGHT = 8.4, 3.0
MAPS_WIDTH, MAPS_HEIGHT = 10.4, 4.9
"""In inches."""

RING = "#F5A3C7"


@in_course_style
def grid_picture(scene: HeadScene) -> Figure:
    """Draw a cell for each head, the chosen one ringed."""
    figure = Figure(figsize=(GRID_WIDTH, GRID_HEIGHT), layout="constrained")
    _draw_grid(figure.add_subplot(), scene)
    figure.draw_without_rendering()
    return figure


def _draw_grid(axes: Axes, scene: HeadScene) -> None:
    choice = scene.choice
    image = axes.imshow(scene.grid.numpy(), cmap=WEIGHTS, vmin=0, vmax=1, aspect="auto")
    for layer, head in torch.cartesian_prod(*map(torch.arange, scene.grid.shape)).tolist():
        number = scene.grid[layer, head].item()
        colour = "white" if number < 0.5 else INK
        shown = f"{number:.2f}".removeprefix("0") if number < 0.995 else "1"
        axes.text(head, layer, shown, ha="center", va="center", fontsize=8, color=colour)
    ring = (choice.head - 0.47, choice.layer - 0.45)
    axes.add_patch(Rectangle(ring, 0.94, 0.9, fill=False, ec=RING, lw=2.5))
    axes.set_xticks(range(scene.grid.shape[1]))
    axes.set_yticks(range(scene.grid.shape[0]))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="head", ylabel="layer")
    tokens = scene.sentences[0].tokens
    if scene.turns is None:
        title = f"Every head: weight from {_name(tokens, choice.asks)} to "
        axes.set_title(title + _name(tokens, choice.answers), pad=8)
        axes.figure.colorbar(image, ax=axes, label="weight", ticks=[0, 0.5, 1])
    else:
        title = f"Without head {named(choice.layer, choice.head)}: share of each map that moves"
        axes.set_title(title, pad=8)
        axes.figure.colorbar(image, ax=axes, label="share", ticks=[0, 0.5, 1])


@in_course_style
def maps_picture(scene: HeadScene) -> Figure:
    """Draw the chosen head's maps of both sentences, the chosen cell of the first ringed."""
    figure = Figure(figsize=(MAPS_WIDTH, MAPS_HEIGHT), layout="compressed")
    for number, axes in enumerate(figure.subplots(1, 2)):
        tokens, weights = scene.sentences[number].tokens, scene.map_of(number)
        mask = torch.ones_like(weights, dtype=torch.bool)
        draw_weights(axes, weights, tokens, tokens, mask=mask, cell=3.4 / len(tokens))
        name = named(scene.choice.layer, scene.choice.head)
        axes.set_title(f"Head {name}, {('first', 'second')[number]} sentence", pad=10)
        axes.xaxis.label.set_color(KEY)
        axes.yaxis.label.set_color(QUERY)
        if number == 0:
            corner = (scene.choice.answers - 0.5, scene.choice.asks - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, ec=RING, lw=2.5))
    figure.draw_without_rendering()
    return figure


def _name(tokens: tuple[str, ...], place: int) -> str:
    shown = tokens[place] if len(tokens[place]) <= 16 else tokens[place][:15] + "…"
    return f"“{shown}” ({place})"
