"""Merges as they are learned: a table that grows, and a line of text that shortens.

Builds on: byte_pair_merges, tokenization_page.  Lacks: a stop button; the kernel's own will do.
"""

import asyncio
import html
from collections import Counter
from collections.abc import Mapping

import ipywidgets  # type: ignore[import-untyped]
from IPython.display import display

from transformer_course.byte_pair_merges import Pair, PairTable
from transformer_course.experiments.tokenization_pieces import cut_by_merges, visible_bytes
from transformer_course.pre_tokenization import PreTokenizer
from transformer_course.widgets.tokenization_page import in_style, token_boxes

LAST = 8
"""So many merges stand in the table: the newest ones."""


class MergeTable(ipywidgets.HTML):  # type: ignore[misc]
    """The newest merges, and a line as it is cut by all merges so far."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line
        self.merges: list[Pair] = []
        self.counts: list[int] = []

    def __repr__(self) -> str:
        return "Merges appear here one by one while the cell runs; the lines below sum them up."

    def add(self, pair: Pair, count: int) -> None:
        """Show one more merge.

        Args:
            pair: What is joined.
            count: How often it stands in the text.
        """
        self.merges.append(pair)
        self.counts.append(count)
        self.value = self._page()

    def _page(self) -> str:
        tokens = cut_by_merges(self.line, self.merges)
        boxes = token_boxes(tokens, numbered=False)
        shown = list(zip(self.merges, self.counts, strict=True))[-LAST:]
        first = len(self.merges) - len(shown)
        rows = "".join(
            f"<tr><td>{256 + rank}</td><td>{_written(pair)}</td><td>{count:,}</td></tr>"
            for rank, (pair, count) in enumerate(shown, first)
        )
        return in_style(
            '<table style="min-width: 22em"><tr><th>id</th><th>pair</th><th>stands</th></tr>'
            f"{rows}</table><div>{len(self.merges)} merges, {len(tokens)} tokens</div>{boxes}"
        )


def _written(pair: Pair) -> str:
    return " | ".join(html.escape(visible_bytes(token)) for token in pair)


async def watch_merges(
    text: str, num_merges: int, line: str, *, seconds: float = 0.1
) -> list[Pair]:
    """Learn merges from a text while the page looks on.

    Args:
        text: What to learn from.
        num_merges: How many merges.
        line: A line of text that is shown as the merges cut it.
        seconds: Time between two merges, so that they can be followed.

    Returns:
        The merges.
    """
    table = MergeTable(line)
    display(table)  # type: ignore[no-untyped-call]
    counts: Mapping[str, int] = Counter(PreTokenizer().split(text))
    pairs = PairTable(counts)
    while len(table.merges) < num_merges and (pair := pairs.most_frequent()) is not None:
        table.add(pair, pairs.count(pair))
        pairs.merge(pair)
        # Yields to the page: without it the table would appear at the end only.
        await asyncio.sleep(seconds)
    return table.merges
