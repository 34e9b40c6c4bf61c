"""Heads of a real model: choose one, see where it looks in two sentences, and go without it.

Builds on: multi_head_scene, multi_head_picture.  Lacks: more than one head at a time.
"""

import asyncio
import html
from dataclasses import replace
from functools import lru_cache

import ipywidgets  # type: ignore[import-untyped]
from matplotlib.figure import Figure

from transformer_course.experiments.multi_head_sentences import BANKS, minilm
from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.pretrained import PretrainedEncoder
from transformer_course.widgets.attention import TYPING_SECONDS
from transformer_course.widgets.multi_head_picture import (
    WIDTH,
    frames_picture,
    grid_picture,
    maps_picture,
)
from transformer_course.widgets.multi_head_scene import Choice, HeadScene, Reader, describe

OTHER_SENTENCE = "The bank of the river was muddy, but the other bank was dry."
START = Choice(layer=0, head=4, asks=2, answers=5)
"""The head that looks from the first bank to the river."""


def head_explorer(encoder: PretrainedEncoder | None = None) -> "HeadExplorer":
    """Return a widget that shows what the heads of MiniLM make of two sentences.

    Args:
        encoder: The model that reads, with your own parts in it for example; MiniLM as it is if
            left out.
    """
    return HeadExplorer(minilm() if encoder is None else encoder)


class HeadExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """Controls, words that say what there is to see, a grid of all heads, and two maps.

    Attributes:
        scene: What is drawn; None while a sentence cannot be read.
    """

    def __init__(self, encoder: PretrainedEncoder) -> None:
        self.scene: HeadScene | None = None
        self._reader = Reader(encoder)
        self._typed: asyncio.TimerHandle | None = None
        self._settling = False
        config = encoder.model.config
        self._make_controls(config.num_layers, config.num_heads)
        self.grid, self.maps = _image(WIDTH), _image(WIDTH)
        self.words = ipywidgets.HTML(layout={"min_height": "68px"})
        self._read(START)
        rows = [
            self.first,
            self.second,
            _row(self.layer, self.head, self.asks, self.answers, self.silent),
            self.words,
            self.grid,
            self.maps,
        ]
        super().__init__(rows)

    def __repr__(self) -> str:
        return "Heads of MiniLM: run this cell to try them; pictures of it stand below."

    def _make_controls(self, num_layers: int, num_heads: int) -> None:
        self.first = ipywidgets.Text(BANKS, **_labelled("First sentence", 760))
        self.second = ipywidgets.Text(OTHER_SENTENCE, **_labelled("Second sentence", 760))
        self.layer = ipywidgets.BoundedIntText(
            START.layer, min=0, max=num_layers - 1, **_labelled("Layer", 110)
        )
        self.head = ipywidgets.BoundedIntText(
            START.head, min=0, max=num_heads - 1, **_labelled("Head", 110)
        )
        self.asks = ipywidgets.Dropdown(**_labelled("From", 180))
        self.answers = ipywidgets.Dropdown(**_labelled("To", 180))
        self.silent = ipywidgets.Checkbox(
            value=False, indent=False, **_labelled("Without this head", 170)
        )
        for sentence in (self.first, self.second):
            sentence.observe(self._wait_for_more, "value")
        for control in (self.layer, self.head, self.asks, self.answers, self.silent):
            control.observe(self._redraw, "value")

    def _wait_for_more(self, _: object) -> None:
        """Read the sentences a little later, unless more is typed before."""
        if self._typed is not None:
            self._typed.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._read()
        else:
            self._typed = loop.call_later(TYPING_SECONDS, self._read)

    def _read(self, start: Choice | None = None) -> None:
        """Offer the first sentence's tokens, and keep the chosen places as far as there are any."""
        try:
            tokens = self._reader.read(self.first.value).tokens
        except ValueError as error:
            self._say_problem(error)
            return
        places = (
            (self.asks.value or 0, self.answers.value or 0)
            if start is None
            else (start.asks, start.answers)
        )
        self._settling = True
        for control, place in zip((self.asks, self.answers), places, strict=True):
            control.options = [(f"{number} {token}", number) for number, token in enumerate(tokens)]
            control.value = min(place, len(tokens) - 1)
        self._settling = False
        self._redraw()

    def _redraw(self, _: object = None) -> None:
        if self._settling:
            return
        choice = Choice(
            layer=self.layer.value,
            head=self.head.value,
            asks=self.asks.value,
            answers=self.answers.value,
            silent=self.silent.value,
        )
        try:
            self.scene = self._reader.scene(self.first.value, self.second.value, choice)
        except ValueError as error:
            self._say_problem(error)
            return
        self.grid.value = grid_picture(self.scene)
        self.maps.value = maps_picture(self.scene)
        self._show(visible=True)
        self._say(*describe(self.scene))

    def _say_problem(self, error: ValueError) -> None:
        """Put words in the place of pictures that would no longer be true."""
        self.scene = None
        self._show(visible=False)
        problem = str(error)
        self._say(f"{problem[:1].upper()}{problem[1:]}.")

    def _show(self, *, visible: bool) -> None:
        for picture in (self.grid, self.maps):
            picture.layout.visibility = "visible" if visible else "hidden"

    def _say(self, *sentences: str) -> None:
        lines = "<br>".join(html.escape(sentence) for sentence in sentences)
        self.words.value = (
            '<div role="status" aria-live="polite" style="line-height: 1.5; overflow-wrap: '
            f'anywhere">{lines}</div>'
        )


def explorer_frames(encoder: PretrainedEncoder | None = None) -> Figure:
    """Draw what the explorer starts with, and what it shows without the head.

    `describe_frames` says in words what there is to see.
    """
    return frames_picture(*_frames(encoder))


def describe_frames(encoder: PretrainedEncoder | None = None) -> str:
    """Say in words what the frames show, in the numbers that are drawn."""
    start, silent = _frames(encoder)
    return " ".join((*describe(start), describe(silent)[1]))


@lru_cache(maxsize=2)
def _frames(encoder: PretrainedEncoder | None) -> tuple[HeadScene, HeadScene]:
    reader = Reader(minilm() if encoder is None else encoder)
    start, silent = (
        reader.scene(BANKS, OTHER_SENTENCE, replace(START, silent=silent))
        for silent in (False, True)
    )
    return start, silent


def _labelled(description: str, width: int) -> dict[str, object]:
    """Return what gives a control its name in full, and its width where there is room for it."""
    return {
        "description": description,
        "style": {"description_width": "initial"},
        "layout": {"width": f"{width}px", "max_width": "98%"},
    }


def _row(*widgets: ipywidgets.Widget) -> ipywidgets.Box:
    """Stand widgets side by side as far as there is room, the others below."""
    return ipywidgets.Box(widgets, layout={"flex_flow": "row wrap", "align_items": "center"})


def _image(inches: float) -> ipywidgets.Image:
    """Make room for a picture: as wide as it is, or as the page where that is narrower."""
    # An image has a margin of 2 pixels on either side.
    most = f"{SHOWN_PER_INCH * inches:.0f}px"
    return ipywidgets.Image(
        layout={"width": "calc(100% - 4px)", "height": "auto", "max_width": most}
    )
