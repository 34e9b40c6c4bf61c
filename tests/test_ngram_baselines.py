"""Tests of the n-gram baselines against counting by hand, slowly, with dictionaries."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transformer_course.experiments.heads import DISCOUNT, ngram_losses

VOCAB_SIZE = 5
ids = st.integers(0, VOCAB_SIZE - 1)
train_texts = st.lists(ids, min_size=4, max_size=40)
validation_texts = st.lists(ids, min_size=4, max_size=15)


def losses(train, validation, vocab_size=VOCAB_SIZE, highest_order=4):
    return ngram_losses(torch.tensor(train), torch.tensor(validation), vocab_size, highest_order)


class SlowCounts:
    """Interpolated absolute discounting, spelled out one token at a time."""

    def __init__(self, train, order):
        self.order = order
        self.counts = Counter(
            (tuple(train[end - order : end - 1]), train[end - 1])
            for end in range(order, len(train) + 1)
        )

    def mix(self, text, shorter):
        if len(text) < self.order:
            return shorter
        context, token = tuple(text[len(text) - self.order : -1]), text[-1]
        seen = {after: count for (before, after), count in self.counts.items() if before == context}
        total = sum(seen.values())
        if total == 0:
            return shorter
        kept = max(seen.get(token, 0) - DISCOUNT, 0)
        return (kept + DISCOUNT * len(seen) * shorter) / total


def slow_losses(train, validation, highest_order):
    models = [SlowCounts(train, order) for order in range(1, highest_order + 1)]
    totals = [0.0] * (highest_order + 1)
    for end in range(2, len(validation) + 1):
        probability = 1 / VOCAB_SIZE
        totals[0] -= math.log(probability)
        for order, model in enumerate(models, start=1):
            probability = model.mix(validation[:end], probability)
            totals[order] -= math.log(probability)
    return [total / (len(validation) - 1) for total in totals]


@given(train_texts, validation_texts)
def test_every_order_equals_counting_by_hand(train, validation):
    assert losses(train, validation) == pytest.approx(slow_losses(train, validation, 4))


@given(train_texts, st.lists(ids, min_size=4, max_size=7), st.integers(1, 4))
def test_the_probabilities_of_all_next_tokens_sum_to_1(train, context, order):
    before = losses(train, context)[order] * (len(context) - 1)
    after = [losses(train, [*context, token])[order] * len(context) for token in range(VOCAB_SIZE)]
    assert sum(math.exp(before - total) for total in after) == pytest.approx(1)


@given(train_texts, validation_texts)
def test_order_0_holds_all_tokens_for_alike(train, validation):
    assert losses(train, validation)[0] == pytest.approx(math.log(VOCAB_SIZE))


def test_no_order_predicts_tokens_that_do_not_depend_on_each_other():
    generator = torch.Generator().manual_seed(7)
    train, validation = (
        torch.randint(VOCAB_SIZE, (count,), generator=generator) for count in (3_000, 20_000)
    )
    found = ngram_losses(train, validation, VOCAB_SIZE, 4)
    assert min(found) > math.log(VOCAB_SIZE) - 0.005


def test_a_text_that_repeats_itself_is_told_from_one_token_but_not_from_none():
    unaware, _, bigram, *_ = losses([0, 1, 2, 3, 4] * 200, [0, 1, 2, 3, 4] * 3)
    assert unaware == pytest.approx(math.log(5))
    assert bigram < 0.01


def test_two_tokens_of_context_help_where_one_does_not():
    # After 0 comes 1 or 2 in turn: only who remembers what came before the 0 can tell.
    text = [1, 0, 2, 0] * 100
    _, _, bigram, trigram, _ = losses(text, text)
    assert bigram == pytest.approx(math.log(2) / 2, abs=0.02)
    assert trigram < 0.02


def test_a_token_never_seen_in_training_still_has_a_probability():
    assert max(losses([0, 1] * 10, [0, 4, 0, 3])) < math.inf


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        ([0, 1, 2, 3], [0], "4 tokens to count and 1 to predict are too few for 4-grams"),
        ([0, 1, 2], [0, 1], "3 tokens to count and 2 to predict are too few for 4-grams"),
        ([0, 1, 2, 5], [0, 1, 2, 3], "ids from 0 to 5 are outside a vocabulary of 5"),
        ([0, 1, 2, 3], [0, -1, 0, 0], "ids from -1 to 0 are outside a vocabulary of 5"),
    ],
)
def test_what_cannot_be_counted_is_refused(train, validation, message):
    with pytest.raises(ValueError, match=message):
        losses(train, validation)


def test_more_ngrams_than_can_be_numbered_are_refused():
    text = torch.zeros(20, dtype=torch.long)
    with pytest.raises(ValueError, match="9-grams of 300 tokens do not fit whole numbers"):
        ngram_losses(text, text, 300, 9)
