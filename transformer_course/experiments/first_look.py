"""Lesson 00, measured: how well the committed model writes, and where one head of MiniLM looks.

Each measurement has its control: counting letters, a model before training, a play that is real.

Builds on: trained, pretrained, heads (experiments).  Lacks: pictures (first_look_plots).
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.claims import Finding, above, below
from transformer_course.data import PlaySplit, load_shakespeare, shakespeare_text, split_plays
from transformer_course.experiments.heads import ngram_losses
from transformer_course.generation import generate
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer
from transformer_course.pretrained import PretrainedEncoder
from transformer_course.tokenization import CharacterTokenizer
from transformer_course.trained import TrainedWriter
from transformer_course.training import evaluate
from transformer_course.windows import TokenStream

BANK_SENTENCE = "The bank of the river was crowded, but the financial bank was empty."
WORD = re.compile(r"'?[a-z]+(?:['-][a-z]+)*")
PROMPT = "ROMEO:\n"
RUN = 5
"""Words in a row: as many as are rarely alike by chance."""


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
    model = below(losses.model, MOST_LOSS)
    five, one = above(losses.five_gram, 1.6), above(losses.unigram, 3.2)
    return Finding(
        f"a play that it never read: {model} nats a character",
        f"counting what follows four characters: {five}; counting characters: {one}",
        model.holds and five.holds and one.holds and losses.model < losses.five_gram,
    )


MOST_LOSS = 1.5


@dataclass(frozen=True, kw_only=True)
class WrittenWords:
    """What written text is made of, in shares.

    Attributes:
        known: By temperature, the share of words that stand in the plays the model has read.
        untrained: The same for an untrained model of its shape, at the first of the temperatures.
        copied: Share of runs of five words that stand in those plays, at that temperature.
        real: The same share in a play by Shakespeare that the model has not read.
    """

    known: Mapping[float, float]
    untrained: float
    copied: float
    real: float


def written_words(
    writer: TrainedWriter,
    temperatures: Sequence[float] = (0.8, 1.5),
    *,
    num_texts: int = 16,
    length: int = 120,
    seed: int = 0,
    split: PlaySplit | None = None,
) -> WrittenWords:
    """Let the model write many short texts, and look each word and run of words up in the plays.

    Args:
        writer: The model.
        temperatures: To write at; the first is the one that copying is measured at.
        num_texts: How many texts at each.
        length: Tokens of a text.
        seed: Of what is drawn.
        split: Which plays the model has read.
    """
    split = split_plays(load_shakespeare()) if split is None else split
    read = words_of(shakespeare_text(split.train))
    vocabulary, runs = set(read), set(_runs(read))
    texts = {
        temperature: _texts(writer, writer.model, temperature, num_texts, length, seed)
        for temperature in temperatures
    }
    blank = Transformer(writer.model.config, generator=torch.Generator().manual_seed(seed))
    first = temperatures[0]
    texts_before = _texts(writer, blank, first, num_texts, length, seed)
    unread = words_of(shakespeare_text(split.validation[:1]))
    return WrittenWords(
        known={at: _share(vocabulary, chain(*written)) for at, written in texts.items()},
        untrained=_share(vocabulary, chain(*texts_before)),
        copied=_share(runs, chain(*map(_runs, texts[first]))),
        real=_share(runs, _runs(unread)),
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
    (_, cool), (hot_temperature, hot) = words.known.items()
    known, fewer, untrained = above(cool, 0.9), below(hot, 0.85), below(words.untrained, 0.5)
    return Finding(
        f"share of the words it writes that stand in the plays it has read: {known}",
        f"at temperature {hot_temperature:g} {fewer}; before training {untrained}",
        known.holds and fewer.holds and untrained.holds,
    )


def it_does_not_copy(words: WrittenWords) -> Finding:
    """Judge whether its runs of words are lifted from the plays it has read."""
    copied, real = below(words.copied, FEW), below(words.real, FEW)
    return Finding(
        f"share of its runs of {RUN} words that stand in those plays: {copied}",
        f"of the runs in a play by Shakespeare that it has not read: {real}",
        copied.holds and real.holds,
    )


FEW = 0.02


@dataclass(frozen=True, kw_only=True)
class BankHeads:
    """How much weight every head of MiniLM gives from a "bank" to "river".

    Attributes:
        first: From the first "bank", that of the river, one number a head.
        second: From the second "bank", the financial one.
        untrained: From the first, in a model of the same shape that was never trained.
    """

    first: Float[Tensor, "layer head"]
    second: Float[Tensor, "layer head"]
    untrained: Float[Tensor, "layer head"]


def bank_heads(minilm: PretrainedEncoder, seed: int = 0) -> BankHeads:
    """Have the model read the bank sentence, and an untrained one of its shape as well."""
    blank = Transformer(minilm.model.config, generator=torch.Generator().manual_seed(seed)).eval()
    untrained = PretrainedEncoder(model=blank, tokenizer=minilm.tokenizer)
    first, second = river_weights(minilm)
    return BankHeads(first=first, second=second, untrained=river_weights(untrained)[0])


def river_weights(
    encoder: PretrainedEncoder,
) -> tuple[Float[Tensor, "layer head"], Float[Tensor, "layer head"]]:
    """Return the weight from each of the two "bank"s to "river", for every head."""
    reading = encoder.read(BANK_SENTENCE)
    weights = torch.cat(reading.output.attention_weights)
    first, second = (place for place, word in enumerate(reading.tokens) if word == "bank")
    river = reading.tokens.index("river")
    return weights[:, :, first, river], weights[:, :, second, river]


LAYER, HEAD = 0, 4


def one_head_looks_at_the_river(heads: BankHeads) -> Finding:
    """Judge head 0.4 against all heads, and against an untrained model."""
    mine = above(heads.first[LAYER, HEAD].item(), 0.6)
    mean, untrained = (
        below(heads.first.mean().item(), 0.1),
        below(heads.untrained.max().item(), 0.1),
    )
    return Finding(
        f"head {LAYER}.{HEAD}, from the first “bank” to “river”: {mine}",
        f"mean of all {heads.first.numel()} heads {mean}; the largest before training {untrained}",
        mine.holds and mean.holds and untrained.holds,
    )


def so_does_the_financial_bank(heads: BankHeads) -> Finding:
    """Judge what the tidy story leaves out: the second "bank" looks at "river" as well."""
    second = above(heads.second[LAYER, HEAD].item(), 0.35)
    less = heads.second[LAYER, HEAD] < heads.first[LAYER, HEAD]
    mean = below(heads.second.mean().item(), 0.1)
    return Finding(
        f"head {LAYER}.{HEAD}, from the financial “bank” to “river”: {second}, less than the first",
        f"mean of all {heads.second.numel()} heads {mean}",
        second.holds and bool(less) and mean.holds,
    )


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
