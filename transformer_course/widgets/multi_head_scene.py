"""What the widget of lesson 06 shows, computed: one head of MiniLM on two sentences.

Builds on: pretrained, experiments.multi_head_scores.  Lacks: pictures (multi_head_picture).
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from transformer_course.device import one_thread
from transformer_course.experiments.multi_head_scores import named, without_heads
from transformer_course.pretrained import PretrainedEncoder
from transformer_course.widgets.attention_words import quoted

MOST_TOKENS = 24
"""Longer sentences make maps whose words nobody can read."""

MARKS = ("[CLS]", "[SEP]")
"""What the tokenizer puts in front and behind."""


@dataclass(frozen=True)
class ReadSentence:
    """A sentence as MiniLM has read it.

    Attributes:
        tokens: With the marks in front and behind.
        weights: Of every head.
        vector: The mean of the last vectors: what stands for the sentence.
    """

    tokens: tuple[str, ...]
    weights: Float[Tensor, "layer head query key"]
    vector: Float[Tensor, " d_model"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is looked at.

    Attributes:
        layer: Counted from 0.
        head: Counted from 0.
        asks: Place of the token that looks, in the first sentence.
        answers: Place of the token that is looked at.
        silent: Whether the head is taken out, to see what that changes.
    """

    layer: int
    head: int
    asks: int
    answers: int
    silent: bool = False


@dataclass(frozen=True, kw_only=True)
class HeadScene:
    """One head on two sentences, and what going without it changes in the first.

    Attributes:
        choice: What is looked at.
        sentences: As the whole model reads them.
        grid: Of every head, its weight from the chosen token to the other; where the head is
            silent, by how much its map changes.
        turns: By how much each sentence's vector turns without the head, 1 − cosine; None where
            it may speak.
    """

    choice: Choice
    sentences: tuple[ReadSentence, ReadSentence]
    grid: Float[Tensor, "layer head"]
    turns: tuple[float, float] | None

    def map_of(self, sentence: int) -> Float[Tensor, "query key"]:
        """Return the chosen head's map of a sentence."""
        return self.sentences[sentence].weights[self.choice.layer, self.choice.head]


class Reader:
    """Reads sentences with one model, and remembers the last few."""

    def __init__(self, encoder: PretrainedEncoder) -> None:
        self.encoder = encoder
        self.read = lru_cache(maxsize=32)(self._read)

    def _read(self, text: str) -> ReadSentence:
        if not text.strip():
            raise ValueError("the sentence is empty, expected some words; type one")
        count = len(self.encoder.tokenizer.encode(text).ids)
        if count > MOST_TOKENS:
            raise ValueError(
                f"the sentence has {count} tokens, expected at most {MOST_TOKENS}; shorten it"
            )
        with one_thread():
            reading = self.encoder.read(text)
        return ReadSentence(
            tokens=reading.tokens,
            weights=torch.stack(reading.output.attention_weights)[:, 0],
            vector=reading.output.hidden[0].mean(0),
        )

    def scene(self, first: str, second: str, choice: Choice) -> HeadScene:
        """Look at two sentences through one head.

        Raises:
            ValueError: If a sentence is empty or too long.
        """
        sentences = (self.read(first), self.read(second))
        if not choice.silent:
            grid = sentences[0].weights[:, :, choice.asks, choice.answers]
            return HeadScene(choice=choice, sentences=sentences, grid=grid, turns=None)
        with without_heads(self.encoder.model, [(choice.layer, choice.head)]):
            without = (self._read(first), self._read(second))
        change = (without[0].weights - sentences[0].weights).abs().sum(-1).mean(-1) / 2
        before, after = (torch.stack([one.vector for one in pair]) for pair in (sentences, without))
        turns = (1 - cosine_similarity(before, after, dim=-1)).clamp(min=0).tolist()
        return HeadScene(
            choice=choice, sentences=sentences, grid=change, turns=(turns[0], turns[1])
        )


def describe(scene: HeadScene) -> tuple[str, ...]:
    """Say in sentences what there is to see."""
    choice, (first, second) = scene.choice, scene.sentences
    head = f"Head {named(choice.layer, choice.head)}"
    asks, answers = (token_named(first.tokens, p) for p in (choice.asks, choice.answers))
    weight = first.weights[choice.layer, choice.head, choice.asks, choice.answers].item()
    said = [f"{head} looks from {asks} to {answers} with the weight {weight:.2f}."]
    if scene.turns is None:
        layer, number = divmod(int(scene.grid.argmax()), scene.grid.shape[1])
        said.append(
            f"Of all {scene.grid.numel()} heads, {named(layer, number)} puts most there: "
            f"{scene.grid.max().item():.2f}."
        )
    else:
        said.append(
            f"Without it, the vector of the first sentence turns by {scene.turns[0]:.4f} "
            f"(1 − cosine), that of the second by {scene.turns[1]:.4f}."
        )
    place = same_token(first.tokens, choice.asks, second.tokens)
    if place is not None:
        row = second.weights[choice.layer, choice.head, place]
        top = int(row.argmax())
        said.append(
            f"In the second sentence {token_named(second.tokens, place)} looks most at "
            f"{token_named(second.tokens, top)}: {row[top].item():.2f}."
        )
    return tuple(said)


def same_token(tokens: tuple[str, ...], place: int, others: tuple[str, ...]) -> int | None:
    """Find a token in another sentence: the second “bank” there if it is the second here."""
    places = [p for p, token in enumerate(others) if token == tokens[place]]
    if not places:
        return None
    number = tokens[:place].count(tokens[place])
    return places[min(number, len(places) - 1)]


def token_named(tokens: tuple[str, ...], place: int) -> str:
    """Name a token and where it stands; the mark in front is number 0."""
    return f"{quoted(tokens[place])} ({place})"
