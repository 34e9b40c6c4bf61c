"""A trained model, playing: give it a beginning, and watch it write on.

Builds on: trained, generation.  Lacks: a look inside (attention), training (training).
"""

import asyncio
import html
import time
from collections.abc import Sequence

import ipywidgets  # type: ignore[import-untyped]
import torch

from transformer_course.device import one_thread
from transformer_course.generation import generate
from transformer_course.trained import TrainedWriter

REDRAW_SECONDS = 0.05
LONGEST, DEFAULT_LENGTH = 600, 150
PROMPT = "ROMEO:\n"
PAGE = (
    '<pre style="white-space: pre-wrap; line-height: 1.4; margin: 0.4em 0; max-width: 46em; '
    'min-height: 11em; border-left: 4px solid #767676; padding-left: 0.8em">{}</pre>'
)


def writing_desk(writer: TrainedWriter) -> "WritingDesk":
    """Return a widget in which a trained model continues what is typed.

    Args:
        writer: The model with its tokenizer.
    """
    return WritingDesk(writer)


class WritingDesk(ipywidgets.VBox):  # type: ignore[misc]
    """A beginning, a few settings, two buttons, and the page that the model writes on.

    The model works in a thread of its own: the kernel stays free, and a click on Stop is heard.

    Attributes:
        text: What stands on the page, beginning included.
        task: The writing that was started last.
    """

    def __init__(self, writer: TrainedWriter) -> None:
        self.writer = writer
        self.text = ""
        self.task: asyncio.Task[None] | None = None
        self._stopping = False
        self._make_controls()
        self.page = ipywidgets.HTML(PAGE.format("<i>Nothing is written yet.</i>"))
        self.status = ipywidgets.HTML()
        self._say("Type a beginning, or leave it as it is, and press Write.")
        super().__init__(
            [
                ipywidgets.HBox(
                    [
                        self.prompt,
                        ipywidgets.VBox([self.temperature, self.length, self.seed]),
                    ],
                    layout={"flex_flow": "row wrap"},
                ),
                ipywidgets.HBox([self.write, self.stop]),
                self.status,
                self.page,
            ]
        )

    def __repr__(self) -> str:
        return "The finished model, playing: run this cell to try it; what it writes stands below."

    def _make_controls(self) -> None:
        self.prompt = ipywidgets.Textarea(PROMPT, rows=4, **_labelled("Beginning", 400))
        self.temperature = ipywidgets.FloatSlider(
            0.8, min=0, max=2, step=0.1, readout_format=".1f", **_labelled("Temperature", 320)
        )
        self.length = ipywidgets.IntSlider(
            DEFAULT_LENGTH, min=50, max=LONGEST, step=50, **_labelled("Tokens", 320)
        )
        self.seed = ipywidgets.BoundedIntText(1, min=0, max=9_999, **_labelled("Seed", 170))
        self.write = ipywidgets.Button(
            description="Write", tooltip="Let the model continue the beginning"
        )
        self.stop = ipywidgets.Button(
            description="Stop", tooltip="End here; what is written stays", disabled=True
        )
        self.write.on_click(self._start)
        self.stop.on_click(self._end)

    def _start(self, _: ipywidgets.Button) -> None:
        if not self.write.disabled:
            self.task = asyncio.get_running_loop().create_task(self.compose())

    def _end(self, _: ipywidgets.Button) -> None:
        self._stopping = True
        self.stop.disabled = True

    async def compose(self) -> None:
        """Write, and show what is there so far; it ends with the wanted length or with Stop."""
        beginning = self.prompt.value
        complaint = unreadable(beginning, self.writer.characters)
        if complaint:
            # An older text would look like the answer to this beginning.
            self.text, self.page.value = "", PAGE.format("<i>Nothing is written.</i>")
            self._say(complaint)
            return
        self._stopping = False
        self.write.disabled, self.stop.disabled = True, False
        self._say("writing …")
        try:
            await self._continue(beginning)
        finally:
            # A thread that still writes is told to end, whatever ended the wait for it.
            self._stopping = True
            self.write.disabled, self.stop.disabled = False, True

    async def _continue(self, beginning: str) -> None:
        ids = self.writer.tokenizer.encode(beginning)
        fresh: list[int] = []
        # Read once: sliders that are moved while it writes count the next time.
        settings = (self.temperature.value, self.length.value, self.seed.value)
        start = time.perf_counter()
        writing = asyncio.ensure_future(asyncio.to_thread(self._generate, ids, fresh, settings))
        while not writing.done():
            await asyncio.wait([writing], timeout=REDRAW_SECONDS)
            self._show(beginning, fresh)
        failure = writing.exception()
        if failure is not None:
            self._say(f"the model stopped with {type(failure).__name__}: {failure}")
            return
        seconds, seed = time.perf_counter() - start, settings[2]
        ending = "finished" if len(fresh) == settings[1] else "stopped"
        self._say(
            f"{ending}: {len(fresh)} tokens, {len(fresh) / seconds:,.0f} a second; the same "
            f"settings with seed {seed} write the same again"
        )

    def _generate(
        self, ids: Sequence[int], fresh: list[int], settings: tuple[float, int, int]
    ) -> None:
        """Write into the list, in a thread; end where Stop was pressed."""
        temperature, length, seed = settings

        def take(_: int, token: int) -> None:
            if self._stopping:
                raise _StoppedError
            fresh.append(token)

        try:
            with one_thread():
                generate(
                    self.writer.model,
                    [ids],
                    length,
                    temperature=temperature,
                    generator=torch.Generator().manual_seed(seed),
                    on_token=take,
                )
        except _StoppedError:
            return

    def _show(self, beginning: str, fresh: Sequence[int]) -> None:
        # A character of several bytes is whole only with its last token: hold it back until then.
        written = self.writer.tokenizer.decode(list(fresh)).rstrip("\N{REPLACEMENT CHARACTER}")
        self.text = beginning + written
        self.page.value = PAGE.format(f"<b>{html.escape(beginning)}</b>{html.escape(written)}")

    def _say(self, words: str) -> None:
        self.status.value = f'<span role="status" aria-live="polite">{html.escape(words)}</span>'


class _StoppedError(Exception):
    """Stop was pressed."""


def unreadable(beginning: str, known: frozenset[str]) -> str | None:
    """Say in a sentence why a model cannot go on from this text; None if it can.

    Args:
        beginning: What was typed.
        known: The characters of the model's training text.
    """
    if not beginning:
        return "The beginning is empty: give at least one character to go on from, such as “T”."
    unknown = [sign for sign in dict.fromkeys(beginning) if sign not in known]
    if not unknown:
        return None
    shown = " ".join(
        f"“{sign}”" if sign.isprintable() else f"U+{ord(sign):04X}" for sign in unknown
    )
    none, it = ("none of", "them") if len(unknown) > 1 else ("no", "it")
    return f"The plays hold {none} {shown}: the model has never met {it}; write without {it}."


def _labelled(description: str, width: int) -> dict[str, object]:
    return {
        "description": description,
        "style": {"description_width": "7.5em"},
        "layout": {"width": f"{width}px"},
    }
