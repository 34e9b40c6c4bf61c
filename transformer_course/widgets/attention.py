"""Who looks at whom: attention among the words of a sentence, with everything at hand to change.

Builds on: attention, attention_scene, attention_picture.  Lacks: several heads, trained weights.
"""

from collections.abc import Callable

import ipywidgets  # type: ignore[import-untyped]

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.widgets.attention_candidate import UnfitAttentionError
from transformer_course.widgets.attention_picture import (
    LONGEST,
    MAP_WIDTH,
    PLANE_WIDTH,
    MapPicture,
    PlanePicture,
)
from transformer_course.widgets.attention_scene import (
    MASKS,
    POSITIONS,
    Scene,
    Setting,
    attend,
    describe,
    own_query,
)
from transformer_course.widgets.attention_words import BANK_SENTENCE, read_words
from transformer_course.widgets.controls import AfterTyping, as_sentence, labelled, row, spoken

FIRST_BANK = 1


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
        self._words: tuple[str, ...] = ()
        self._moved = False
        self._settling = False
        self._read()
        rows = [
            row(self.sentence),
            row(self.temperature, self.mask, self.positions),
            row(self.word, self.angle, self.length, self.own),
            # Above the pictures, where it stays in sight when the window is narrow.
            self.words,
            row(self.map, self.plane),
        ]
        super().__init__(rows)

    def __repr__(self) -> str:
        return "Who looks at whom: run this cell to try it; pictures of it stand below."

    def _make_controls(self) -> None:
        self.sentence = ipywidgets.Text(BANK_SENTENCE, **labelled("Sentence", 754))
        self.temperature = ipywidgets.FloatLogSlider(
            1, min=-1, max=1, step=0.1, readout_format=".2f", **labelled("Temperature", 280)
        )
        self.mask = ipywidgets.Dropdown(options=list(MASKS), **labelled("Mask", 260))
        self.positions = ipywidgets.Dropdown(options=POSITIONS, **labelled("Positions", 170))
        self.word = ipywidgets.Dropdown(**labelled("Query of", 185))
        self.angle = ipywidgets.FloatSlider(
            0, min=-180, max=180, step=5, readout_format=".0f", **labelled("Angle (°)", 230)
        )
        self.length = ipywidgets.FloatSlider(
            1, min=0, max=LONGEST, step=0.1, readout_format=".1f", **labelled("Length", 210)
        )
        self.own = ipywidgets.Button(
            description="Its own query",
            tooltip="Put the query back to where the word has it",
            layout={"width": "117px"},
        )
        self.sentence.observe(AfterTyping(self._read), "value")
        for control in (self.temperature, self.mask):
            control.observe(self._redraw, "value")
        for control in (self.word, self.positions):
            control.observe(self._take_own_query, "value")
        for control in (self.angle, self.length):
            control.observe(self._move_query, "value")
        self.own.on_click(self._take_own_query)

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
        self._say(as_sentence(error))

    def _show(self, *, visible: bool) -> None:
        for picture in (self.map, self.plane):
            picture.layout.visibility = "visible" if visible else "hidden"

    def _say(self, *sentences: str) -> None:
        self.words.value = spoken(*sentences)


def _image(inches: float) -> ipywidgets.Image:
    """Make room for a picture: as wide as it is, or somewhat less where two have to share."""
    layout = {"flex": "1 1 370px", "min_width": "0", "height": "auto"}
    return ipywidgets.Image(layout={**layout, "max_width": f"{SHOWN_PER_INCH * inches:.0f}px"})
