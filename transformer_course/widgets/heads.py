"""What comes next? Bars of the next token under temperature, top-k and top-p, and 1,000 draws.

Builds on: heads_scene, heads_picture.  Lacks: writing on (writing).
"""

import asyncio
import html

import ipywidgets  # type: ignore[import-untyped]
from torch import Tensor

from transformer_course.heads import next_token_probabilities
from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.trained import TrainedWriter
from transformer_course.widgets.heads_picture import WIDTH, draw_choice, written_tokens
from transformer_course.widgets.heads_scene import (
    Choice,
    Controls,
    Probabilities,
    UnfitProbabilitiesError,
    choose_next,
    describe,
    next_logits,
)

TYPING_SECONDS = 0.15
"""A text is read once nothing was typed for as long."""

PROMPT = "MACBETH:\nThe bank of the river was"
ALL = "all"
TOP_K_OPTIONS = (ALL, 1, 2, 3, 4, 5, 8, 10, 20, 50, 100, 200)


def next_token_explorer(
    writer: TrainedWriter,
    probabilities: Probabilities = next_token_probabilities,
    prompt: str = PROMPT,
) -> "NextTokenExplorer":
    """Return a widget that shows what the next token may be.

    Args:
        writer: A model with its tokenizer.
        probabilities: Yours or the course's; it takes and returns what
            `next_token_probabilities` does. What it returns is what is drawn from.
        prompt: What stands in the text field at first.
    """
    return NextTokenExplorer(writer, probabilities, prompt)


class NextTokenExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """A text, three controls, words that say what there is to see, and the bars.

    Attributes:
        choice: What is drawn; None while there is nothing to draw.
    """

    def __init__(self, writer: TrainedWriter, probabilities: Probabilities, prompt: str) -> None:
        self.writer = writer
        self.probabilities = probabilities
        self.choice: Choice | None = None
        self._tokens = written_tokens(writer)
        self._logits: Tensor | None = None
        self._seed = 0
        self._typed: asyncio.TimerHandle | None = None
        self._make_controls(prompt)
        self.bars = ipywidgets.Image(
            layout={"width": f"{SHOWN_PER_INCH * WIDTH:.0f}px", "max_width": "98%"}
        )
        self.words = ipywidgets.HTML(layout={"min_height": "48px"})
        self._read()
        row = {"flex_flow": "row wrap", "align_items": "flex-start"}
        super().__init__(
            [
                self.text,
                ipywidgets.Box([self.temperature, self.top_k, self.top_p, self.again], layout=row),
                self.words,
                self.bars,
            ]
        )

    def __repr__(self) -> str:
        return "What comes next? Run this cell to try it; pictures of it stand below."

    def _make_controls(self, prompt: str) -> None:
        self.text = ipywidgets.Textarea(prompt, rows=2, **_labelled("Text", 600))
        self.temperature = ipywidgets.FloatSlider(
            1, min=0, max=3, step=0.1, readout_format=".1f", **_labelled("Temperature", 270)
        )
        self.top_k = ipywidgets.SelectionSlider(
            options=TOP_K_OPTIONS, value=ALL, **_labelled("Top-k", 230)
        )
        self.top_p = ipywidgets.FloatSlider(
            1, min=0.05, max=1, step=0.05, readout_format=".2f", **_labelled("Top-p", 240)
        )
        self.again = ipywidgets.Button(
            description="Draw again",
            tooltip="Draw 1,000 other tokens from the same probabilities",
            layout={"width": "110px"},
        )
        self.text.observe(self._wait_for_more, "value")
        for control in (self.temperature, self.top_k, self.top_p):
            control.observe(self._redraw, "value")
        self.again.on_click(self._draw_again)

    def _wait_for_more(self, _: object) -> None:
        """Read the text a little later, unless more is typed before."""
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
            self._logits = next_logits(self.writer, self.text.value)
        except ValueError as error:
            self._logits = None
            self._say_problem(error)
            return
        self._redraw()

    def _draw_again(self, _: object) -> None:
        self._seed += 1
        self._redraw()

    def _redraw(self, _: object = None) -> None:
        if self._logits is None:
            return  # what is wrong with the text stands below already
        kept = self.top_k.value
        # The slider's steps add up to numbers such as 0.9500000000000001.
        controls = Controls(
            temperature=round(self.temperature.value, 2),
            top_k=None if kept == ALL else kept,
            top_p=round(self.top_p.value, 2),
        )
        try:
            self.choice = choose_next(
                self._logits, self._tokens, controls, self.probabilities, self._seed
            )
        except UnfitProbabilitiesError as error:
            self._say_problem(error)
            return
        self.bars.value = draw_choice(self.choice)
        self.bars.layout.visibility = "visible"
        self._say(describe(self.choice))

    def _say_problem(self, error: ValueError) -> None:
        """Put words in the place of a picture that would no longer be true."""
        self.choice = None
        self.bars.layout.visibility = "hidden"
        problem = str(error)
        self._say(f"{problem[:1].upper()}{problem[1:]}.")

    def _say(self, sentence: str) -> None:
        self.words.value = (
            '<div role="status" aria-live="polite" style="line-height: 1.5; overflow-wrap: '
            f'anywhere">{html.escape(sentence)}</div>'
        )


def _labelled(description: str, width: int) -> dict[str, object]:
    """Return what gives a control its name in full, and its width where there is room for it."""
    return {
        "description": description,
        "style": {"description_width": "initial"},
        "layout": {"width": f"{width}px", "max_width": "98%"},
    }
