"""Text in, coloured tokens out: four tokenizers, and as many merges as the slider says.

Builds on: tokenization_pieces, tokenization_page.  Lacks: training on a text of the learner's.
"""

import ipywidgets  # type: ignore[import-untyped]

from transformer_course.byte_pair_merges import merge_by_rank
from transformer_course.experiments.tokenization_corpus import LARGEST
from transformer_course.experiments.tokenization_pieces import (
    BYTE_PAIRS,
    TOKENIZERS,
    Cut,
    cut_by,
)
from transformer_course.tokenization import Merge
from transformer_course.widgets.controls import AfterTyping, labelled
from transformer_course.widgets.tokenization_page import cut_page, problem_page

SENTENCE = "The bank of the river was crowded, but the financial bank was empty."
MERGES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 4_000, LARGEST - 256)
LONGEST = 600
"""In characters: more is not shown."""


def token_explorer(merge: Merge = merge_by_rank) -> "TokenExplorer":
    """Return a widget that shows how tokenizers cut what is typed.

    Args:
        merge: Applies merges to a word: yours or the course's. What it returns is what is shown.
    """
    return TokenExplorer(merge)


class TokenExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """A text, a tokenizer, a number of merges; below them the tokens and what they amount to.

    Attributes:
        cut: What is shown; None while the text cannot be cut.
    """

    def __init__(self, merge: Merge) -> None:
        self.merge = merge
        self.cut: Cut | None = None
        self.text = ipywidgets.Textarea(
            SENTENCE, rows=3, continuous_update=True, **labelled("Text", 760)
        )
        self.tokenizer = ipywidgets.Dropdown(
            options=TOKENIZERS, value=BYTE_PAIRS, **labelled("Tokenizer", 230)
        )
        self.num_merges = ipywidgets.SelectionSlider(
            options=[(f"{number:,}", number) for number in MERGES],
            value=500,
            **labelled("Merges", 420),
        )
        self.page = ipywidgets.HTML(layout={"max_width": "900px"})
        self.text.observe(AfterTyping(self._redraw), "value")
        self.tokenizer.observe(self._redraw, "value")
        self.num_merges.observe(self._redraw, "value")
        self._redraw()
        choices = ipywidgets.Box(
            [self.tokenizer, self.num_merges], layout={"flex_flow": "row wrap"}
        )
        super().__init__([self.text, choices, self.page])

    def __repr__(self) -> str:
        return "Text in, tokens out: run this cell to try it; pictures of it stand below."

    def _redraw(self, _: object = None) -> None:
        self.num_merges.disabled = self.tokenizer.value != BYTE_PAIRS
        text = self.text.value[:LONGEST]
        try:
            self.cut = cut_by(self.tokenizer.value, text, self.num_merges.value, self.merge)
        except Exception as error:
            # A character that is not known, or a learner's function that stops: both are told.
            self.cut = None
            self.page.value = problem_page(error)
            return
        left_out = len(self.text.value) - len(text)
        self.page.value = cut_page(self.cut, left_out)
