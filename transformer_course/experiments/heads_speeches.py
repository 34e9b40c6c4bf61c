"""The plays of lesson 07: three genres, folds that hold out whole plays, speeches as rows of ids.

Who is tested on a speech must not have read the play that it comes from: speeches of one play
share names, places and plot, and naming the play names its genre.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from transformer_course.data import Play, shakespeare_text, split_plays
from transformer_course.tokenization import AnyTokenizer, BytePairTokenizer

GENRES = ("comedies", "histories", "tragedies")
NUM_FOLDS = 5
FEWEST_WORDS = 20
NUM_TOKENS = 64
"""As much of a speech as the trunk reads."""

VOCAB_SIZE = 1_024
PADDING_ID = 0
"""The token of byte 0, which no play holds: free to fill up what is short."""


@dataclass(frozen=True)
class Speeches:
    """Speeches with the plays that they come from and the genres of these."""

    texts: tuple[str, ...]
    labels: Int[Tensor, " speech"]
    plays: tuple[str, ...]

    def chosen(self, places: Int[Tensor, " chosen"]) -> "Speeches":
        """Return some of the speeches."""
        numbers = places.tolist()
        return Speeches(
            tuple(self.texts[number] for number in numbers),
            self.labels[places],
            tuple(self.plays[number] for number in numbers),
        )


def plays_with_genre(plays: Sequence[Play]) -> list[Play]:
    """Return the plays of the three genres, genre by genre."""
    return sorted(
        (play for play in plays if play.genre in GENRES), key=lambda play: (play.genre, play.slug)
    )


def split_fold(plays: Sequence[Play], fold: int) -> tuple[list[Play], list[Play]]:
    """Hold every fifth play out, so that each fold has its share of each genre.

    Args:
        plays: All plays, or more: those of other genres are left out.
        fold: 0 to 4; each play is held out in one of the five.

    Raises:
        ValueError: If there is no such fold, or a genre is missing from a part.
    """
    if fold not in range(NUM_FOLDS):
        raise ValueError(f"fold={fold} is none of 0 to {NUM_FOLDS - 1}")
    sorted_plays = plays_with_genre(plays)
    held_out = sorted_plays[fold::NUM_FOLDS]
    rest = [play for play in sorted_plays if play not in held_out]
    for part in (rest, held_out):
        missing = sorted(set(GENRES) - {play.genre for play in part})
        if missing:
            raise ValueError(
                f"{len(sorted_plays)} plays leave no play of {missing[0]} in a part of fold "
                f"{fold}; give all that load_shakespeare() returns"
            )
    return rest, held_out


def split_unread(plays: Sequence[Play]) -> tuple[list[Play], list[Play]]:
    """Split the plays of the three genres by what the course's own trunk has read.

    Returns:
        The 19 that it was trained on, and six that it has not read, two of each genre.
    """
    split = split_plays(plays)
    unread = plays_with_genre((*split.validation, *split.test))
    return plays_with_genre(split.train), unread


def read_speeches(plays: Sequence[Play]) -> Speeches:
    """Collect the speeches of 20 words or more; the speaker's name is left out.

    Raises:
        ValueError: If a play is of none of the three genres.
    """
    texts, labels, slugs = [], [], []
    for play in plays:
        if play.genre not in GENRES:
            raise ValueError(f"{play.slug} is of the genre {play.genre!r}, expected {GENRES}")
        for speech in play.speeches:
            if len(speech.text.split()) >= FEWEST_WORDS:
                texts.append(speech.text)
                labels.append(GENRES.index(play.genre))
                slugs.append(play.slug)
    return Speeches(tuple(texts), torch.tensor(labels), tuple(slugs))


def encode_speeches(
    speeches: Speeches, tokenizer: AnyTokenizer, num_tokens: int = NUM_TOKENS
) -> Int[Tensor, "speech token"]:
    """Return the first tokens of each speech as a row, filled up with padding."""
    rows = torch.full((len(speeches.texts), num_tokens), PADDING_ID)
    for row, text in zip(rows, speeches.texts, strict=True):
        ids = tokenizer.encode(text)[:num_tokens]
        row[: len(ids)] = torch.tensor(ids)
    return rows


def beginnings(speeches: Speeches, tokenizer: AnyTokenizer) -> Speeches:
    """Cut each speech to the text that the trunk reads of it."""
    texts = (tokenizer.decode(tokenizer.encode(text)[:NUM_TOKENS]) for text in speeches.texts)
    return Speeches(tuple(texts), speeches.labels, speeches.plays)


def without_names(speeches: Speeches) -> Speeches:
    """Strike out every word that is written with a capital and, in all the speeches, never small.

    That takes names and places, and a few rare words that only ever begin a line.
    """
    small = {word for text in speeches.texts for word in re.findall(r"\b[a-z][a-z']+", text)}

    def kept(word: re.Match[str]) -> str:
        return word[0] if word[0].lower() in small else ""

    texts = (re.sub(r"\b[A-Z][A-Za-z']+", kept, text) for text in speeches.texts)
    return Speeches(tuple(texts), speeches.labels, speeches.plays)


@dataclass(frozen=True)
class Library:
    """Plays to read and plays held out, with the tokens that the first have taught.

    Attributes:
        train: Plays to learn from.
        held_out: Plays that nothing has read.
        tokenizer: Learned from the first.
    """

    train: tuple[Play, ...]
    held_out: tuple[Play, ...]
    tokenizer: BytePairTokenizer

    def text(self, *, held_out: bool) -> str:
        """Return one of the two parts as a text, speakers' names and all."""
        return shakespeare_text(self.held_out if held_out else self.train)

    def ids(self, *, held_out: bool) -> Int[Tensor, " token"]:
        """Return that text as tokens."""
        return torch.tensor(self.tokenizer.encode(self.text(held_out=held_out)))


def open_library(plays: Sequence[Play], fold: int = 0) -> Library:
    """Hold a fold's plays out, and learn 768 merges from the others."""
    train, held_out = split_fold(plays, fold)
    tokenizer = BytePairTokenizer.train(shakespeare_text(train), VOCAB_SIZE)
    return Library(tuple(train), tuple(held_out), tokenizer)
