"""Four frames of what the token explorer can do, for those who only read.

Builds on: tokenization_plots, tokenization_pieces.  Lacks: controls (tokenization).
"""

from collections.abc import Mapping

from matplotlib.figure import Figure

from transformer_course.experiments.tokenization_pieces import (
    BYTE_PAIRS,
    BYTES,
    WORD_PIECE,
    Cut,
    cut_by,
)
from transformer_course.experiments.tokenization_plots import token_rows

TEXT = "The river bank, 1623: café 😀"
FEW, MANY = 100, 4_000


def token_frames() -> Figure:
    """Draw one short text cut by bytes, by few and by many merges, and by WordPiece.

    `describe_token_frames` says in words what they show.
    """
    rows = {
        f"{number}. {name}: {len(cut.pieces)}": cut.pieces
        for number, (name, cut) in enumerate(_frames(), 1)
    }
    return token_rows(rows, title=f"{TEXT[:-2]} and a face", width=9.4, names=2.3)


def describe_token_frames() -> str:
    """Say in words what the frames show, in the numbers that are drawn."""
    counts = ", ".join(f"{len(cut.pieces)} by {name}" for name, cut in _frames())
    *_, (_, pieces) = _frames()
    return (
        f"A short text with a year, an accent and a face, cut into tokens: {counts}. Bytes and "
        f"merges give the text back; WordPiece makes of it: {pieces.decoded}."
    )


def _frames() -> list[tuple[str, Cut]]:
    cuts: Mapping[str, Cut] = {
        "bytes": cut_by(BYTES, TEXT),
        f"{FEW} merges": cut_by(BYTE_PAIRS, TEXT, FEW),
        f"{MANY:,} merges": cut_by(BYTE_PAIRS, TEXT, MANY),
        "WordPiece": cut_by(WORD_PIECE, TEXT),
    }
    return list(cuts.items())
