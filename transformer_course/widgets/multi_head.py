"""Heads of a real model: choose one, see where it looks in two sentences, and go without it.

Builds on: multi_head_scene, multi_head_picture.  Lacks: more than one head at a time.
"""

from dataclasses import replace
from functools import lru_cache

import ipywidgets  # type: ignore[import-untyped]
from matplotlib.figure import Figure

from transformer_course.experiments.multi_head_sentences import BANKS, minilm
from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.pretrained import PretrainedEncoder
from transformer_course.widgets.controls import AfterTyping, as_sentence, labelled, row, spoken
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

FOUND = Choice(layer=0, head=2, asks=12, answers=11)
"""The head that lesson 06 asks for: it looks most from the second bank at the word before it."""


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
        self._settling = False
        config = encoder.model.config
        self._make_controls(config.num_layers, config.num_heads)
        self.grid, self.maps = _image(WIDTH), _image(WIDTH)
        self.words = ipywidgets.HTML(layout={"min_height": "68px"})
        self._read(START)
        rows = [
            self.first,
            self.second,
            row(self.layer, self.head, self.asks, self.answers, self.silent, align="center"),
            self.words,
            self.grid,
            self.maps,
        ]
        super().__init__(rows)

    def __repr__(self) -> str:
        return "Heads of MiniLM: run this cell to try them; pictures of it stand below."

    def _make_controls(self, num_layers: int, num_heads: int) -> None:
        self.first = ipywidgets.Text(BANKS, **labelled("First sentence", 760))
        self.second = ipywidgets.Text(OTHER_SENTENCE, **labelled("Second sentence", 760))
        self.layer = ipywidgets.BoundedIntText(
            START.layer, min=0, max=num_layers - 1, **labelled("Layer", 110)
        )
        self.head = ipywidgets.BoundedIntText(
            START.head, min=0, max=num_heads - 1, **labelled("Head", 110)
        )
        self.asks = ipywidgets.Dropdown(**labelled("From", 180))
        self.answers = ipywidgets.Dropdown(**labelled("To", 180))
        self.silent = ipywidgets.Checkbox(
            value=False, indent=False, **labelled("Without this head", 170)
        )
        read = AfterTyping(self._read)
        for sentence in (self.first, self.second):
            sentence.observe(read, "value")
        for control in (self.layer, self.head, self.asks, self.answers, self.silent):
            control.observe(self._redraw, "value")

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
        self._say(as_sentence(error))

    def _show(self, *, visible: bool) -> None:
        for picture in (self.grid, self.maps):
            picture.layout.visibility = "visible" if visible else "hidden"

    def _say(self, *sentences: str) -> None:
        self.words.value = spoken(*sentences)


def explorer_frames(encoder: PretrainedEncoder | None = None) -> Figure:
    """Draw what the explorer shows of the head that is asked for, and what without it.

    `describe_frames` says in words what there is to see.
    """
    return frames_picture(*_frames(encoder))


def describe_frames(encoder: PretrainedEncoder | None = None) -> str:
    """Say in words what the frames show, in the numbers that are drawn."""
    found, silent = _frames(encoder)
    return " ".join((*describe(found), describe(silent)[1]))


@lru_cache(maxsize=2)
def _frames(encoder: PretrainedEncoder | None) -> tuple[HeadScene, HeadScene]:
    reader = Reader(minilm() if encoder is None else encoder)
    found, silent = (
        reader.scene(BANKS, OTHER_SENTENCE, replace(FOUND, silent=silent))
        for silent in (False, True)
    )
    return found, silent


def _image(inches: float) -> ipywidgets.Image:
    """Make room for a picture: as wide as it is, or as the page where that is narrower."""
    # An image has a margin of 2 pixels on either side.
    most = f"{SHOWN_PER_INCH * inches:.0f}px"
    return ipywidgets.Image(
        layout={"width": "calc(100% - 4px)", "height": "auto", "max_width": most}
    )
