"""Tokens as they are shown: what each looks like, and its number, whichever tokenizer made it.

Builds on: tokenization_corpus.  Lacks: colours (tokenization_plots, the folder widgets).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformer_course.byte_pair_merges import Pair, merge_by_rank, split_into_bytes
from transformer_course.experiments.tokenization_corpus import (
    byte_pair_tokenizer,
    split,
    word_piece,
)
from transformer_course.pre_tokenization import PreTokenizer
from transformer_course.tokenization import BytePairTokenizer, CharacterTokenizer, Merge

CHARACTERS, BYTES, BYTE_PAIRS, WORD_PIECE = "characters", "bytes", "byte pairs", "WordPiece"
TOKENIZERS = (CHARACTERS, BYTES, BYTE_PAIRS, WORD_PIECE)
UNKNOWN = "[UNK]"


@dataclass(frozen=True)
class Piece:
    """A token as it is shown.

    Attributes:
        shown: Its text, everything in it made visible.
        token_id: Its number.
    """

    shown: str
    token_id: int


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A text, and what a tokenizer makes of it.

    Attributes:
        text: What was cut.
        pieces: Its tokens.
        decoded: What decoding makes of their numbers.
    """

    text: str
    pieces: Sequence[Piece]
    decoded: str

    @property
    def written(self) -> str:
        """The tokens on one line, a bar between two of them."""
        return written(self.pieces)

    @property
    def sentence(self) -> str:
        """How many there are, and whether the text comes back."""
        count, length = len(self.pieces), len(self.text)
        numbers = f"{_counted(count, 'token')} for {_counted(length, 'character')}"
        ratio = f": {length / count:.2f} characters a token" if count else ""
        back = (
            "Decoded, they are the same text."
            if self.decoded == self.text
            else f"Decoded, they are another text: “{visible(self.decoded)}”."
        )
        return f"{numbers}{ratio}. {back}"


def written(pieces: Iterable[Piece]) -> str:
    """Write tokens on one line, a bar between two of them."""
    return " | ".join(piece.shown for piece in pieces)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def visible(text: str) -> str:
    """Show a space as ·, a newline as ⏎, and what has no looks of its own as its code point."""
    return "".join(map(_visible_character, text, f" {text}"))


def _visible_character(character: str, before: str) -> str:
    usual = {" ": "·", "\n": "⏎", "\t": "⇥"}
    if character in usual:
        return usual[character]
    kind = unicodedata.category(character)
    if kind[0] in "CZ":
        return f"⟨U+{ord(character):04X}⟩"
    # A mark whose letter stands in the token before this one would sit on that token.
    alone = kind[0] == "M" and unicodedata.category(before)[0] not in "LM"
    return f"◌{character}" if alone else character


def visible_bytes(token: bytes) -> str:
    """Show a token of bytes as text, or as numbers in base 16 where it is no whole character."""
    try:
        return visible(token.decode())
    except UnicodeDecodeError:
        return f"⟨{token.hex(' ').upper()}⟩"


def cut_by(tokenizer: str, text: str, num_merges: int = 0, merge: Merge = merge_by_rank) -> Cut:
    """Cut a text by one of `TOKENIZERS`, all of them learned from the 26 plays but WordPiece.

    Args:
        tokenizer: Its name.
        text: What to cut.
        num_merges: Of byte pairs, how many merges to use.
        merge: What applies them.

    Raises:
        ValueError: If the text holds what the tokenizer has no number for.
    """
    if tokenizer == WORD_PIECE:
        return _by_word_piece(text)
    if tokenizer == CHARACTERS:
        characters = _character_tokenizer()
        ids = characters.encode(text)
        pieces = [Piece(visible(characters.decode([token_id])), token_id) for token_id in ids]
        return Cut(text=text, pieces=pieces, decoded=characters.decode(ids))
    learned = byte_pair_tokenizer(256 + (num_merges if tokenizer == BYTE_PAIRS else 0))
    byte_pairs = BytePairTokenizer(learned.vocab, learned.merges, merge=merge)
    ids = byte_pairs.encode(text)
    pieces = [Piece(visible_bytes(byte_pairs.vocab[token_id]), token_id) for token_id in ids]
    return Cut(text=text, pieces=pieces, decoded=byte_pairs.decode(ids))


def cut_by_merges(text: str, merges: Sequence[Pair]) -> list[Piece]:
    """Cut a text by merges that were just learned; the number of a token is its place in it."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    tokens = [
        token
        for word in PreTokenizer().split(text)
        for token in merge_by_rank(split_into_bytes(word), ranks)
    ]
    return [Piece(visible_bytes(token), place) for place, token in enumerate(tokens)]


def rows_of_cuts(text: str, merges: Sequence[int]) -> dict[str, Sequence[Piece]]:
    """Cut a text by characters, by so many merges each and by WordPiece.

    Args:
        text: What to cut.
        merges: How many to use, for each row of byte pairs.

    Returns:
        The tokens, by a name that counts them; the longest row first.
    """
    cuts = {name: cut_by(name, text) for name in (CHARACTERS, WORD_PIECE)}
    cuts |= {f"{number:,} merges": cut_by(BYTE_PAIRS, text, number) for number in merges}
    longest_first = sorted(cuts.items(), key=lambda cut: -len(cut[1].pieces))
    return {f"{name}: {len(cut.pieces)}": cut.pieces for name, cut in longest_first}


def _character_tokenizer() -> CharacterTokenizer:
    return CharacterTokenizer(_characters())


def _characters() -> str:
    seen = {sign for play in split().train for speech in play.speeches for sign in speech.text}
    return "".join(sorted(seen))


def _by_word_piece(text: str) -> Cut:
    encoded = word_piece().encode(text, add_special_tokens=False)
    pairs = zip(encoded.tokens, encoded.ids, strict=True)
    pieces = [Piece(visible(token), token_id) for token, token_id in pairs]
    return Cut(text=text, pieces=pieces, decoded=word_piece().decode(encoded.ids))
