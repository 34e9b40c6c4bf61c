"""What byte pairs and WordPiece make of the same texts, and what comes back: a table.

Builds on: tokenization_pieces.  Lacks: colours (tokenization_plots, the folder widgets).
"""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transformer_course.experiments.tokenization_pieces import (
    BYTE_PAIRS,
    WORD_PIECE,
    Cut,
    cut_by,
    visible,
)

HEADS = ("", "text", BYTE_PAIRS, "back", WORD_PIECE, "back")
SAME = "the same"


@dataclass(frozen=True)
class TableOfCuts:
    """Texts, each cut by two tokenizers and put together again.

    Attributes:
        cuts: By what each text is an example of: by byte pairs, and by WordPiece.
    """

    cuts: Mapping[str, tuple[Cut, Cut]]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield what stands in each row, below `HEADS`; a space is shown as a dot."""
        for kind, cuts in self.cuts.items():
            row = [kind, visible(cuts[0].text)]
            for cut in cuts:
                row += [f"{len(cut.pieces)}: {cut.written}", back(cut)]
            yield tuple(row)

    def __repr__(self) -> str:
        return "\n".join(
            f"{kind}: {text}\n    {BYTE_PAIRS} {ours} → {same}\n    {WORD_PIECE} {other} → {left}"
            for kind, text, ours, same, other, left in self.rows()
        )

    def _repr_html_(self) -> str:
        """Return the table; nothing in it needs a style, which some pages take away."""
        lines = [_line("th", HEADS), *(_line("td", row) for row in self.rows())]
        return f"<table>{''.join(lines)}</table>"


def table_of_cuts(texts: Mapping[str, str], num_merges: int) -> TableOfCuts:
    """Cut texts by byte pairs, learned from the 26 plays, and by MiniLM's WordPiece.

    Args:
        texts: By what each is an example of.
        num_merges: How many merges to use.
    """
    return TableOfCuts(
        {
            kind: (cut_by(BYTE_PAIRS, text, num_merges), cut_by(WORD_PIECE, text))
            for kind, text in texts.items()
        }
    )


def back(cut: Cut) -> str:
    """Say what decoding gives: the same text, or which other."""
    return SAME if cut.decoded == cut.text else visible(cut.decoded)


def _line(tag: str, row: tuple[str, ...]) -> str:
    cells = (
        f'<{tag} style="text-align: left; vertical-align: top" dir="ltr">{html.escape(one)}</{tag}>'
        for one in row
    )
    return f"<tr>{''.join(cells)}</tr>"
