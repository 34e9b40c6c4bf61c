"""Lesson 00, measured: what the committed model expects of plays that it has not read.

The control is counting: which letter comes how often, and after which four.

Builds on: trained, heads (experiments).  Lacks: what it writes (first_look_words), a look inside
another model (first_look_bank), pictures (first_look_plots).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from transformer_course.claims import Bound, Finding, above, below
from transformer_course.data import PlaySplit, load_shakespeare, shakespeare_text, split_plays
from transformer_course.device import one_thread
from transformer_course.experiments.heads import ngram_losses
from transformer_course.heads import cross_entropy
from transformer_course.tokenization import CharacterTokenizer
from transformer_course.trained import TrainedWriter
from transformer_course.training import evaluate
from transformer_course.windows import TokenStream


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
