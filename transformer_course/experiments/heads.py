"""Free baselines for a language model: what guessing and counting alone achieve.

A loss says little by itself. These say what it is worth: a transformer that does not beat the
bigram has not learned to use its context.

Source: Ney, Essen and Kneser 1994 (absolute discounting with interpolation).
"""

import math

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

DISCOUNT = 0.75
"""Taken off every count and given to what was never seen; about what the paper estimates."""


def ngram_losses(
    train_ids: Int[Tensor, " train"],
    validation_ids: Int[Tensor, " validation"],
    vocab_size: int,
    highest_order: int,
) -> list[float]:
    """Measure how well counting predicts each token from the few before it.

    Args:
        train_ids: Where n-grams are counted.
        validation_ids: Where their probabilities are tested, on every token but the first.
        vocab_size: Number of tokens.
        highest_order: Longest n-gram: 1 ignores the context, 2 looks at one token, and so on.

    Returns:
        The mean loss in nats a token by order: entry 0 is ln V (all tokens alike), entry n the
        n-gram model, which leans on all shorter ones where it has seen too little.

    Raises:
        ValueError: If a text is too short, the ids are outside the vocabulary, or there are more
            n-grams than 64 bits can number.
    """
    train, validation = train_ids.numpy(), validation_ids.numpy()
    if min(len(train), len(validation)) < max(2, highest_order):
        raise ValueError(
            f"{len(train)} tokens to count and {len(validation)} to predict are too few for "
            f"{highest_order}-grams; give longer texts"
        )
    if vocab_size**highest_order >= 2**63:
        raise ValueError(
            f"{highest_order}-grams of {vocab_size} tokens do not fit whole numbers of 64 bits; "
            "choose a lower highest_order"
        )
    for ids in (train, validation):
        if ids.min() < 0 or ids.max() >= vocab_size:
            raise ValueError(
                f"ids from {ids.min()} to {ids.max()} are outside a vocabulary of {vocab_size}"
            )
    probabilities = np.full(len(validation), 1 / vocab_size)
    losses = [math.log(vocab_size)]
    for order in range(1, highest_order + 1):
        reachable = slice(order - 1, None)
        probabilities[reachable] = _interpolate(
            train, validation, vocab_size, order, probabilities[reachable]
        )
        losses.append(float(-np.log(probabilities[1:]).mean()))
    return losses


def _interpolate(
    train: Int[np.ndarray, " train"],
    validation: Int[np.ndarray, " validation"],
    vocab_size: int,
    order: int,
    shorter: Float[np.ndarray, " reachable"],
) -> Float[np.ndarray, " reachable"]:
    """Mix the counts of one order with the probabilities that the next shorter one gives."""
    # An n-gram as one whole number, its digits the ids: counting is then sorting numbers.
    ngrams, ngram_counts = np.unique(_numbers(train, order, vocab_size), return_counts=True)
    contexts, first, num_continuations = np.unique(
        ngrams // vocab_size, return_index=True, return_counts=True
    )
    context_counts = np.add.reduceat(ngram_counts, first)
    asked = _numbers(validation, order, vocab_size)
    count = _look_up(asked, ngrams, ngram_counts)
    context_count = _look_up(asked // vocab_size, contexts, context_counts)
    continuations = _look_up(asked // vocab_size, contexts, num_continuations)
    kept = np.maximum(count - DISCOUNT, 0)
    freed = DISCOUNT * continuations
    mixed = (kept + freed * shorter) / np.maximum(context_count, 1)
    return np.where(context_count > 0, mixed, shorter)


def _numbers(
    ids: Int[np.ndarray, " length"], order: int, vocab_size: int
) -> Int[np.ndarray, " ngrams"]:
    numbers = np.zeros(len(ids) - order + 1, dtype=np.int64)
    for offset in range(order):
        numbers = numbers * vocab_size + ids[offset : offset + len(numbers)]
    return numbers


def _look_up(
    asked: Int[np.ndarray, " asked"],
    keys: Int[np.ndarray, " keys"],
    values: Int[np.ndarray, " keys"],
) -> Int[np.ndarray, " asked"]:
    """Return the value of each asked key, 0 where it is not among the sorted keys."""
    places = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    return np.where(keys[places] == asked, values[places], 0)
