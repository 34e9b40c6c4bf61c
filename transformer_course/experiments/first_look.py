"""Lesson 00, measured: how well the committed model writes, and what it expects.

Each measurement has its control: counting letters, a model before training, a play that is real.

Builds on: trained, heads (experiments).  Lacks: a look inside (first_look_bank), pictures
(first_look_plots).
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from jaxtyping import Int
from torch import Tensor

from transformer_course.claims import Bound, Finding, above, below
from transformer_course.data import PlaySplit, load_shakespeare, shakespeare_text, split_plays
from transformer_course.device import one_thread
from transformer_course.experiments.heads import ngram_losses
from transformer_course.generation import generate
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer
from transformer_course.tokenization import CharacterTokenizer
from transformer_course.trained import TrainedWriter
from transformer_course.training import evaluate
from transformer_course.windows import TokenStream

WORD = re.compile(r"'?[a-z]+(?:['-][a-z]+)*")
PROMPT = "ROMEO:\n"
RUN = 5
"""Words in a row: as many as are rarely alike by chance."""
TIMID, USUAL, BOLD = 0.2, 0.8, 1.5
"""The temperatures that lesson 00 shows."""


@dataclass(frozen=True, kw_only=True)
class UnseenLoss:
    """Losses on text that none of those who are compared has read, in nats a character.

    Attributes:
        model: The model's.
        unigram: That of counting how often each character comes.
        five_gram: That of counting what follows each four characters.
    """

    model: float
    unigram: float
    five_gram: float


def loss_a_character(writer: TrainedWriter, text: str) -> float:
    """Measure a model's loss on the whole of a text, divided by its characters.

    Whatever the tokens are: a model that reads in longer pieces answers fewer and harder questions.
    """
    ids = writer.tokenizer.encode(text)
    stream = TokenStream(ids, ids, writer.model.config.context_length)
    with one_thread():
        loss_a_token = evaluate(writer.model, stream.validation_batches())
    return loss_a_token * (len(ids) - 1) / len(text)


def unseen_loss(writer: TrainedWriter, text: str, split: PlaySplit | None = None) -> UnseenLoss:
    """Compare the model with counting, both on one unseen text.

    Args:
        writer: The model.
        text: Of plays that it has not read.
        split: Whose training plays are counted; those of `split_plays` if left out.
    """
    split = split_plays(load_shakespeare()) if split is None else split
    read = shakespeare_text(split.train)
    characters = CharacterTokenizer.train(read + text)
    counted = ngram_losses(
        torch.tensor(characters.encode(read)),
        torch.tensor(characters.encode(text)),
        characters.vocab_size,
        highest_order=5,
    )
    return UnseenLoss(
        model=loss_a_character(writer, text), unigram=counted[1], five_gram=counted[5]
    )


def the_model_beats_counting(losses: UnseenLoss) -> Finding:
    """Judge whether the model has learned more than what counting gives for free."""
    model, five = below(losses.model, MOST_LOSS), above(losses.five_gram, 1.6)
    one = above(losses.unigram, 3.2)
    return Finding(
        f"a play that it never read: {told(losses.model, model)} nats a character",
        f"counting what follows four characters: {told(losses.five_gram, five)}; "
        f"counting characters: {told(losses.unigram, one)}",
        model.holds and five.holds and one.holds and losses.model < losses.five_gram,
    )


def told(number: float, bound: Bound, digits: int = 2) -> str:
    """Return a number of a committed model, which rounding makes the same on all machines.

    Args:
        number: What was measured.
        bound: Its bound; where it is broken, its words are returned.
        digits: After the point.
    """
    return f"{number:.{digits}f}" if bound.holds else bound.words


MOST_LOSS = 1.5


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
    """Judge what the last one leaves out: at a low temperature stock phrases come again."""
    copied, again = above(words.copied[TIMID], FEW), above(words.repeated[TIMID], 0.1)
    few, hardly = below(words.copied[USUAL], FEW), below(words.repeated[USUAL], FEW)
    return Finding(
        f"at temperature {TIMID:g}: {told(words.copied[TIMID], copied, 3)}; runs it had written "
        f"before: {told(words.repeated[TIMID], again)}",
        f"at {USUAL:g}: {told(words.copied[USUAL], few, 3)} and "
        f"{told(words.repeated[USUAL], hardly)}",
        copied.holds and again.holds and few.holds and hardly.holds,
    )


FEW = 0.02


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model said at each place of a text.

    Attributes:
        read: The tokens that were read.
        wanted: The tokens that came next.
        probabilities: What the model gave to those.
        loss: The mean of −log of these, in nats a token.
    """

    read: Sequence[str]
    wanted: Sequence[str]
    probabilities: Sequence[float]
    loss: float


@torch.inference_mode()
def answers(
    writer: TrainedWriter, inputs: Int[Tensor, "1 length"], targets: Int[Tensor, "1 length"]
) -> Answers:
    """Ask a model what comes next at each place of one row, and how probable the targets were."""
    logits = writer.model(inputs).logits
    probabilities = logits.softmax(-1).gather(-1, targets[..., None])[0, :, 0]
    read, wanted = (
        [writer.tokenizer.decode([token]) for token in ids[0].tolist()] for ids in (inputs, targets)
    )
    return Answers(
        read=read,
        wanted=wanted,
        probabilities=probabilities.tolist(),
        loss=cross_entropy(logits, targets).item(),
    )
