"""What the widget of lesson 06 draws: all heads as a grid, and one head's map of two sentences.

Builds on: drawing, multi_head_scene.  Lacks: the controls (multi_head).
"""

import io
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from PIL import Image

from transformer_course.drawing import (
    INK,
    MOST_NUMBERED,
    WEIGHTS,
    draw_weights,
    in_course_style,
    write_numbers,
)
from transformer_course.experiments.multi_head_plots import LIGHT_FROM, RING, SMALLEST
from transformer_course.experiments.multi_head_scores import named
from transformer_course.widgets.multi_head_scene import HeadScene

DOTS_PER_INCH = 130
WIDTH, GRID_HEIGHT, MAPS_HEIGHT = 9.6, 2.9, 4.5
"""In inches."""

LONGEST_NAME = 16
SMALLEST_TOP = 0.1


@in_course_style
def grid_picture(scene: HeadScene) -> bytes:
    """Draw a cell for each head, the chosen one ringed, as a PNG file."""
    figure = Figure(figsize=(WIDTH, GRID_HEIGHT), layout="constrained")
    draw_grid(figure.add_subplot(), scene)
    return _png(figure)


@in_course_style
def maps_picture(scene: HeadScene) -> bytes:
    """Draw the chosen head's maps of both sentences as a PNG file."""
    figure = Figure(figsize=(WIDTH, MAPS_HEIGHT), layout="constrained")
    draw_maps(figure, scene)
    return _png(figure)


@in_course_style
def frames_picture(scene: HeadScene, silent: HeadScene) -> Figure:
    """Draw the grid, the maps, and the grid with the head silent, one below the other."""
    figure = Figure(figsize=(WIDTH, 2 * GRID_HEIGHT + MAPS_HEIGHT), layout="constrained")
    heights = (GRID_HEIGHT, MAPS_HEIGHT, GRID_HEIGHT)
    parts: Any = figure.subfigures(3, 1, height_ratios=heights)
    top, middle, bottom = parts
    draw_grid(top.add_subplot(), scene)
    draw_maps(middle, scene)
    draw_grid(bottom.add_subplot(), silent)
    figure.draw_without_rendering()
    return figure


def draw_grid(axes: Axes, scene: HeadScene) -> None:
    """Draw a number for each head into empty axes."""
    choice, silent = scene.choice, scene.turns is not None
    # Weights run from 0 to 1 everywhere; of the maps that move, few move by as much.
    top = max(SMALLEST_TOP, scene.grid.max().item()) if silent else 1.0
    image = axes.imshow(scene.grid.numpy(), cmap=WEIGHTS, vmin=0, vmax=top, aspect="auto")
    for layer, head in torch.cartesian_prod(*map(torch.arange, scene.grid.shape)).tolist():
        number = scene.grid[layer, head].item()
        colour = "white" if number < LIGHT_FROM * top else INK
        axes.text(
            head, layer, f"{number:.2f}", ha="center", va="center", fontsize=SMALLEST, color=colour
        )
    corner = (choice.head - 0.47, choice.layer - 0.45)
    axes.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor=RING, linewidth=2.5))
    axes.set_xticks(range(scene.grid.shape[1]))
    axes.set_yticks(range(scene.grid.shape[0]))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="head", ylabel="layer")
    tokens = scene.sentences[0].tokens
    title = (
        f"Without head {named(choice.layer, choice.head)}: how far each map moves"
        if silent
        else f"Weight from {_name(tokens, choice.asks)} to {_name(tokens, choice.answers)}"
    )
    axes.set_title(title, pad=8)
    label = "share that moves" if silent else "weight"
    axes.figure.colorbar(image, ax=axes, label=label)


def draw_maps(figure: Figure | SubFigure, scene: HeadScene) -> None:
    """Draw both maps side by side into an empty figure, the chosen cell of the first ringed."""
    head = named(scene.choice.layer, scene.choice.head)
    for number, axes in enumerate(figure.subplots(1, 2)):
        tokens, weights = scene.sentences[number].tokens, scene.map_of(number)
        mask = torch.ones_like(weights, dtype=torch.bool)
        draw_weights(axes, weights, tokens, tokens, mask=mask, cell=2.9 / len(tokens))
        if len(tokens) <= MOST_NUMBERED:
            write_numbers(axes, weights, mask)
        for text in list(axes.texts):
            text.set_fontsize(SMALLEST)
        _stand_upright(axes)
        axes.set_title(f"Head {head}, {('first', 'second')[number]} sentence", pad=8)
        if number == 0:
            corner = (scene.choice.answers - 0.5, scene.choice.asks - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=RING, linewidth=2.5))
    figure.align_xlabels()
    figure.align_titles()


def _stand_upright(axes: Axes) -> None:
    """Turn the words above a map: slanted ones would touch, so narrow are the columns."""
    for label in axes.get_xticklabels():
        label.set(rotation=90, ha="center", va="bottom", rotation_mode="default")


def _png(figure: Figure) -> bytes:
    """Return the figure as a PNG file, quickly: it is drawn anew with each change."""
    figure.set_dpi(DOTS_PER_INCH)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    buffer = io.BytesIO()
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba()))
    pixels.convert("RGB").save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def _name(tokens: tuple[str, ...], place: int) -> str:
    token = tokens[place]
    shown = token if len(token) <= LONGEST_NAME else f"{token[: LONGEST_NAME - 1]}…"
    return f"“{shown}” ({place})"
