"""Tokens as HTML: every piece in a box of its own, escaped, readable in a light and a dark theme.

Builds on: tokenization_pieces.  Lacks: controls (tokenization).
"""

import html
from collections.abc import Iterable

from transformer_course.drawing import KEY, QUERY
from transformer_course.experiments.tokenization_pieces import Cut, Piece

# Neighbours differ in tint and in border. The tints let the page shine through, so that its own
# text colour can be read on them in either theme.
STYLE = f"""<style>
.course-tokens {{ color: var(--jp-content-font-color1, inherit); line-height: 1.5 }}
.course-tokens .token {{
  display: inline-block; margin: 2px 1px; padding: 1px 4px; border-radius: 3px; line-height: 1.3;
  text-align: center; max-width: 95%; overflow-wrap: anywhere; unicode-bidi: isolate;
  background: {QUERY}2E; border: 1.5px solid {QUERY}
}}
.course-tokens .token:nth-child(even) {{ background: {KEY}2E; border: 1.5px dashed {KEY} }}
.course-tokens .text {{ font-family: var(--jp-code-font-family, monospace); white-space: pre-wrap }}
.course-tokens .number {{ display: block; font-size: 75%; font-variant-numeric: tabular-nums }}
.course-tokens .said {{ overflow-wrap: anywhere }}
</style>"""


def cut_page(cut: Cut, left_out: int = 0) -> str:
    """Show a text's tokens with their numbers, and say what they amount to.

    Args:
        cut: What to show.
        left_out: Characters at the end of the text that were not cut.
    """
    more = f" The last {left_out:,} characters are left out." if left_out else ""
    return _page(cut.sentence + more, token_boxes(cut.pieces))


def token_boxes(pieces: Iterable[Piece], *, numbered: bool = True) -> str:
    """Return the tokens as HTML, in boxes that take turns in colour and border.

    Args:
        pieces: The tokens.
        numbered: Whether their ids stand below.
    """
    boxes = "".join(
        f'<span class="token"><span class="text" dir="auto">{html.escape(piece.shown)}</span>'
        + (f'<span class="number">{piece.token_id}</span>' if numbered else "")
        + "</span>"
        for piece in pieces
    )
    return f'<div dir="ltr">{boxes}</div>'


def problem_page(error: Exception) -> str:
    """Say in words why there are no tokens to show."""
    words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return _page(f"No tokens: {words}.", "")


def _page(said: str, boxes: str) -> str:
    return in_style(
        f'<div class="said" role="status" aria-live="polite">{html.escape(said)}</div>{boxes}'
    )


def in_style(content: str) -> str:
    """Put the course's looks of tokens around a piece of HTML."""
    return f'{STYLE}<div class="course-tokens">{content}</div>'
