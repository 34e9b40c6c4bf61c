"""What the widget of lesson 05 draws: the map of all words, and one query among the keys.

Builds on: drawing, attention_scene.  Lacks: the controls (attention).
"""

import io
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Circle, FancyArrowPatch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from PIL import Image

from transformer_course.drawing import (
    FAINT,
    INK,
    KEY,
    MASKED,
    MOST_NUMBERED,
    QUERY,
    QUIET,
    STYLE,
    WEIGHTS,
    draw_weights,
    in_course_style,
    spread,
    token_label,
    write_numbers,
)
from transformer_course.widgets.attention_scene import Scene

DOTS_PER_INCH = 144
"""More than a page shows of an inch, so that it stays sharp when the page is enlarged."""

HEIGHT, MAP_WIDTH, PLANE_WIDTH = 3.9, 4.3, 4.6
"""In inches."""

MAP_SIDE, RIM_DIAMETER = 2.6, 2.1
SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
LONGEST = 3.0
"""Where the plane's rim is, and as far as a query can be pulled."""

UNITS_AN_INCH = 2 * LONGEST / RIM_DIAMETER
LABEL_PLACE = 3.5
LABEL_POINTS, WIDEST_POINTS = 9, 48


class _Picture:
    """A figure that is used again: what stays is drawn once, what moves on top of it each time."""

    def __init__(self, width: float) -> None:
        self.figure = Figure(figsize=(width, HEIGHT), dpi=DOTS_PER_INCH)
        self._canvas: Any = FigureCanvasAgg(self.figure)
        self._background: Any = None

    def _keep_background(self) -> None:
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(self.figure.bbox)

    def _draw_on_top(self, moving: Sequence[Artist]) -> bytes:
        self._canvas.restore_region(self._background)
        for artist in moving:
            self.figure.draw_artist(artist)
        buffer = io.BytesIO()
        pixels = Image.fromarray(np.asarray(self._canvas.buffer_rgba()))
        pixels.convert("RGB").save(buffer, "png", compress_level=1)
        return buffer.getvalue()


class MapPicture(_Picture):
    """The attention map, with a frame around the chosen word's row."""

    @in_course_style
    def __init__(self) -> None:
        super().__init__(MAP_WIDTH)
        self.figure.text(0.02, 0.95, "Who looks at whom", fontsize=12, fontweight="bold")
        self.axes = self.figure.add_axes(_shares((1.15, 0.1, MAP_SIDE, MAP_SIDE), MAP_WIDTH))
        scale = self.figure.add_axes(_shares((3.92, 0.1, 0.1, 1.4), MAP_WIDTH))
        colours = ScalarMappable(cmap=WEIGHTS)
        colours.set_clim(0, 1)
        self.figure.colorbar(colours, cax=scale, ticks=[0, 1])
        scale.set_ylabel("weight", fontsize=9, labelpad=-3)
        scale.tick_params(labelsize=9, pad=2, length=2)
        self._words: tuple[str, ...] = ()

    @in_course_style
    def draw(self, scene: Scene) -> bytes:
        """Return the scene's map as a PNG file."""
        if self._words != scene.setting.words:
            self._begin(scene)
            self._words = scene.setting.words
        self._image.set_data(scene.weights.numpy())
        middles = (~scene.mask).nonzero().flip(1).numpy()
        # One path for all: hatching each square by itself takes ten times as long.
        squares = Path.make_compound_path_from_polys(middles[:, None] + SQUARE)
        self._masked.set_path(squares)
        self._frame.set_y(scene.setting.chosen - 0.5)
        asking = self.axes.get_yticklabels()
        for label in asking:
            label.set(color=INK, fontweight="normal", alpha=1)
        asking[scene.setting.chosen].set(color=QUERY, fontweight="bold")
        for text in list(self.axes.texts):
            text.remove()
        if len(scene.weights) <= MOST_NUMBERED:
            write_numbers(self.axes, scene.weights, scene.mask)
        moving = (self._image, self._masked, self._grid, self._frame)
        return self._draw_on_top([*moving, *asking, *self.axes.texts])

    def _begin(self, scene: Scene) -> None:
        """Draw what stays as long as the words do; this takes most of the time."""
        words = scene.setting.words
        length = len(words)
        self.axes.clear()
        labels = [short_label(word) for word in words]
        self._image = draw_weights(
            self.axes, scene.weights, labels, labels, mask=scene.mask, cell=MAP_SIDE / length
        )
        for squares in list(self.axes.collections):
            squares.remove()
        self._masked = PathPatch(Path(np.empty((0, 2))), **MASKED)
        # The grid has to lie above the image, which is drawn again and again.
        self.axes.grid(visible=False, which="minor")
        edges = [edge - 0.5 for edge in range(length + 1)]
        lines = [[(edge, -0.5), (edge, length - 0.5)] for edge in edges]
        lines += [[(-0.5, edge), (length - 0.5, edge)] for edge in edges]
        self._grid = LineCollection(lines, colors="white", linewidths=1.5)
        self._frame = Rectangle((-0.5, -0.5), length, 1, fill=False, edgecolor=QUERY, linewidth=2.5)
        self._frame.set_clip_on(False)
        self.axes.add_patch(self._masked)
        self.axes.add_collection(self._grid)
        self.axes.add_patch(self._frame)
        for artist in (self._image, self._masked, self._grid, self._frame, *self.axes.texts):
            artist.set_animated(True)
        for label in self.axes.get_yticklabels():
            # Not seen yet, but in bold it has the room that it will need.
            label.set(fontweight="bold", alpha=0)
        self._keep_background()


class PlanePicture(_Picture):
    """The chosen query as an arrow among all keys, each named with its weight."""

    @in_course_style
    def __init__(self) -> None:
        super().__init__(PLANE_WIDTH)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        across, up = PLANE_WIDTH * UNITS_AN_INCH / 2, HEIGHT * UNITS_AN_INCH / 2
        self.axes.set(xlim=(-across, across), ylim=(-up, up))
        self.axes.set_axis_off()
        for radius in (1, 2, LONGEST):
            rim = Circle((0, 0), radius, fill=False, edgecolor=FAINT, linewidth=1)
            self.axes.add_patch(rim)
        title = "The chosen query and all keys"
        self.figure.text(0.02, 0.95, title, fontsize=12, fontweight="bold")
        for height, line in (
            (0.08, "numbers: weights · –: masked · dashed: dot product 0"),
            (0.03, "circles: length 1, 2, 3 · right: 0° · up: 90°"),
        ):
            self.figure.text(0.5, height, line, fontsize=9, ha="center")
        self._moving: list[Artist] = []
        self._keep_background()

    @in_course_style
    def draw(self, scene: Scene) -> bytes:
        """Return the scene's plane as a PNG file."""
        for artist in self._moving:
            artist.remove()
        self._moving = [
            *self._labels(scene),
            *self._keys(scene),
            *self._query(*scene.query[scene.setting.chosen].tolist()),
        ]
        return self._draw_on_top(self._moving)

    def _query(self, x: float, y: float) -> list[Artist]:
        """Make the arrow, and a line at right angles to it: there the dot product is 0."""
        length = math.hypot(x, y)
        across, up = (x / length, y / length) if length else (0.0, 1.0)
        tip = (x + 0.3 * across, y + 0.3 * up)
        letter = self.axes.text(*tip, "Q", color=QUERY, fontweight="bold", fontsize=12)
        letter.set(ha="center", va="center")
        if not length:
            return [letter]
        arrow = FancyArrowPatch((0, 0), (x, y), arrowstyle="-|>", shrinkA=0, shrinkB=0)
        arrow.set(color=QUERY, linewidth=2.5, mutation_scale=16)
        self.axes.add_patch(arrow)
        ends = (-LONGEST * up, LONGEST * up), (LONGEST * across, -LONGEST * across)
        (zero,) = self.axes.plot(*ends, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        return [zero, arrow, letter]

    def _keys(self, scene: Scene) -> list[Artist]:
        allowed = scene.mask[scene.setting.chosen]
        lines: list[Artist] = []
        for keys, fill, ink in (
            (scene.key[~allowed], FAINT, QUIET),
            (scene.key[allowed], KEY, "white"),
        ):
            across, up = keys.T.numpy()
            lines += self.axes.plot(across, up, "s", color=fill, ms=11, markeredgecolor="white")
            lines += self.axes.plot(across, up, marker=_letter("K"), color=ink, ms=7, lw=0, mew=0)
        return lines

    def _labels(self, scene: Scene) -> list[Artist]:
        """Name each key at the edge of its side, where there is room, and lead a line to it."""
        points = scene.key.tolist()
        labels: list[Artist] = []
        lines = []
        for side in (-1, 1):
            places = [place for place, (x, _) in enumerate(points) if (x >= 0) == (side > 0)]
            places.sort(key=lambda place: points[place][1])
            heights = label_heights([points[place][1] for place in places])
            for place, height in zip(places, heights, strict=True):
                lines.append([points[place], (side * (LABEL_PLACE - 0.1), height)])
                labels.append(self._label(scene, place, side * LABEL_PLACE, height))
        leaders = LineCollection(lines, colors=FAINT, linewidths=1)
        self.axes.add_collection(leaders)
        return [leaders, *labels]

    def _label(self, scene: Scene, place: int, x: float, y: float) -> Text:
        row, allowed = scene.weights[scene.setting.chosen], scene.mask[scene.setting.chosen, place]
        top = allowed and f"{row[place]:.2f}" == f"{row.max():.2f}"
        says = f"{row[place]:.2f}" if allowed else "–"
        text = self.axes.text(x, y, f"{short_label(scene.setting.words[place])} {says}")
        text.set(va="center", ha="left" if x > 0 else "right", fontsize=LABEL_POINTS)
        text.set(color=INK if allowed else QUIET)
        text.set_fontweight("bold" if top else "normal")
        return text


def label_heights(wanted: Sequence[float]) -> list[float]:
    """Move rising labels apart, and all together where the last or the first had no room."""
    places = spread(wanted, 1.3 * LABEL_POINTS * UNITS_AN_INCH / 72)
    if not places:
        return []
    low, high = (side * HEIGHT * UNITS_AN_INCH for side in (-0.37, 0.41))
    shift = min(high - places[-1], 0) or max(low - places[0], 0)
    return [place + shift for place in places]


@lru_cache
def _letter(letter: str) -> Path:
    """Return a letter as a marker, its middle on the point."""
    path = TextPath((0, 0), letter, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
    return Path(path.vertices - (low + high) / 2, path.codes)


@lru_cache(maxsize=256)
def short_label(word: str) -> str:
    """Make a word visible, and cut it where it would be wider than its place in the pictures."""
    label = token_label(word)
    font = get_font(findfont(FontProperties(family=STYLE["font.family"], weight="bold")))
    for length in range(min(len(label), WIDEST_POINTS), 0, -1):
        shown = label if length == len(label) else f"{label[:length]}…"
        font.set_size(LABEL_POINTS, 72)
        font.set_text(shown)
        if font.get_width_height()[0] / 64 <= WIDEST_POINTS:
            return shown
    return "…"


def _shares(
    box: tuple[float, float, float, float], width: float
) -> tuple[float, float, float, float]:
    """Turn inches into shares of a picture."""
    left, bottom, across, up = box
    return left / width, bottom / HEIGHT, across / width, up / HEIGHT
