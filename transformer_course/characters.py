"""Characters: the simplest tokenizer gives each character of a text a number.

Builds on: nothing.  Lacks: a file (tokenization), and a number for a character it has never seen.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

Tokenizer = TypeVar("Tokenizer", bound="CharacterTokenizer")


class CharacterTokenizer:
    """One token a character; the character at place i of `characters` has id i."""

    def __init__(self, characters: str) -> None:
        """Make a tokenizer of exactly these characters.

        Raises:
            ValueError: If there is no character, or one of them stands twice.
        """
        check_characters(characters)
        self.characters = characters
        self.ids = {character: token_id for token_id, character in enumerate(characters)}

    @classmethod
    def train(cls: type[Tokenizer], text: str) -> Tokenizer:
        """Collect the distinct characters of `text`, in the order of their code points.

        Raises:
            ValueError: If the text is empty.
        """
        check_training_text(text)
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> list[int]:
        """Turn text into ids.

        Raises:
            ValueError: If a character of the text is not in the vocabulary.
        """
        unknown = set(text) - self.ids.keys()
        if unknown:
            raise ValueError(
                f"character {min(unknown)!r} (U+{ord(min(unknown)):04X}) is not among the "
                f"{len(self.ids)} characters of this tokenizer; remove it, or train on a text "
                "that contains it"
            )
        return [self.ids[character] for character in text]

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids into text.

        Raises:
            ValueError: If an id is outside the vocabulary.
        """
        check_ids(ids, len(self.characters))
        return "".join(self.characters[token_id] for token_id in ids)


def check_characters(characters: str) -> None:
    """Refuse a vocabulary that is empty or names a character twice."""
    if not characters:
        raise ValueError("the vocabulary is empty; give at least one character")
    character, count = Counter(characters).most_common(1)[0]
    if count > 1:
        raise ValueError(f"character {character!r} stands {count} times; give each one once")


def check_training_text(text: str) -> None:
    """Refuse a text from which no vocabulary can be made."""
    if not text:
        raise ValueError("the training text is empty; give a text of at least one character")


def check_ids(ids: Iterable[int], vocab_size: int) -> None:
    """Refuse ids that no token has."""
    for token_id in ids:
        if not 0 <= token_id < vocab_size:
            raise ValueError(
                f"id {token_id} is outside the vocabulary; ids run from 0 to {vocab_size - 1}"
            )
