"""What the widget of lesson 05 knows of words: a vector for each, and three matrices.

All numbers are chosen by hand, so that each can be followed; a trained model finds its own.

Builds on: nothing.  Lacks: positions and attention (attention_scene).
"""

import math
from collections.abc import Mapping
from hashlib import blake2b

BANK_SENTENCE = "The bank of the river was crowded, but the financial bank was empty"
FEWEST_WORDS, MOST_WORDS = 2, 16

FEATURES = ("water", "money", "crowd", "place")
"""What the four numbers of a word's vector say: has to do with it (1), not (0), opposite (−1)."""

VECTORS: Mapping[str, tuple[float, float, float, float]] = {
    "bank": (0.5, 0.5, 0, 1),  # one vector for both meanings: nothing but its context can tell
    "river": (1, 0, 0, 0),
    "financial": (0, 1, 0, 0),
    "crowded": (0, 0, 1, 0),
    "empty": (0, 0, -1, 0),
    "the": (0.1, 0.1, 0, 0.1),
    "of": (0.2, 0, 0, -0.1),
    "was": (0, 0, 0.1, -0.1),
    "but": (0, 0.1, -0.1, 0),
    "a": (0.1, 0, 0, 0.1),
    "in": (0, 0, 0.1, 0.1),
    "and": (0, 0.1, 0, -0.1),
    "is": (0, 0, -0.1, -0.1),
    "water": (1, 0, 0, -0.2),
    "boat": (0.9, 0, 0.1, -0.1),
    "fish": (0.8, 0, -0.1, 0),
    "muddy": (0.8, -0.1, 0, 0),
    "shore": (0.8, 0, 0, 0.8),
    "money": (0, 1, 0, -0.2),
    "loan": (0, 0.9, -0.1, -0.1),
    "cash": (0, 0.8, 0.1, 0),
    "rich": (-0.1, 0.8, 0, 0),
    "people": (0, 0, 0.8, 0.1),
    "busy": (0, 0, 0.9, 0.1),
    "full": (0, 0, 0.9, -0.1),
    "quiet": (0, 0, -0.9, 0.1),
    "closed": (0, 0.1, -0.8, 0),
}

UNKNOWN_LENGTH = 0.6
"""How long the vectors are that other words get from their letters."""

Matrix = tuple[tuple[float, float], ...]

ASKS: Matrix = ((-1.3, -1.3), (-1.3, -1.3), (1.6, -1.6), (3.1, 3.1))
"""From a vector to its query: a place asks for water and money, both of these ask for a place, and
a word about crowds asks for its opposite."""

ANSWERS: Matrix = ((2.0, 0.0), (0.0, 2.0), (-1.2, 1.2), (-2.0, -2.0))
"""From a vector to its key: water to the right, money up, crowds up left, places down left."""

HANDS_OUT: Matrix = ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0))
"""From a vector to its value: what it has of water and of money."""

MOST_SIGNS = 24
"""Of longer words a sentence shows the beginning."""

TURNING_SIGNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Unicode's marks that begin or end a stretch of text in one direction."""


def read_words(text: str) -> tuple[str, ...]:
    """Split a sentence at its spaces, and take the punctuation off its words.

    Raises:
        ValueError: If there are fewer than 2 or more than 16 words.
    """
    # Half a pair of surrogates can neither be drawn nor sent to the page; signs that turn the
    # direction of writing would turn what stands beside the word, too.
    typed = text.encode("utf-8", "replace").decode().translate(TURNING_SIGNS).split()
    if not FEWEST_WORDS <= len(typed) <= MOST_WORDS:
        count = f"{len(typed) or 'no'} word{'' if len(typed) == 1 else 's'}"
        do = "add some" if len(typed) < FEWEST_WORDS else "take some away"
        raise ValueError(f"the sentence has {count}, expected {FEWEST_WORDS} to {MOST_WORDS}; {do}")
    return tuple(word.strip(".,;:!?…()\"'“”‘’") or word for word in typed)


def is_known(word: str) -> bool:
    """Whether the word's vector was chosen by hand."""
    return word.casefold() in VECTORS


def vector(word: str) -> tuple[float, ...]:
    """Return the four numbers of a word, wherever it stands; upper case changes nothing.

    A word that is not in the table gets numbers from its letters: always the same, and without
    a meaning.
    """
    if is_known(word):
        return VECTORS[word.casefold()]
    digest = blake2b(word.casefold().encode(), digest_size=len(FEATURES)).digest()
    numbers = [byte - 127.5 for byte in digest]
    return tuple(UNKNOWN_LENGTH * number / math.hypot(*numbers) for number in numbers)


def named(word: str, place: int) -> str:
    """Name a word and where it stands, counted from 1."""
    return f"{quoted(word)} (word {place + 1})"


def quoted(word: str) -> str:
    """Put a word, or the beginning of a very long one, between quotation marks."""
    shown = word if len(word) <= MOST_SIGNS else f"{word[: MOST_SIGNS - 1]}…"
    # Isolated, so that a word written from right to left does not turn the sentence around.
    return (
        f"“{shown}”"
        if shown.isascii()
        else f"“\N{FIRST STRONG ISOLATE}{shown}\N{POP DIRECTIONAL ISOLATE}”"
    )


def signed(number: float) -> str:
    """Write a number with two digits, and a real minus sign where it needs one."""
    return f"{round(number, 2) + 0:.2f}".replace("-", "−")
