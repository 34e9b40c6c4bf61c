"""What the widget of lesson 07 shows: the likeliest next tokens, what is cut, and 1,000 draws.

Builds on: heads.  Lacks: a picture (heads_picture), controls (heads).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.drawing import token_label
from transformer_course.heads import next_token_probabilities
from transformer_course.trained import TrainedWriter

NUM_DRAWS = 1_000
NUM_SHOWN = 14
LONGEST_PROMPT = 400
"""Characters of a prompt that are read: more than the trunk's context holds."""

Probabilities = Callable[..., Tensor]


class UnfitProbabilitiesError(ValueError):
    """A function for the probabilities stopped, or gave what cannot be drawn from."""


@dataclass(frozen=True)
class Controls:
    """How the next token is chosen; see `next_token_probabilities`."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __str__(self) -> str:
        cut = "" if self.top_k is None else f", top-k {self.top_k}"
        return f"temperature {self.temperature:g}{cut}" + (
            f", top-p {self.top_p:g}" if self.top_p < 1 else ""
        )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What may come next.

    Attributes:
        controls: How it is chosen.
        tokens: The likeliest tokens by the model's own probabilities, as they are shown.
        own: These probabilities.
        left: The probabilities after the controls; 0 for what is cut.
        drawn: How often each of them came in 1,000 draws.
        num_left: How many tokens of the whole vocabulary are left.
        vocab_size: Of how many.
    """

    controls: Controls
    tokens: Sequence[str]
    own: Float[Tensor, " shown"]
    left: Float[Tensor, " shown"]
    drawn: Int[Tensor, " shown"]
    num_left: int
    vocab_size: int


@torch.inference_mode()
def next_logits(writer: TrainedWriter, prompt: str) -> Float[Tensor, " vocab"]:
    """Score what may follow a text.

    Raises:
        ValueError: If the text is empty, or holds a character that the model has never met.
    """
    if not prompt:
        raise ValueError("the text is empty; type what the next token is to follow")
    strange = sorted(set(prompt) - writer.characters)
    if strange:
        raise ValueError(
            f"{token_label(strange[0])} stands in no play that the model has read; leave it out"
        )
    ids = writer.tokenizer.encode(prompt[-LONGEST_PROMPT:])
    context = writer.model.config.context_length
    return writer.model(torch.tensor([ids[-context:]])).logits[0, -1]


def choose_next(
    logits: Float[Tensor, " vocab"],
    tokens: Sequence[str],
    controls: Controls,
    probabilities: Probabilities = next_token_probabilities,
    seed: int = 0,
) -> Choice:
    """Put logits through the controls, and draw 1,000 times from what is left.

    Args:
        logits: Scores of the vocabulary.
        tokens: How each token of the vocabulary is written.
        controls: How to choose.
        probabilities: Yours or the course's.
        seed: Of the draws.

    Raises:
        UnfitProbabilitiesError: If the function stops, or what it gives cannot be drawn from.
    """
    left = _checked(probabilities, logits, controls)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.multinomial(left, NUM_DRAWS, replacement=True, generator=generator)
    counts = torch.bincount(drawn, minlength=len(left))
    shown = logits.argsort(descending=True, stable=True)[:NUM_SHOWN]
    return Choice(
        controls=controls,
        tokens=[token_label(tokens[number]) for number in shown.tolist()],
        own=logits.softmax(-1)[shown],
        left=left[shown],
        drawn=counts[shown],
        num_left=int((left > 0).sum()),
        vocab_size=len(left),
    )


def _checked(
    probabilities: Probabilities, logits: Float[Tensor, " vocab"], controls: Controls
) -> Float[Tensor, " vocab"]:
    try:
        left = probabilities(logits.clone(), controls.temperature, controls.top_k, controls.top_p)
    except Exception as error:
        raise UnfitProbabilitiesError(
            f"your probabilities stopped: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(left, Tensor) or left.shape != logits.shape:
        what = tuple(left.shape) if isinstance(left, Tensor) else type(left).__name__
        raise UnfitProbabilitiesError(
            f"your probabilities are {what}, expected a tensor {tuple(logits.shape)}"
        )
    left = left.detach().float()
    if not ((left >= 0).all() and left.sum().isfinite() and left.sum() > 0):
        raise UnfitProbabilitiesError(
            "your probabilities cannot be drawn from: one is negative or nan, or all are 0"
        )
    return left


def describe(choice: Choice) -> str:
    """Say in a sentence what is left, and what was drawn most."""
    best = int(choice.left.argmax())
    often = int(choice.drawn.argmax())
    kept = (
        f"all {choice.vocab_size} tokens stay"
        if choice.num_left == choice.vocab_size
        else f"{choice.num_left} of {choice.vocab_size} tokens stay"
    )
    return (
        f"At {choice.controls}, {kept}. Likeliest: “{choice.tokens[best]}” with "
        f"{choice.left[best]:.2f}. In {NUM_DRAWS:,} draws “{choice.tokens[often]}” came "
        f"{int(choice.drawn[often]):,} times."
    )
