"""The five tasks of lesson 07's table, each with the models that are trained for it.

Builds on: reverse, addition, heads_digits, heads_genre, heads_trunk, heads_controls.
Lacks: the training, the table and what is claimed of it (heads_tasks).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import nn

from transformer_course.data import load_shakespeare
from transformer_course.experiments import addition, heads_digits, heads_genre, heads_trunk, reverse
from transformer_course.experiments.fitting import Sample
from transformer_course.experiments.heads_controls import (
    Bag,
    Pixels,
    Places,
    Recurrent,
    Window,
    WithoutAttention,
)
from transformer_course.experiments.heads_speeches import (
    GENRES,
    NUM_TOKENS,
    PADDING_ID,
    VOCAB_SIZE,
    Library,
    encode_speeches,
    open_library,
    read_speeches,
)
from transformer_course.heads import bits_per_character
from transformer_course.model import Transformer
from transformer_course.training import TokenStream, TrainingConfig, evaluate

TRANSFORMER, NO_POSITIONS, GRU, MLP, LINEAR = MODELS = (
    "transformer",
    "no positions",
    "GRU",
    "MLP",
    "linear",
)
FOLD = 1
PLAY = "macbeth"
"""The play that Shakespeare's row is measured on, one of the five that this fold holds out."""

Build = Callable[[torch.Generator], nn.Module]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task, and the models that are trained for it.

    Attributes:
        sample: Draws a training batch.
        score: Measures a trained model on what it has not met.
        training: How the transformer is trained.
        models: What builds each model, by name.
    """

    sample: Sample
    score: Callable[[nn.Module], float]
    training: TrainingConfig
    models: Mapping[str, Build]


def turn_around_task() -> Task:
    """16 symbols in the opposite order; right is what is right at every place."""
    length, symbols = reverse.LENGTH, len(reverse.SYMBOLS)
    questions = reverse.sample_sequences(1_000, torch.Generator().manual_seed(1_000))

    def score(model: nn.Module) -> float:
        return _share((model(questions.inputs).logits.argmax(-1) == questions.targets).all(-1))

    def flat(width: int, *, bend: bool) -> Build:
        return lambda _: WithoutAttention(
            Places(length, symbols, width), width, (length, symbols), bend=bend
        )

    return Task(
        sample=reverse.sample_sequences,
        score=score,
        training=reverse.TRAINING,
        models={
            TRANSFORMER: reverse.build_reverser,
            NO_POSITIONS: lambda generator: reverse.build_reverser(generator, "none"),
            GRU: lambda _: Recurrent(nn.Embedding(symbols, 48), 48, symbols, both_ways=True),
            MLP: flat(128, bend=True),
            LINEAR: flat(160, bend=False),
        },
    )


def addition_task() -> Task:
    """Two numbers of two digits, the sum written lowest digit first; right is the whole sum."""
    characters, places = len(addition.CHARACTERS), addition.PROBLEM_LENGTH
    pairs = addition.draw_pairs(1_000, torch.Generator().manual_seed(1_000), held_out=True)
    problems = addition.write_problems(pairs, reverse=True)

    def score(model: nn.Module) -> float:
        answered = model(problems[:, :-1]).logits[:, places - 1 :].argmax(-1)
        return _share((answered == problems[:, places:]).all(-1))

    class Problem(nn.Module):
        """What stands before the sum; no answer is given away."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.places = Places(places, characters, width)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.places(ids[:, :places])

    def flat(width: int, *, bend: bool) -> Build:
        outputs = (addition.ANSWER_LENGTH, characters)
        return lambda _: WithoutAttention(
            Problem(width), width, outputs, bend=bend, start=places - 1
        )

    return Task(
        sample=addition.sampler(reverse=True),
        score=score,
        training=addition.TRAINING,
        models={
            TRANSFORMER: addition.build_adder,
            NO_POSITIONS: lambda generator: addition.build_adder(generator, "none"),
            GRU: lambda _: Recurrent(
                nn.Embedding(characters, 128), 128, characters, both_ways=False
            ),
            MLP: flat(800, bend=True),
            LINEAR: flat(36, bend=False),
        },
    )


def digits_task(parts: Mapping[str, Any] | None = None) -> Task:
    """Which digit an image of 8 × 8 pixels shows.

    Args:
        parts: Replacements in the transformers, as `Transformer` takes them.
    """
    train, test = heads_digits.read_digits()
    num_pixels, classes = heads_digits.SIDE**2, heads_digits.NUM_CLASSES

    def flat(width: int, *, bend: bool) -> Build:
        return lambda _: WithoutAttention(Pixels(num_pixels, width), width, (classes,), bend=bend)

    return Task(
        sample=train.sample,
        score=lambda model: _share(model(test.words).logits.argmax(-1) == test.labels),
        training=heads_digits.TRAINING,
        models={
            TRANSFORMER: lambda generator: heads_digits.build_digit_reader(generator, parts=parts),
            NO_POSITIONS: lambda generator: heads_digits.build_digit_reader(
                generator, "none", parts
            ),
            GRU: lambda _: Recurrent(
                heads_digits.PatchEmbedding(heads_digits.NUM_WORDS, 64),
                64,
                classes,
                both_ways=True,
                averages=True,
            ),
            MLP: flat(256, bend=True),
            LINEAR: flat(classes, bend=False),
        },
    )


@cache
def _library() -> Library:
    return open_library(load_shakespeare(), FOLD)


def genre_task() -> Task:
    """The genre of a speech, from 64 tokens of it, on plays that were held out."""
    library = _library()
    train, test = read_speeches(library.train), read_speeches(library.held_out)
    ids, test_ids = (encode_speeches(part, library.tokenizer) for part in (train, test))
    classes = len(GENRES)

    def reader(**changes: str | bool) -> Build:
        config = replace(heads_trunk.trunk_config(VOCAB_SIZE), **changes)  # type: ignore[arg-type]
        return lambda generator: heads_genre.GenreReader(Transformer(config, generator=generator))

    return Task(
        sample=heads_genre.sampler(ids, train.labels),
        score=lambda model: _share(
            heads_genre.genre_logits(model, test_ids).argmax(-1) == test.labels
        ),
        training=heads_genre.FINE_TUNING,
        models={
            TRANSFORMER: reader(),
            NO_POSITIONS: reader(position="none", mix_previous=False),
            GRU: lambda _: Recurrent(
                nn.Embedding(VOCAB_SIZE, 128),
                128,
                classes,
                both_ways=True,
                averages=True,
                padding_id=PADDING_ID,
            ),
            MLP: lambda _: WithoutAttention(
                Bag(VOCAB_SIZE, 256, PADDING_ID), 256, (classes,), bend=True
            ),
            LINEAR: lambda _: WithoutAttention(
                Bag(VOCAB_SIZE, classes, PADDING_ID), classes, (classes,), bend=False
            ),
        },
    )


def shakespeare_task() -> Task:
    """The next token of a play that was held out, in bits a character; less is better."""
    library = _library()
    (play,) = (play for play in library.held_out if play.slug == PLAY)
    held_out = replace(library, held_out=(play,))
    ids, train_ids = held_out.ids(held_out=True), library.ids(held_out=False)
    stream = TokenStream(train_ids, ids, NUM_TOKENS)
    num_characters = len(held_out.text(held_out=True))

    def score(model: nn.Module) -> float:
        loss = evaluate(model, stream.validation_batches())  # type: ignore[arg-type]
        return bits_per_character(loss, len(ids), num_characters)

    def writer(**changes: str | bool) -> Build:
        config = replace(heads_trunk.trunk_config(VOCAB_SIZE), **changes)  # type: ignore[arg-type]
        return lambda generator: Transformer(config, generator=generator)

    def window(width: int, *, bend: bool) -> Build:
        return lambda _: WithoutAttention(
            Window(4, VOCAB_SIZE, width), width, (VOCAB_SIZE,), bend=bend
        )

    return Task(
        sample=stream.sample,
        score=score,
        training=heads_trunk.TRAINING,
        models={
            TRANSFORMER: writer(),
            NO_POSITIONS: writer(position="none", mix_previous=False),
            GRU: lambda _: Recurrent(
                nn.Embedding(VOCAB_SIZE, 192), 192, VOCAB_SIZE, both_ways=False
            ),
            MLP: window(128, bend=True),
            LINEAR: window(128, bend=False),
        },
    )


TASKS: Mapping[str, Callable[[], Task]] = {
    "Shakespeare": shakespeare_task,
    "genre": genre_task,
    "reverse": turn_around_task,
    "addition": addition_task,
    "digits": digits_task,
}


def _share(right: torch.Tensor) -> float:
    return right.double().mean().item()
