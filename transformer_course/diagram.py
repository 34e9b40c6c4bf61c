"""The diagram of the whole transformer, with the part that a lesson is about lit.

Builds on: drawing.  Lacks: the encoder–decoder and post-norm variants.
Source: Vaswani et al. 2017, figure 1, redrawn with the norms first (Xiong et al. 2020, figure 1b).
"""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from transformer_course.drawing import FAINT, INK, KEY, QUERY, QUIET, VALUE, in_course_style

INSIDE_A_BLOCK = frozenset({"attention", "heads", "feed_forward", "norm", "block"})
MODEL = INSIDE_A_BLOCK | {"tokens", "embedding", "positions", "final_norm", "head"}
LIGHTS = {
    "tokens": frozenset({"tokens"}),
    "embedding": frozenset({"embedding"}),
    "positions": frozenset({"positions"}),
    "attention": frozenset({"attention"}),
    "heads": frozenset({"attention", "heads"}),
    "feed_forward": frozenset({"feed_forward"}),
    "norm": frozenset({"norm", "final_norm"}),
    "block": INSIDE_A_BLOCK,
    "head": frozenset({"head"}),
    "model": MODEL,
    "model_in_training": MODEL | {"training"},
    "training": frozenset({"training"}),
}
"""The parts that can be lit, and what of the diagram shines with each."""

WIDTH, HEIGHT, STREAM = 10.2, 3.9, 1.5
Point = tuple[float, float]


class Look(NamedTuple):
    """How a part is drawn: what fills it, its edges and arrows, its words."""

    fill: str
    edge: str
    width: float
    text: str
    weight: str

    @property
    def shape(self) -> dict[str, str | float]:
        """The properties of a box, as matplotlib calls them."""
        return {"facecolor": self.fill, "edgecolor": self.edge, "linewidth": self.width}


PLAIN = Look("white", INK, 1.2, INK, "normal")
LIT = Look("#FFD24D", "#7A4E00", 2.2, INK, "bold")
DIM = Look("white", "#B8B8B8", 1.0, QUIET, "normal")


@in_course_style
def model_diagram(lit: str | None = None) -> Figure:
    """Draw the whole model from tokens to probabilities, one part lit and the others quiet.

    Args:
        lit: A key of `LIGHTS`; None draws all parts alike.

    Raises:
        ValueError: If there is no part of that name.
    """
    if lit is not None and lit not in LIGHTS:
        raise ValueError(f"lit={lit!r} is no part of the model; choose one of {list(LIGHTS)}")
    diagram = _Diagram(lit)
    _draw_training(diagram)
    _draw_stream(diagram)
    _draw_input(diagram)
    _draw_block(diagram)
    _draw_output(diagram)
    return diagram.figure


class _Diagram:
    """A sheet measured in inches, and the few shapes that everything is made of."""

    def __init__(self, lit: str | None) -> None:
        self.lit = lit
        self.figure = Figure(figsize=(WIDTH, HEIGHT))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        self.axes.set_axis_off()

    def look(self, part: str) -> Look:
        if self.lit is None:
            return PLAIN
        return LIT if part in LIGHTS[self.lit] else DIM

    def box(self, part: str, centre: Point, size: Point, words: str = "") -> None:
        rounding = 0.08
        width, height = size[0] - 2 * rounding, size[1] - 2 * rounding
        corner = (centre[0] - width / 2, centre[1] - height / 2)
        shape = FancyBboxPatch(corner, width, height, boxstyle=f"round,pad={rounding}", zorder=3)
        shape.set(**self.look(part).shape)
        self.axes.add_patch(shape)
        self.words(part, centre, words)

    def words(
        self,
        part: str,
        place: Point,
        words: str,
        *,
        colour: str = "",
        size: int = 12,
        align: str = "center",
    ) -> None:
        look = self.look(part)
        text = self.axes.text(*place, words, va="center", ha=align, fontsize=size, zorder=3)
        text.set(color=colour or look.text, weight=look.weight)

    def plus(self, part: str, x: float) -> None:
        """Draw the place on the stream where something is added to it."""
        look = self.look(part)
        self.axes.add_patch(Circle((x, STREAM), 0.15, **look.shape, zorder=3))
        for across, up in ((0.08, 0), (0, 0.08)):
            ends = (x - across, x + across), (STREAM - up, STREAM + up)
            self.axes.plot(*ends, color=look.edge, linewidth=1.5, zorder=4)

    def arrow(
        self, part: str, points: Sequence[Point], *, line: str = "-", colour: str = ""
    ) -> None:
        """Draw a line through the points with a head at its end."""
        look = self.look(part)
        colour = colour or look.edge
        along = zip(*points, strict=True)
        self.axes.plot(*along, line, color=colour, linewidth=look.width, zorder=2)
        head = FancyArrowPatch(*points[-2:], arrowstyle="-|>", shrinkA=0, shrinkB=0, zorder=2)
        head.set(color=colour, linewidth=0, mutation_scale=9 + 4 * look.width)
        self.axes.add_patch(head)


def _draw_stream(diagram: _Diagram) -> None:
    colour = {PLAIN: "#C9C9C9", LIT: LIT.fill, DIM: FAINT}[diagram.look("block")]
    diagram.axes.plot((2.3, 7.6), (STREAM, STREAM), color=colour, linewidth=9, zorder=1)
    diagram.words("block", (5.2, STREAM - 0.3), "residual stream", size=11)


def _draw_input(diagram: _Diagram) -> None:
    diagram.words("tokens", (0.55, STREAM + 0.86), "tokens")
    for row, token in enumerate(("The", "bank", "was")):
        diagram.box("tokens", (0.55, STREAM + 0.42 - 0.42 * row), (0.8, 0.36), token)
    diagram.arrow("tokens", ((0.96, STREAM), (1.25, STREAM)))
    diagram.box("embedding", (1.86, STREAM), (1.2, 0.6), "embedding")
    diagram.box("positions", (2.75, 2.45), (1.06, 0.46), "positions")
    diagram.arrow("positions", ((2.75, 2.22), (2.75, STREAM + 0.16)))
    diagram.plus("positions", 2.75)


def _draw_block(diagram: _Diagram) -> None:
    look = diagram.look("block")
    frame = Rectangle((3.4, 0.95), 4.02, 2.8, linestyle=(0, (4, 2)), zorder=1)
    frame.set(**{**look.shape, "facecolor": "none"})
    diagram.axes.add_patch(frame)
    diagram.words("block", (7.3, 3.55), "× N blocks", align="right")
    diagram.words("heads", (3.55, 3.53), "h heads", align="left")
    for behind in (0.16, 0.08):
        diagram.box("heads", (4.2 + behind, 2.92 + behind), (1.38, 0.58))
    _draw_branch(diagram, "attention", "attention", 4.2)
    dim = diagram.look("attention") == DIM
    for offset, letter, colour in ((-0.34, "q", QUERY), (0, "k", KEY), (0.34, "v", VALUE)):
        colour = DIM.edge if dim else colour
        diagram.arrow("attention", ((4.2 + offset, 2.32), (4.2 + offset, 2.63)), colour=colour)
        diagram.words(
            "attention", (4.34 + offset, 2.46), letter, colour=DIM.text if dim else colour
        )
    _draw_branch(diagram, "feed_forward", "feed-forward", 6.2)
    diagram.arrow("feed_forward", ((6.2, 2.32), (6.2, 2.63)))


def _draw_branch(diagram: _Diagram, part: str, words: str, x: float) -> None:
    """Draw what leaves the stream, is normalised, worked on, and added back."""
    diagram.arrow("norm", ((x, STREAM), (x, 1.94)))
    diagram.box("norm", (x, 2.13), (0.78, 0.38), "norm")
    diagram.box(part, (x, 2.92), (1.38, 0.58), words)
    diagram.arrow(part, ((x + 0.69, 2.92), (x + 1.02, 2.92), (x + 1.02, STREAM + 0.16)))
    diagram.plus("block", x + 1.02)


def _draw_output(diagram: _Diagram) -> None:
    diagram.box("final_norm", (7.95, STREAM), (0.72, 0.46), "norm")
    diagram.arrow("head", ((8.31, STREAM), (8.56, STREAM)))
    diagram.box("head", (8.92, STREAM), (0.7, 0.6), "head")
    diagram.arrow("head", ((9.27, STREAM), (9.52, STREAM)))
    diagram.words("head", (9.49, STREAM + 0.86), "probabilities")
    look = diagram.look("head")
    for row, share in enumerate((0.5, 0.28, 0.17, 0.09)):
        bar = Rectangle((9.6, STREAM + 0.34 - 0.24 * row), share, 0.15, zorder=3)
        bar.set(**look.shape)
        diagram.axes.add_patch(bar)


def _draw_training(diagram: _Diagram) -> None:
    diagram.arrow("training", ((9.75, STREAM - 0.46), (9.75, 0.62)))
    diagram.box("training", (9.75, 0.38), (0.7, 0.44), "loss")
    to_the_embedding = ((9.4, 0.38), (1.86, 0.38), (1.86, STREAM - 0.31))
    to_the_block, to_the_head = ((5.2, 0.38), (5.2, 0.94)), ((8.92, 0.38), (8.92, STREAM - 0.31))
    for points in (to_the_embedding, to_the_block, to_the_head):
        diagram.arrow("training", points, line="--")
    diagram.words("training", (3.5, 0.57), "gradients change every weight", size=11)
