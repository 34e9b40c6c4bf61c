"""Lesson 01's claim C2: waiting steps are counted, times are compared like with like."""

import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from transformer_course.experiments import recurrent_times, recurrent_waiting
from transformer_course.experiments.recurrent_times import StepTimes, WaitingCost
from transformer_course.experiments.recurrent_waiting import longest_chain
from transformer_course.recurrent import unroll


def matrix():
    return torch.randn(3, 3, requires_grad=True)


@pytest.mark.parametrize(
    ("compute", "products"),
    [
        (lambda a, b, c: a + b + c, 0),
        (lambda a, b, c: a @ b, 1),
        (lambda a, b, c: (a @ b) @ c, 2),
        (lambda a, b, c: a @ b + b @ c + c @ a, 1),
        (lambda a, b, c: ((a @ b).tanh() @ (b @ c)).exp(), 2),
        (lambda a, b, c: torch.baddbmm(a[None], b[None] @ c[None], c[None]), 2),
        (lambda a, b, c: nn.functional.linear(a @ b, c, b[0]), 2),
    ],
)
def test_the_longest_chain_counts_products_that_wait_and_no_others(compute, products):
    assert longest_chain(compute(matrix(), matrix(), matrix())) == products


def test_a_chain_of_thousands_of_products_is_counted():
    weight, state = matrix(), torch.ones(1, 3)
    for _ in range(3_000):
        state = (state @ weight).tanh()
    assert longest_chain(state) == 3_000


def test_a_result_without_a_graph_is_refused():
    with pytest.raises(ValueError, match="compute it from a tensor that requires_grad"):
        longest_chain(torch.ones(3))


@pytest.fixture(scope="module")
def counted():
    return recurrent_waiting.count_waiting(lengths=(1, 5, 11))


def test_reading_waits_in_an_rnn_and_writing_in_both(counted):
    assert counted.reading_rnn == [1, 5, 11]
    assert counted.reading_attention == [4, 4, 4]
    assert counted.writing_rnn == [1, 5, 11]
    assert counted.writing_attention == [4, 20, 44]
    finding = recurrent_waiting.an_rnn_waits_and_attention_does_not(counted)
    assert finding.holds, finding.statement


@pytest.mark.parametrize(
    "contrary",
    [
        {"reading_rnn": [1, 1, 1]},
        {"reading_attention": [4, 5, 6]},
        {"writing_rnn": [1, 1, 1]},
        {"writing_attention": [4, 4, 4]},
    ],
)
def test_a_contrary_count_turns_the_claim(counted, contrary):
    finding = recurrent_waiting.an_rnn_waits_and_attention_does_not(replace(counted, **contrary))
    assert not finding.holds


def test_what_is_written_is_said_once_where_longer_texts_end_alike(counted):
    written = [1, 64, 64]
    longer = replace(
        counted,
        lengths=(1, 64, 256),
        reading_rnn=[1, 64, 256],
        writing_rnn=written,
        writing_attention=[4, 256, 256],
    )
    finding = recurrent_waiting.an_rnn_waits_and_attention_does_not(longer)
    assert finding.holds
    assert finding.control == "to write 1, 64 words: RNN 1, 64, attention 4, 256"


def test_the_parts_that_are_handed_in_are_counted():
    def other(step, inputs, state):
        return unroll(lambda word, before: step(word, step(word, before)), inputs, state)

    found = recurrent_waiting.count_waiting(lengths=(3,), parts={"unroll": other})
    assert found.reading_rnn == [6]


GOOD_COST = WaitingCost(batches=(1, 8, 128), product_ratio=(14, 5, 0.7), layer_ratio=(13, 4, 1.1))
GOOD_TIMES = StepTimes(
    lengths=(64, 256, 1024),
    seconds={
        1: {"RNN": (2.4, 9, 38), "LSTM": (1.2, 2, 6), "attention": (0.8, 2, 18)},
        8: {"RNN": (3, 11, 45), "LSTM": (2, 6, 22), "attention": (1.6, 10, 125)},
    },
    loop={1: 24, 8: 30},
)


def test_costs_and_times_as_they_were_measured_hold():
    assert recurrent_times.waiting_costs_where_steps_are_small(GOOD_COST).holds
    assert recurrent_times.the_implementation_turns_the_tables(GOOD_TIMES).holds


@pytest.mark.parametrize(
    "contrary",
    [
        {"product_ratio": (1.5, 5, 0.7)},
        {"layer_ratio": (1.5, 4, 1.1)},
        {"product_ratio": (14, 5, 9)},
        {"layer_ratio": (13, 4, 9)},
    ],
)
def test_a_contrary_cost_turns_the_claim(contrary):
    changed = replace(GOOD_COST, **contrary)
    assert not recurrent_times.waiting_costs_where_steps_are_small(changed).holds


@pytest.mark.parametrize(
    ("batch", "layer", "seconds"),
    [
        (1, "RNN", (0.5, 9, 38)),
        (1, "LSTM", (1.2, 20, 6)),
        (8, "attention", (1.6, 10, 20)),
    ],
)
def test_a_contrary_time_turns_the_claim(batch, layer, seconds):
    by_layer = {**GOOD_TIMES.seconds[batch], layer: seconds}
    changed = replace(GOOD_TIMES, seconds={**GOOD_TIMES.seconds, batch: by_layer})
    assert not recurrent_times.the_implementation_turns_the_tables(changed).holds


def test_a_loop_as_quick_as_the_compiled_layer_turns_the_claim():
    changed = replace(GOOD_TIMES, loop={1: 2, 8: 6})
    assert not recurrent_times.the_implementation_turns_the_tables(changed).holds


def test_waiting_is_timed_for_every_batch(monkeypatch):
    monkeypatch.setattr(recurrent_times, "CHAIN_LENGTH", 8)
    found = recurrent_times.cost_of_waiting(rounds=1)
    assert len(found.product_ratio) == len(found.layer_ratio) == len(found.batches)
    assert min(*found.product_ratio, *found.layer_ratio) > 0


def test_training_steps_are_timed_for_every_layer_and_length(monkeypatch):
    monkeypatch.setattr(recurrent_times, "LENGTHS", (2, 3, 5))
    found = recurrent_times.time_training_steps(rounds=1)
    for batch in recurrent_times.TIMED_BATCHES:
        assert {name: len(row) for name, row in found.seconds[batch].items()} == {
            "RNN": 3,
            "LSTM": 3,
            "attention": 3,
        }
        assert found.loop[batch] > 0


def test_contestants_take_turns_and_the_first_round_does_not_count(monkeypatch):
    turns, ticks = [], iter([0, 0, 0, 1, 0, 2, 0, 3, 0, 6, 0, 5, 0, 4])
    clock = "perf_counter" if sys.platform == "win32" else "thread_time"
    monkeypatch.setattr(recurrent_times.time, clock, lambda: next(ticks))
    found = recurrent_times.times([lambda: turns.append("a"), lambda: turns.append("b")], 3)
    assert turns == ["a", "b"] * 4
    assert found == [3, 4]
