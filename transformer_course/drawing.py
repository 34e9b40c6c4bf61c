"""Pictures that several lessons share, in one visual grammar.

Queries are blue, keys vermilion, values green, always with a letter too; weights run from 0 to 1
in cividis; what is masked is hatched grey. No picture touches pyplot or a learner's own settings.

Builds on: nothing.  Lacks: the diagram of the whole model (diagram), a place to appear (learn).
Source: Okabe and Ito 2008 (colours); Nunez et al. 2018 (cividis).
"""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from matplotlib import colormaps, style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from PIL import Image
from torch import Tensor

QUERY, KEY, VALUE = "#0072B2", "#D55E00", "#009E73"
WEIGHTS, SIGNED = "cividis", "PuOr"
INK, QUIET, FAINT = "#222222", "#767676", "#E4E4E4"
MASKED: Mapping[str, Any] = {
    "facecolor": FAINT,
    "edgecolor": "#9A9A9A",
    "hatch": "////",
    "linewidth": 0,
}

STYLE: Mapping[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
}

in_course_style = style.context(dict(STYLE), after_reset=True)
"""Decorates a function that draws: the course's style inside, the learner's own settings after."""

MOST_NUMBERED = 8
"""Heat maps of as many tokens or fewer have their numbers in the cells."""


def png(figure: Figure, dpi: int) -> bytes:
    """Return the figure as a small PNG file of at most 256 colours."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    smaller = io.BytesIO()
    whole = Image.open(buffer).convert("RGB")
    # By default a long scale of colours comes out in stripes.
    whole.quantize(method=Image.Quantize.MAXCOVERAGE).save(smaller, "png", optimize=True)
    return smaller.getvalue()


def token_label(token: str) -> str:
    """Make a token visible: a space as ·, a newline as ⏎, what has no glyph as its code point."""
    shown = token.translate({ord(" "): "·", ord("\n"): "⏎", ord("\t"): "⇥"})
    glyphs = FT2Font(findfont(STYLE["font.family"])).get_charmap()
    return "".join(sign if ord(sign) in glyphs else f"U+{ord(sign):04X}" for sign in shown)


@in_course_style
def weights_heat_map(
    weights: Float[Tensor, "query key"],
    queries: Sequence[str],
    keys: Sequence[str] | None = None,
    *,
    mask: Bool[Tensor, "query key"] | None = None,
    title: str = "Attention weights",
    numbered: bool | None = None,
) -> Figure:
    """Draw who looks at whom: a row for each token that asks, a column for each that answers.

    Args:
        weights: Attention weights, each from 0 to 1.
        queries: The tokens of the rows.
        keys: The tokens of the columns; those of the rows if left out (self-attention).
        mask: The one that the weights were computed with, True = may attend.
        title: Stands above the map.
        numbered: Whether each cell has its number written in; left out, that of at most
            `MOST_NUMBERED` tokens has.

    Raises:
        ValueError: If there is not one label a row and column, a weight is outside [0, 1], or a
            masked weight is not 0.
    """
    keys = queries if keys is None else keys
    mask = torch.ones_like(weights, dtype=torch.bool) if mask is None else mask
    cell = min(0.62, max(6 / max(weights.shape), 0.1))
    figure = Figure(
        figsize=(len(keys) * cell + 2.2, len(queries) * cell + 1.6), layout="compressed"
    )
    axes = figure.add_subplot()
    numbered = max(weights.shape) <= MOST_NUMBERED if numbered is None else numbered
    image = draw_weights(axes, weights, queries, keys, mask=mask, cell=cell)
    if numbered:
        write_numbers(axes, weights, mask)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    figure.colorbar(image, label="weight", shrink=0.8, ticks=[0, 0.5, 1])
    _make_ticks(figure)
    return figure


def draw_weights(
    axes: Axes,
    weights: Float[Tensor, "query key"],
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    mask: Bool[Tensor, "query key"],
    cell: float,
) -> AxesImage:
    """Draw a heat map as `weights_heat_map` does, without numbers, into axes in the course's style.

    Args:
        axes: Empty ones.
        weights: Attention weights, each from 0 to 1.
        queries: The tokens of the rows.
        keys: The tokens of the columns.
        mask: The one that the weights were computed with, True = may attend.
        cell: Side of a cell in inches; the words are made to fit it.

    Raises:
        ValueError: As in `weights_heat_map`.
    """
    _check_weights(weights, queries, keys, mask)
    image = axes.imshow(weights.detach().float().cpu().numpy(), cmap=WEIGHTS, vmin=0, vmax=1)
    hidden = [
        Rectangle((key - 0.5, query - 0.5), 1, 1) for query, key in (~mask).nonzero().tolist()
    ]
    axes.add_collection(PatchCollection(hidden, **MASKED))
    label_cells(axes, queries, keys, cell)
    return image


def _make_ticks(figure: Figure) -> None:
    """Have matplotlib make the ticks, which it else puts off until the style is left."""
    figure.draw_without_rendering()


def _check_weights(
    weights: Float[Tensor, "query key"],
    queries: Sequence[str],
    keys: Sequence[str],
    mask: Bool[Tensor, "query key"],
) -> None:
    if tuple(weights.shape) != (len(queries), len(keys)):
        raise ValueError(
            f"{len(queries)} queries and {len(keys)} keys do not label weights of shape "
            f"{tuple(weights.shape)}; give one token a row and one a column"
        )
    if not ((weights >= 0) & (weights <= 1 + 1e-6)).all():
        raise ValueError(
            f"weights from {weights.min().item():.3g} to {weights.max().item():.3g} are outside "
            "[0, 1]; draw them after softmax"
        )
    if weights[~mask].any():
        raise ValueError(
            f"a masked weight is {weights[~mask].max().item():.3g}, expected 0; give the mask "
            "that the weights were computed with"
        )


def label_cells(axes: Axes, queries: Sequence[str], keys: Sequence[str], cell: float) -> None:
    """Name rows and columns, and say who asks and who answers.

    Args:
        axes: Those of the map.
        queries: The tokens of the rows.
        keys: The tokens of the columns.
        cell: Side of a cell in inches; where it is narrow, only as many are named as have room.
    """
    size = min(11, max(7, cell * 72 * 0.75))
    stride = math.ceil(size * 1.3 / (cell * 72))
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    for axis, tokens in ((axes.xaxis, keys), (axes.yaxis, queries)):
        axis.set_ticks(
            range(0, len(tokens), stride),
            [token_label(token) for token in tokens[::stride]],
            fontsize=size,
        )
        axis.set_tick_params(length=0)
    widest = max(map(len, keys)) * size * 0.65
    if widest > cell * stride * 72:
        axes.tick_params(axis="x", rotation=45)
        for label in axes.get_xticklabels():
            label.set(ha="left", rotation_mode="anchor")
    axes.set_xlabel("answers (key)", labelpad=8)
    axes.set_ylabel("asks (query)")
    axes.xaxis.label.set_color(KEY)
    axes.yaxis.label.set_color(QUERY)
    axes.spines[:].set_visible(False)
    if len(keys) <= 2 * MOST_NUMBERED:
        axes.set_xticks(np.arange(len(keys) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(queries) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="minor", length=0)


def write_numbers(
    axes: Axes, weights: Float[Tensor, "query key"], mask: Bool[Tensor, "query key"]
) -> None:
    """Write each weight that is not masked into its cell."""
    for query, key in mask.nonzero().tolist():
        weight = weights[query, key].item()
        axes.text(
            key,
            query,
            f"{weight:.2f}",
            ha="center",
            va="center",
            fontsize=10,
            color=ink_on(weight),
        )


def ink_on(weight: float) -> str:
    """Return white or black: whichever stands out more from a weight's colour (WCAG's contrast)."""
    red, green, blue = np.power(colormaps[WEIGHTS](weight)[:3], 2.2)
    lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
    return "white" if 1.05 / lightness > lightness / 0.05 else "black"


class LossCurve:
    """The losses of a training run, in a figure that can be drawn again while they come in.

    Steps stand on a square-root scale: the beginning, where most happens, gets the room.

    Args:
        num_steps: Where the axis of steps ends.
        baselines: Losses to compare with, by name: horizontal lines, named at their right end.
    """

    @in_course_style
    def __init__(self, num_steps: int, baselines: Mapping[str, float]) -> None:
        self.figure = Figure(figsize=(7.4, 4.0))
        self._canvas: Any = FigureCanvasAgg(self.figure)
        self._background: Any = None
        self._limits = (math.inf, -math.inf)
        self._axes = self.figure.add_axes((0.1, 0.14, 0.7, 0.75))
        self._axes.set_title("Loss while training")
        self._axes.set(xlabel="step (square-root scale)", ylabel="loss (nats a character)")
        self._axes.set_xscale("function", functions=(np.sqrt, np.square))
        self._axes.set_xlim(0, num_steps)
        self._axes.set_xticks(_root_ticks(num_steps))
        self._axes.xaxis.set_major_formatter("{x:,.0f}")
        # Said here too: how many ticks have room is found out when the style is left.
        self._axes.tick_params(labelsize=STYLE["font.size"])
        # Animated: left out of the background, drawn on top of it in each frame.
        (self._training,) = self._axes.plot(
            [], [], color="#7FA6C9", linewidth=1, label="training", animated=True
        )
        (self._validation,) = self._axes.plot(
            [], [], "o-", color=INK, markersize=5, label="validation", animated=True, clip_on=False
        )
        self._axes.legend(loc="lower right", bbox_to_anchor=(1.02, 0.965), ncols=2)
        self._names = [
            self._draw_baseline(name, loss)
            for name, loss in sorted(baselines.items(), key=lambda baseline: baseline[1])
        ]
        self._make_room(baselines.values())

    def update(self, training: Mapping[int, float], validation: Mapping[int, float]) -> None:
        """Show these losses, by step, instead of those before."""
        self._training.set_data(list(training), list(training.values()))
        self._validation.set_data(list(validation), list(validation.values()))
        self._make_room([*training.values(), *validation.values()])

    def frame(self) -> bytes:
        """Return the picture as a PNG file; only what changed since the last frame is drawn."""
        if self._background is None:
            self._draw_background()
        self._canvas.restore_region(self._background)
        for line in (self._training, self._validation):
            self._axes.draw_artist(line)
        buffer = io.BytesIO()
        pixels = Image.fromarray(np.asarray(self._canvas.buffer_rgba()))
        pixels.convert("RGB").save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    @in_course_style
    def _draw_background(self) -> None:
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(self.figure.bbox)

    def _draw_baseline(self, name: str, loss: float) -> tuple[float, Annotation]:
        self._axes.axhline(loss, color=QUIET, linewidth=1, linestyle=(0, (5, 3)), zorder=1)
        label = self._axes.annotate(
            f"{name} {loss:.2f}",
            (1, loss),
            xycoords=self._axes.get_yaxis_transform(),
            xytext=(1.035, 0),
            textcoords="axes fraction",
            va="center",
            fontsize=10,
            arrowprops={
                "arrowstyle": "-",
                "color": QUIET,
                "linewidth": 0.8,
                "shrinkA": 1,
                "shrinkB": 0,
            },
        )
        return loss, label

    def _make_room(self, losses: Iterable[float]) -> None:
        """Widen the axis of losses where one does not fit, and place the baselines' names anew."""
        finite = [loss for loss in losses if math.isfinite(loss)]
        if not finite:
            return
        low = min(self._limits[0], max(0.0, math.floor(4 * min(finite) - 0.4) / 4))
        high = max(self._limits[1], math.ceil(4 * max(finite) + 0.4) / 4)
        if (low, high) == self._limits:
            return
        self._limits = low, high
        self._background = None
        self._axes.set_ylim(low, high)
        height = self._axes.get_position().height * self.figure.get_figheight() * 72
        wanted = [(loss - low) / (high - low) for loss, _ in self._names]
        for (_, label), place in zip(self._names, spread(wanted, 14 / height), strict=True):
            label.set_position((1.035, place))


@in_course_style
def loss_curve(
    training: Mapping[int, float],
    validation: Mapping[int, float],
    *,
    baselines: Mapping[str, float],
    num_steps: int,
) -> Figure:
    """Draw the losses of a training run, by step; see `LossCurve`."""
    curve = LossCurve(num_steps, baselines)
    curve.update(training, validation)
    _make_ticks(curve.figure)
    return curve.figure


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move rising numbers as little as possible until neighbours are `gap` or more apart."""
    groups: list[list[float]] = []
    for index, place in enumerate(places):
        groups.append([place - index * gap])
        # Two groups that would overlap move together, to the mean of what their members want.
        while len(groups) > 1 and _mean(groups[-2]) > _mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    together = [_mean(group) for group in groups for _ in group]
    return [place + index * gap for index, place in enumerate(together)]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _root_ticks(last: int) -> list[int]:
    """Choose 0, the last step and round ones between whose names do not meet on a root scale."""
    rounds = [digit * 10**power for power in range(len(str(last))) for digit in (1, 2, 5)]
    ticks = [last]
    for step in reversed([step for step in rounds if step < last]):
        place, room = math.sqrt(step / last), 0.025 + 0.02 * len(f"{step:,}")
        if room <= place <= math.sqrt(ticks[-1] / last) - room:
            ticks.append(step)
    return [0, *reversed(ticks)]
