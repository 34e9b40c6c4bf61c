"""Who looks at whom: attention among the words of a sentence, with everything at hand to change.

Builds on: attention, attention_scene, attention_picture.  Lacks: several heads, trained weights.
"""

import asyncio
import html
from collections.abc import Callable, Mapping
from dataclasses import replace

import ipywidgets  # type: ignore[import-untyped]
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.drawing import draw_weights, in_course_style, write_numbers
from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.widgets.attention_picture import (
    LONGEST,
    MAP_WIDTH,
    PLANE_WIDTH,
    MapPicture,
    PlanePicture,
)
from transformer_course.widgets.attention_scene import (
    ALIBI,
    CAUSAL,
    MASKS,
    POSITIONS,
    Scene,
    Setting,
    UnfitAttentionError,
    attend,
    describe,
    own_query,
)
from transformer_course.widgets.attention_words import BANK_SENTENCE, read_words

TYPING_SECONDS = 0.15
"""A sentence is read once nothing was typed for as long."""

FRAMES_WIDTH, FRAMES_HEIGHT, ROW_HEIGHT = 9.0, 6.2, 0.36
"""In inches."""

FIRST_BANK, SECOND_BANK = 1, 10
LOW, HIGH = 0.25, 4.0
MOVED = (-45.0, 2.5)

Row = tuple[Scene, int]
"""A scene, and the word in it whose row is meant."""


def attention_explorer(
    attention: Callable[..., object] = scaled_dot_product_attention,
) -> "AttentionExplorer":
    """Return a widget that shows what an attention function makes of a sentence.

    Args:
        attention: Yours or the course's; it takes and returns what
            `scaled_dot_product_attention` does. What it returns is what is drawn.
    """
    return AttentionExplorer(attention)


class AttentionExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """Controls, words that say what there is to see, the attention map and the plane of keys.

    Attributes:
        scene: What is drawn; None while a sentence or an attention cannot be.
    """

    def __init__(self, attention: Callable[..., object]) -> None:
        self.attention = attention
        self.scene: Scene | None = None
        self._make_controls()
        self._maps, self._planes = MapPicture(), PlanePicture()
        self.map = _image(MAP_WIDTH)
        self.plane = _image(PLANE_WIDTH)
        self.words = ipywidgets.HTML(layout={"min_height": "68px"})
        self._typed: asyncio.TimerHandle | None = None
        self._words: tuple[str, ...] = ()
        self._moved = False
        self._settling = False
        self._read()
        rows = [
            _row(self.sentence),
            _row(self.temperature, self.mask, self.positions),
            _row(self.word, self.angle, self.length, self.own),
            # Above the pictures, where it stays in sight when the window is narrow.
            self.words,
            _row(self.map, self.plane),
        ]
        super().__init__(rows)

    def __repr__(self) -> str:
        return "Who looks at whom: run this cell to try it; pictures of it stand below."

    def _make_controls(self) -> None:
        self.sentence = ipywidgets.Text(BANK_SENTENCE, **_labelled("Sentence", 754))
        self.temperature = ipywidgets.FloatLogSlider(
            1, min=-1, max=1, step=0.1, readout_format=".2f", **_labelled("Temperature", 280)
        )
        self.mask = ipywidgets.Dropdown(options=list(MASKS), **_labelled("Mask", 260))
        self.positions = ipywidgets.Dropdown(options=POSITIONS, **_labelled("Positions", 170))
        self.word = ipywidgets.Dropdown(**_labelled("Query of", 185))
        self.angle = ipywidgets.FloatSlider(
            0, min=-180, max=180, step=5, readout_format=".0f", **_labelled("Angle (°)", 230)
        )
        self.length = ipywidgets.FloatSlider(
            1, min=0, max=LONGEST, step=0.1, readout_format=".1f", **_labelled("Length", 210)
        )
        self.own = ipywidgets.Button(
            description="Its own query",
            tooltip="Put the query back to where the word has it",
            layout={"width": "117px"},
        )
        self.sentence.observe(self._wait_for_more, "value")
        for control in (self.temperature, self.mask):
            control.observe(self._redraw, "value")
        for control in (self.word, self.positions):
            control.observe(self._take_own_query, "value")
        for control in (self.angle, self.length):
            control.observe(self._move_query, "value")
        self.own.on_click(self._take_own_query)

    def _wait_for_more(self, _: object) -> None:
        """Read the sentence a little later, unless more is typed before."""
        if self._typed is not None:
            self._typed.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._read()
        else:
            self._typed = loop.call_later(TYPING_SECONDS, self._read)

    def _read(self) -> None:
        try:
            self._words = read_words(self.sentence.value)
        except ValueError as error:
            self._words = ()
            self._say_problem(error)
            return
        last = len(self._words) - 1
        chosen = FIRST_BANK if self.word.value is None else min(self.word.value, last)
        self._settling = True
        self.word.options = [
            (f"{place + 1} {word}", place) for place, word in enumerate(self._words)
        ]
        self.word.value = chosen
        self._settling = False
        self._take_own_query()

    def _take_own_query(self, _: object = None) -> None:
        """Give the chosen word its own query back, and set the sliders by it."""
        if self._settling or not self._words:
            return
        self._settling = True
        self._moved = False
        self.angle.value, self.length.value = own_query(self._setting())
        self._settling = False
        self._redraw()

    def _move_query(self, _: object) -> None:
        if self._settling or not self._words:
            return
        angle, length = own_query(self._setting())
        # A page moves its sliders to whole steps by itself: the query stays its own until then.
        self._moved = (
            abs(self.angle.value - angle) > 0.51 * self.angle.step
            or abs(self.length.value - length) > 0.51 * self.length.step
        )
        self._redraw()

    def _setting(self) -> Setting:
        return Setting(
            words=self._words,
            chosen=self.word.value,
            temperature=self.temperature.value,
            mask=self.mask.value,
            positions=self.positions.value,
            moved=(self.angle.value, self.length.value) if self._moved else None,
        )

    def _redraw(self, _: object = None) -> None:
        if not self._words:
            return  # what is wrong with the sentence stands below already
        try:
            self.scene = attend(self._setting(), self.attention)
        except UnfitAttentionError as error:
            self._say_problem(error)
            return
        self.map.value = self._maps.draw(self.scene)
        self.plane.value = self._planes.draw(self.scene)
        self._show(visible=True)
        self._say(*describe(self.scene))

    def _say_problem(self, error: ValueError) -> None:
        """Put words in the place of pictures that would no longer be true."""
        self.scene = None
        self._show(visible=False)
        problem = str(error)
        self._say(f"{problem[:1].upper()}{problem[1:]}.")

    def _show(self, *, visible: bool) -> None:
        for picture in (self.map, self.plane):
            picture.layout.visibility = "visible" if visible else "hidden"

    def _say(self, *sentences: str) -> None:
        lines = "<br>".join(html.escape(sentence) for sentence in sentences)
        self.words.value = (
            '<div role="status" aria-live="polite" style="line-height: 1.5; overflow-wrap: '
            f'anywhere">{lines}</div>'
        )


def _labelled(description: str, width: int) -> dict[str, object]:
    """Return what gives a control its name in full, and its width where there is room for it."""
    return {
        "description": description,
        "style": {"description_width": "initial"},
        "layout": {"width": f"{width}px", "max_width": "98%"},
    }


def _row(*widgets: ipywidgets.Widget) -> ipywidgets.Box:
    """Stand widgets side by side as far as there is room, the others below."""
    return ipywidgets.Box(widgets, layout={"flex_flow": "row wrap", "align_items": "flex-start"})


def _image(inches: float) -> ipywidgets.Image:
    """Make room for a picture: as wide as it is, or somewhat less where two have to share."""
    layout = {"flex": "1 1 370px", "min_width": "0", "height": "auto"}
    return ipywidgets.Image(layout={**layout, "max_width": f"{SHOWN_PER_INCH * inches:.0f}px"})


@in_course_style
def attention_frames() -> Figure:
    """Draw four frames of what the explorer can do, for those who only read.

    `describe_frames` says in words what they show.
    """
    words = read_words(BANK_SENTENCE)
    figure = Figure(figsize=(FRAMES_WIDTH, FRAMES_HEIGHT))
    top = FRAMES_HEIGHT - 1.25
    for number, (title, rows) in enumerate(_frames().items()):
        height = ROW_HEIGHT * len(rows)
        top -= height
        box = (1.5 / FRAMES_WIDTH, top / FRAMES_HEIGHT)
        axes = figure.add_axes((*box, 7.3 / FRAMES_WIDTH, height / FRAMES_HEIGHT))
        _draw_frame(axes, rows, words)
        if number:
            axes.tick_params(labeltop=False)
            axes.set_xlabel("")
        axes.set_ylabel("")
        lift = 0.95 if number == 0 else 0.08
        axes.annotate(
            f"{number + 1}. {title}",
            (-0.18, 1),
            xytext=(0, 72 * lift),
            fontweight="bold",
            xycoords="axes fraction",
            textcoords="offset points",
            annotation_clip=False,
        )
        top -= 0.5
    figure.draw_without_rendering()
    return figure


def describe_frames() -> str:
    """Say in words what the frames show, in the numbers that are drawn."""
    temperatures, masked, near, turned = (list(rows.values()) for rows in _frames().values())
    words = read_words(BANK_SENTENCE)

    def weight(row: Row, word: str) -> str:
        scene, place = row
        return f"{scene.weights[place, words.index(word)].item():.2f}"

    low, middle, high = (weight(row, "river") for row in temperatures)
    return (
        "Rows of the bank sentence. Without positions “bank” looks at “river” and at “financial” "
        f"alike: {low} each at temperature {LOW:g}, {middle} at 1, {high} at {HIGH:g}. Under a "
        f"causal mask the first “bank” is left with “The” ({weight(masked[0], 'The')}) and itself "
        f"({weight(masked[0], 'bank')}). With ALiBi the first “bank” looks most at “river” "
        f"({weight(near[0], 'river')}), the second at “financial” "
        f"({weight(near[1], 'financial')}). With its query turned by hand, the first “bank” looks "
        f"most at “empty” ({weight(turned[1], 'empty')})."
    )


def _frames() -> dict[str, dict[str, Row]]:
    """Return the frames by title, each with its rows by name."""
    plain = Setting(words=read_words(BANK_SENTENCE), chosen=FIRST_BANK)
    masked, near = _scene(replace(plain, mask=CAUSAL)), _scene(replace(plain, positions=ALIBI))
    moved = _scene(replace(plain, moved=MOVED))
    return {
        "Temperature: low makes the row of “bank” sharp, high makes it flat": {
            f"temperature {temperature:g}": (
                _scene(replace(plain, temperature=temperature)),
                FIRST_BANK,
            )
            for temperature in (LOW, 1, HIGH)
        },
        "Causal mask: each word sees itself and what came before": {
            "first bank": (masked, FIRST_BANK),
            "second bank": (masked, SECOND_BANK),
        },
        "ALiBi: what is near counts more": {
            "first bank": (near, FIRST_BANK),
            "second bank": (near, SECOND_BANK),
        },
        "The query of “bank”: its own, and turned by hand": {
            f"at {own_query(plain)[0]:.0f}°": (_scene(plain), FIRST_BANK),
            f"at {MOVED[0]:.0f}°".replace("-", "−"): (moved, FIRST_BANK),
        },
    }


def _scene(setting: Setting) -> Scene:
    return attend(setting, scaled_dot_product_attention)


def _draw_frame(axes: Axes, rows: Mapping[str, Row], words: tuple[str, ...]) -> None:
    weights = torch.stack([scene.weights[place] for scene, place in rows.values()])
    mask = torch.stack([scene.mask[place] for scene, place in rows.values()])
    # A space in a token would be shown as a dot; these labels are no tokens.
    labels = [name.replace(" ", "\N{NO-BREAK SPACE}") for name in rows]
    draw_weights(axes, weights, labels, words, mask=mask, cell=ROW_HEIGHT)
    write_numbers(axes, weights, mask)
    axes.set_aspect("auto")
