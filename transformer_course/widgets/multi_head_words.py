"""Three words, four numbers each, two heads: the example of lesson 06, small enough for paper.

The first head is lesson 05's: a place asks for water and for money. The second is new: a place
asks whether it is crowded. Side by side their matrices make one of four columns.

Builds on: attention_words.  Lacks: trained weights.
"""

from transformer_course.widgets.attention_words import ANSWERS, ASKS

Matrix = tuple[tuple[float, ...], ...]

THREE_WORDS = ("crowded", "river", "bank")
NUM_HEADS = 2

ASKS_IF_CROWDED: Matrix = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (1.8, 0.0))
"""From a vector to the second head's query: only a place asks, and for one thing."""

ANSWERS_IF_CROWDED: Matrix = ((0.0, 0.0), (0.0, 0.0), (2.0, 0.0), (0.0, 0.0))
"""From a vector to the second head's key: only what has to do with crowds answers."""

HANDS_OUT_ALL: Matrix = (
    (1.0, 0.0, 0.0, 0.0),
    (0.0, 1.0, 0.0, 0.0),
    (0.0, 0.0, 1.0, 0.0),
    (0.0, 0.0, 0.0, 1.0),
)
"""From a vector to the values of both heads: the first half to one, the second to the other."""


def side_by_side(left: Matrix, right: Matrix) -> Matrix:
    """Write two heads' matrices as one, the first head's columns in front."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


BOTH_ASK = side_by_side(ASKS, ASKS_IF_CROWDED)
BOTH_ANSWER = side_by_side(ANSWERS, ANSWERS_IF_CROWDED)
