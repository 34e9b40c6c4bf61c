"""What the widget of lesson 04 draws: a table of sinusoids, a row of clocks, what is like the row.

Builds on: drawing, positional_scene.  Lacks: the controls (positional).
"""

import io
import math
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from transformer_course.drawing import INK, KEY, QUERY, QUIET, SIGNED, in_course_style
from transformer_course.experiments.positional_plots import draw_clock
from transformer_course.widgets.positional_scene import NEAR, NUM_PLACES, Scene

DOTS_PER_INCH = 144
WIDTH, HEIGHT = 9.0, 4.9
"""In inches."""

MOST_CLOCKS = 8


class TablePicture:
    """A figure that is used again: axes and clocks stay, what they show is exchanged."""

    @in_course_style
    def __init__(self) -> None:
        self.figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DOTS_PER_INCH)
        self._canvas: Any = FigureCanvasAgg(self.figure)
        self.map = self.figure.add_axes((0.07, 0.42, 0.4, 0.5))
        self._image = self.map.imshow(
            [[0.0]], cmap=SIGNED, vmin=-1, vmax=1, aspect="auto", interpolation="nearest"
        )
        (self._row,) = self.map.plot([], [], color=QUERY, linewidth=1.5)
        self.map.set(title="A row for each place", xlabel="number of the vector", ylabel="place")
        self.curve = self.figure.add_axes((0.57, 0.42, 0.41, 0.5))
        self.curve.axvspan(-NEAR, NEAR, color="#EEEEEE")
        self.curve.axhline(0, color=QUIET, linewidth=0.8)
        (self._likeness,) = self.curve.plot([], [], color=INK, linewidth=1.4)
        (self._double,) = self.curve.plot([], [], "s", color=KEY, markersize=8)
        self._name = self.curve.text(0, 1.1, "", color=KEY, fontweight="bold", ha="center")
        self.curve.set(title="How like the chosen row", xlabel="distance (places)")
        self.curve.set(ylabel="dot product ÷ number of pairs", ylim=(-1.05, 1.25))
        self._clocks = [
            self.figure.add_axes((0.07 + 0.115 * place, 0.06, 0.1, 0.19))
            for place in range(MOST_CLOCKS)
        ]
        self._hands = [draw_clock(axes, 0.0, 1.0) for axes in self._clocks]

    @in_course_style
    def draw(self, scene: Scene) -> bytes:
        """Return the scene as a PNG file."""
        setting = scene.setting
        self._image.set_data(scene.table.numpy())
        width, height = setting.d_model, NUM_PLACES
        self._image.set_extent((-0.5, width - 0.5, height - 0.5, -0.5))
        left, right, up, down = -0.5, width - 0.5, setting.place - 0.5, setting.place + 0.5
        self._row.set_data((left, right, right, left, left), (up, up, down, down, up))
        distances = np.arange(NUM_PLACES) - setting.place
        self._likeness.set_data(distances, scene.likeness.numpy())
        self.curve.set_xlim(distances[0] - 1, distances[-1] + 1)
        peak = distances[scene.double], scene.likeness[scene.double].item()
        self._double.set_data([peak[0]], [peak[1]])
        self._name.set(x=peak[0], text=f"place {scene.double}")
        self._draw_clocks(scene)
        self._canvas.draw()
        buffer = io.BytesIO()
        pixels = Image.fromarray(np.asarray(self._canvas.buffer_rgba()))
        pixels.convert("RGB").save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    def _draw_clocks(self, scene: Scene) -> None:
        pairs = shown_pairs(scene.setting.d_model // 2)
        for axes in self._clocks[len(pairs) :]:
            axes.set_visible(False)
        for axes, (hand, tip), pair in zip(self._clocks, self._hands, pairs, strict=False):
            sine, cosine = scene.table[scene.setting.place, 2 * pair :][:2].tolist()
            hand.set_data((0, sine), (0, cosine))
            tip.set_data([sine], [cosine])
            axes.set_title(f"pair {pair}", loc="center", fontsize=10, fontweight="normal")
            axes.set_visible(True)


def shown_pairs(num_pairs: int) -> list[int]:
    """Choose the pairs that get a clock: all of a few, else some from the first to the last."""
    if num_pairs <= MOST_CLOCKS:
        return list(range(num_pairs))
    step = (num_pairs - 1) / (MOST_CLOCKS - 1)
    return [math.floor(step * place + 0.5) for place in range(MOST_CLOCKS)]
