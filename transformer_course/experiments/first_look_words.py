"""Lesson 00, measured: how well the committed model writes, word by word and run by run.

Each measurement has its control: a bolder or a timid text, a model before training, a real play.

Builds on: trained, generation, first_look.  Lacks: a look inside (first_look_bank), pictures
(first_look_plots).
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from transformer_course.claims import Finding, above, below
from transformer_course.data import PlaySplit, load_shakespeare, shakespeare_text, split_plays
from transformer_course.device import one_thread
from transformer_course.experiments.first_look import told
from transformer_course.generation import generate
from transformer_course.model import Transformer
from transformer_course.trained import TrainedWriter

WORD = re.compile(r"'?[a-z]+(?:['-][a-z]+)*")
PROMPT = "ROMEO:\n"
RUN = 5
"""Words in a row: as many as are rarely alike by chance."""
TIMID, USUAL, BOLD = 0.2, 0.8, 1.5
"""The temperatures that lesson 00 shows."""
FEW = 0.02
"""Of runs of words: a share below it is next to nothing."""


@dataclass(frozen=True, kw_only=True)
class WrittenWords:
    """What written text is made of, in shares, by temperature.

    Attributes:
        known: Of words that stand in the plays the model has read.
        copied: Of runs of five words that stand in those plays.
        repeated: Of runs that it has written before, in this text or another of that temperature.
        untrained: Known words of an untrained model of its shape, at the usual temperature.
        real: Copied runs in a play by Shakespeare that the model has not read.
    """

    known: Mapping[float, float]
    copied: Mapping[float, float]
    repeated: Mapping[float, float]
    untrained: float
    real: float


def written_words(
    writer: TrainedWriter,
    *,
    num_texts: int = 16,
    length: int = 120,
    seed: int = 0,
    split: PlaySplit | None = None,
) -> WrittenWords:
    """Let the model write many short texts, and look each word and run of words up in the plays.

    Args:
        writer: The model.
        num_texts: How many texts at each temperature.
        length: Tokens of a text.
        seed: Of what is drawn.
        split: Which plays the model has read.
    """
    split = split_plays(load_shakespeare()) if split is None else split
    read = words_of(shakespeare_text(split.train))
    vocabulary, known_runs = set(read), set(_runs(read))
    texts = {
        temperature: _texts(writer, writer.model, temperature, num_texts, length, seed)
        for temperature in (TIMID, USUAL, BOLD)
    }
    runs = {at: list(chain(*map(_runs, written))) for at, written in texts.items()}
    blank = Transformer(writer.model.config, generator=torch.Generator().manual_seed(seed))
    texts_before = _texts(writer, blank, USUAL, num_texts, length, seed)
    unread = words_of(shakespeare_text(split.validation[:1]))
    return WrittenWords(
        known={at: _share(vocabulary, chain(*written)) for at, written in texts.items()},
        copied={at: _share(known_runs, found) for at, found in runs.items()},
        repeated={at: 1 - len(set(found)) / max(1, len(found)) for at, found in runs.items()},
        untrained=_share(vocabulary, chain(*texts_before)),
        real=_share(known_runs, _runs(unread)),
    )


@dataclass(frozen=True, kw_only=True)
class UnknownWords:
    """Words that stand in none of the plays that a model has read.

    Attributes:
        unknown: These, in the order of the text.
        num_words: How many words the text has, these included.
    """

    unknown: Sequence[str]
    num_words: int


def unknown_words(
    writer: TrainedWriter,
    temperatures: Sequence[float],
    *,
    length: int = 300,
    seed: int = 1,
    split: PlaySplit | None = None,
) -> tuple[Mapping[float, UnknownWords], UnknownWords]:
    """Look up each word of one text a temperature, and of a play that the model has not read.

    Args:
        writer: The model; it goes on from ROMEO, as the writing desk does.
        temperatures: One a text.
        length: Tokens of a text.
        seed: Of each text.
        split: Which plays the model has read.
    """
    split = split_plays(load_shakespeare()) if split is None else split
    known = set(words_of(shakespeare_text(split.train)))

    def looked_up(words: Sequence[str]) -> UnknownWords:
        unknown = [word for word in words if word not in known]
        return UnknownWords(unknown=unknown, num_words=len(words))

    return (
        {
            at: looked_up(_texts(writer, writer.model, at, 1, length, seed)[0])
            for at in temperatures
        },
        looked_up(words_of(shakespeare_text(split.validation[:1]))),
    )


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, names of speakers included."""
    return WORD.findall(text.lower())


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)]


def _share(known: Collection[object], asked: Iterable[object]) -> float:
    found = [one in known for one in asked]
    return sum(found) / max(1, len(found))


def _texts(
    writer: TrainedWriter,
    model: Transformer,
    temperature: float,
    num_texts: int,
    length: int,
    seed: int,
) -> list[list[str]]:
    with one_thread():
        written = generate(
            model,
            [writer.tokenizer.encode(PROMPT)] * num_texts,
            length,
            temperature=temperature,
            generator=torch.Generator().manual_seed(seed),
        )
    # The last word may have been cut in two.
    return [words_of(writer.tokenizer.decode(ids))[:-1] for ids in written]


def it_writes_words(words: WrittenWords) -> Finding:
    """Judge whether what the model writes are words."""
    usual, bold = words.known[USUAL], words.known[BOLD]
    known, fewer, untrained = above(usual, 0.9), below(bold, 0.85), below(words.untrained, 0.5)
    return Finding(
        f"words written at temperature {USUAL:g} that stand in the plays it has read: "
        f"{told(usual, known)}",
        f"at temperature {BOLD:g}: {told(bold, fewer)}; before training: "
        f"{told(words.untrained, untrained)}",
        known.holds and fewer.holds and untrained.holds,
    )


def it_does_not_copy(words: WrittenWords) -> Finding:
    """Judge whether its runs of words are lifted from the plays it has read."""
    copied, real = below(words.copied[USUAL], FEW), below(words.real, FEW)
    return Finding(
        f"runs of {RUN} words at temperature {USUAL:g} that stand in those plays: "
        f"{told(words.copied[USUAL], copied, 3)}",
        f"of the runs in a play by Shakespeare that it has not read: {told(words.real, real, 3)}",
        copied.holds and real.holds,
    )


def timid_it_repeats(words: WrittenWords) -> Finding:
    """Judge what it_does_not_copy leaves out: at a low temperature stock phrases come again."""
    copied, again = above(words.copied[TIMID], FEW), above(words.repeated[TIMID], 0.1)
    few, hardly = below(words.copied[USUAL], FEW), below(words.repeated[USUAL], FEW)
    return Finding(
        f"runs at temperature {TIMID:g} that stand there: {told(words.copied[TIMID], copied, 3)}; "
        f"that it had written before: {told(words.repeated[TIMID], again)}",
        f"at {USUAL:g}: {told(words.copied[USUAL], few, 3)} and "
        f"{told(words.repeated[USUAL], hardly)}",
        copied.holds and again.holds and few.holds and hardly.holds,
    )
