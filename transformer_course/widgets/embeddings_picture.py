"""What the widget of lesson 03 draws: the nearest words as bars, and where they lie on a map.

Builds on: drawing, embeddings_map.  Lacks: the controls (embeddings).
"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from transformer_course.drawing import in_course_style, png
from transformer_course.experiments.embeddings_map import draw_map, draw_neighbours
from transformer_course.word_vectors import WordVectors

WIDTH, HEIGHT = 9.4, 4.2
"""In inches."""

DOTS_PER_INCH = 110
ON_THE_MAP = 4
"""As many of the words found are named on the map: more would cover one another."""

SHOWN = 3
"""Words a panel of the strip."""

Found = Sequence[tuple[str, float]]


class NeighbourPicture:
    """A figure that is used again: bars on the left, the map on the right."""

    @in_course_style
    def __init__(self) -> None:
        self.figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        self.bars, self.map = self.figure.subplots(1, 2, width_ratios=(1, 2.1))

    @in_course_style
    def draw(self, vectors: WordVectors, asked: Sequence[str], found: Found) -> bytes:
        """Return the picture as a PNG file.

        Args:
            vectors: Whose map.
            asked: The word, or the three words of an analogy.
            found: The nearest words with their cosines.
        """
        for axes in (self.bars, self.map):
            axes.clear()
        draw_neighbours(self.bars, title_of(asked), found)
        self.bars.set_xlabel("cosine")
        words = dict.fromkeys([*asked, *(word for word, _ in found[:ON_THE_MAP])])
        draw_map(self.map, vectors, list(words), quiet=True)
        self.map.set_title(self.map.get_title(loc="left"), fontsize=11)
        return png(self.figure, DOTS_PER_INCH)


def title_of(asked: Sequence[str]) -> str:
    """Name what was asked: a word, or c − a + b."""
    return asked[0] if len(asked) == 1 else f"{asked[2]} − {asked[0]} + {asked[1]}"


@in_course_style
def explorer_frames(tables: Mapping[str, WordVectors], word: str, analogy: Sequence[str]) -> Figure:
    """Draw what the explorer shows for a word and an analogy, for those who only read.

    `describe_frames` says the same in words.
    """
    figure = Figure(figsize=(9.4, 1.55 * len(tables) + 0.6), layout="constrained")
    figure.suptitle(
        "The nearest words and their cosines", x=0.01, ha="left", fontweight="bold", fontsize=12
    )
    rows = figure.subplots(len(tables), 3, squeeze=False)
    for (name, vectors), panels in zip(tables.items(), rows, strict=True):
        for axes, (title, found) in zip(panels, _frames(vectors, word, analogy), strict=True):
            draw_neighbours(axes, title, found)
        panels[0].set_ylabel(name, fontweight="bold")
    figure.draw_without_rendering()
    return figure


def _frames(vectors: WordVectors, word: str, analogy: Sequence[str]) -> list[tuple[str, Found]]:
    a, b, c = analogy
    title = title_of(analogy)
    return [
        (word, vectors.neighbours(word, SHOWN)),
        (f"{title}, any word", vectors.analogy(a, b, c, SHOWN, own_words=True)),
        (f"{title}, others only", vectors.analogy(a, b, c, SHOWN, own_words=False)),
    ]
