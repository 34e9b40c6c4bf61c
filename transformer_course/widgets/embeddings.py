"""Words among words: neighbours, analogies and a map, in vectors of one's choice.

Builds on: word_vectors, embeddings_picture.  Lacks: training (lesson 03 does it before).
"""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets  # type: ignore[import-untyped]
from torch import Tensor

from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.widgets.controls import labelled, row, spoken
from transformer_course.widgets.embeddings_picture import WIDTH, NeighbourPicture
from transformer_course.word_vectors import UnknownWordError, WordVectors, nearest

COUNT = 6
Found = Sequence[tuple[str, float]]


def word_explorer(
    tables: Mapping[str, WordVectors],
    find: Callable[..., tuple[Tensor, Tensor]] = nearest,
) -> "WordExplorer":
    """Return a widget that shows the words nearest to a word, or to the end of an analogy.

    Args:
        tables: Vectors to choose from, by name.
        find: Finds the nearest rows: yours or the course's; what it returns is what is shown.

    Raises:
        ValueError: If there is no table.
    """
    if not tables:
        raise ValueError("no vectors to explore; give at least one table by name")
    return WordExplorer(tables, find)


class WordExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """A word and its neighbours; three words and the fourth; both on a map.

    Attributes:
        found: What is shown, words with cosines; empty while a word is unknown.
    """

    def __init__(
        self, tables: Mapping[str, WordVectors], find: Callable[..., tuple[Tensor, Tensor]]
    ) -> None:
        self._tables, self._find = tables, find
        self.found: Found = ()
        self._picture = NeighbourPicture()
        self._make_controls()
        self.image = ipywidgets.Image(
            layout={"max_width": f"{SHOWN_PER_INCH * WIDTH:.0f}px", "width": "98%"}
        )
        self.words = ipywidgets.HTML(layout={"min_height": "48px"})
        self._redraw()
        super().__init__(
            [
                row(self.vectors, self.word),
                row(self.first, self.second, self.third, self.own_words),
                self.words,
                self.image,
            ]
        )

    def __repr__(self) -> str:
        return "Words among words: run this cell to try it; pictures of it stand below."

    def _make_controls(self) -> None:
        self.vectors = ipywidgets.Dropdown(options=list(self._tables), **labelled("Vectors", 270))
        self.word = ipywidgets.Text("night", **labelled("Neighbours of", 300))
        self.first = ipywidgets.Text("", placeholder="man", **labelled("or:", 150))
        self.second = ipywidgets.Text("", placeholder="woman", **labelled("is to", 170))
        self.third = ipywidgets.Text("", placeholder="king", **labelled("as", 150))
        self.own_words = ipywidgets.Checkbox(
            value=False,
            description="the question’s own words may be the answer",
            indent=False,
            layout={"width": "330px"},
        )
        for control in (self.word, self.first, self.second, self.third):
            control.continuous_update = False
            control.observe(self._redraw, "value")
        for control in (self.vectors, self.own_words):
            control.observe(self._redraw, "value")

    def _asked(self) -> tuple[str, ...]:
        """Return the three words of an analogy if all are there, else the one word."""
        three = tuple(box.value.strip() for box in (self.first, self.second, self.third))
        return three if all(three) else (self.word.value.strip(),)

    def _redraw(self, _: object = None) -> None:
        vectors, asked = self._tables[self.vectors.value], self._asked()
        if not asked[0]:
            self._say_problem("Type a word, or three for an analogy.")
            return
        try:
            self.found = self._look_up(vectors, asked)
        except UnknownWordError as error:
            self._say_problem(f"{error}" if str(error).endswith("?") else f"{error}.")
            return
        except Exception as error:  # a learner's own function may do anything
            self._say_problem(f"The search for neighbours stopped: {type(error).__name__}: {error}")
            return
        known = [vectors.vocabulary.words[row] for row in vectors.vocabulary.rows(asked).tolist()]
        self.image.value = self._picture.draw(vectors, known, self.found)
        self.image.layout.visibility = "visible"
        self._say(describe(self.vectors.value, known, self.found, self.own_words.value))

    def _look_up(self, vectors: WordVectors, asked: Sequence[str]) -> Found:
        if len(asked) == 1:
            return vectors.neighbours(asked[0], COUNT, self._find)
        first, second, third = asked
        return vectors.analogy(
            first, second, third, COUNT, own_words=self.own_words.value, find=self._find
        )

    def _say_problem(self, problem: str) -> None:
        """Put words in the place of a picture that would no longer be true."""
        self.found = ()
        self.image.layout.visibility = "hidden"
        self._say(problem)

    def _say(self, sentence: str) -> None:
        self.words.value = spoken(sentence)


def describe(vectors: str, asked: Sequence[str], found: Found, own_words: bool) -> str:  # noqa: FBT001
    """Say in a sentence what there is to see."""
    best, cosine = found[0]
    if len(asked) == 1:
        others = ", ".join(word for word, _ in found[1:3])
        return (
            f"{vectors}: nearest to “{asked[0]}” is “{best}” (cosine {cosine:.2f}), then {others}."
        )
    first, second, third = asked
    question = f"“{first}” is to “{second}” as “{third}” is to “{best}” (cosine {cosine:.2f})"
    if not own_words:
        return f"{vectors}: {question}; the question’s own words were not allowed."
    own = f"“{best}” is a word of the question" if best in asked else f"“{best}” is a new word"
    return f"{vectors}: {question}; {own}."
