"""What the widgets of several lessons share: named controls, rows, a sentence, a pause in typing.

Builds on: nothing.  Lacks: pictures, which each lesson draws for itself.
"""

import asyncio
import html
from collections.abc import Callable

import ipywidgets  # type: ignore[import-untyped]

TYPING_SECONDS = 0.15
"""What was typed is read once nothing was typed for as long."""


def labelled(description: str, width: int) -> dict[str, object]:
    """Return what gives a control its name in full, and its width where there is room for it.

    Args:
        description: The name.
        width: In pixels.
    """
    return {
        "description": description,
        "style": {"description_width": "initial"},
        "layout": {"width": f"{width}px", "max_width": "98%"},
    }


def row(*widgets: ipywidgets.Widget, align: str = "flex-start") -> ipywidgets.Box:
    """Stand widgets side by side as far as there is room, the others below.

    Args:
        widgets: From left to right.
        align: How they stand to each other from top to bottom, in CSS's words.
    """
    return ipywidgets.Box(widgets, layout={"flex_flow": "row wrap", "align_items": align})


def spoken(*sentences: str) -> str:
    """Return HTML of sentences, a line each, which a screen reader says when they change."""
    lines = "<br>".join(html.escape(sentence) for sentence in sentences)
    return (
        '<div role="status" aria-live="polite" style="line-height: 1.5; overflow-wrap: '
        f'anywhere">{lines}</div>'
    )


def as_sentence(error: ValueError) -> str:
    """Return an error's message as a sentence."""
    problem = str(error)
    return f"{problem[:1].upper()}{problem[1:]}."


class AfterTyping:
    """Calls a function a little later, unless it is asked for once more before.

    Args:
        function: What is called; at once where no event loop runs, as in a script.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self, _: object = None) -> None:
        """Ask for a call; fits a control's `observe`."""
        if self._waiting is not None:
            self._waiting.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._function()
        else:
            self._waiting = loop.call_later(TYPING_SECONDS, self._function)
