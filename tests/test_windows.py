"""Windows: what is read, what is asked for, and that a stream asks by the function it was given."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.sources import build
from transformer_course.windows import Batch, TokenStream, inputs_and_targets


@given(count=st.integers(1, 5), longer=st.integers(2, 13))
def test_each_target_is_the_token_after_the_one_that_is_read(count, longer):
    windows = torch.arange(count * longer).reshape(count, longer)
    inputs, targets = inputs_and_targets(windows)
    for row in range(count):
        for place in range(longer - 1):
            assert inputs[row, place] == windows[row, place]
            assert targets[row, place] == windows[row, place + 1]
    assert inputs.shape == targets.shape == (count, longer - 1)


def test_a_window_of_a_single_token_asks_nothing():
    inputs, targets = inputs_and_targets(torch.tensor([[7], [3]]))
    assert inputs.shape == targets.shape == (2, 0)


def test_no_number_is_copied():
    windows = torch.arange(12).reshape(3, 4)
    inputs, targets = inputs_and_targets(windows)
    windows[0, 1] = 99
    assert (inputs[0, 1], targets[0, 0]) == (99, 99)


@pytest.fixture
def backwards():
    def split(windows):
        return windows[:, 1:].flip(1), windows[:, :-1].flip(1)

    return TokenStream(range(50), range(1000, 1060), context_length=7, split=split)


def test_a_stream_draws_its_batches_by_the_function_that_it_was_given(backwards):
    inputs, targets = backwards.sample(5, torch.Generator().manual_seed(1))
    assert torch.equal(targets, inputs - 1)
    assert torch.equal(inputs[:, 1:], inputs[:, :-1] - 1)


def test_a_stream_asks_about_the_validation_text_by_that_function_too(backwards):
    batches = list(backwards.validation_batches())
    assert all(torch.equal(batch.targets, batch.inputs - 1) for batch in batches)
    assert batches[0].inputs[0, 0] == 1059


SOLUTIONS = sorted((Path(__file__).parent / "solutions/windows.inputs_and_targets").glob("*.py"))


@pytest.mark.parametrize("file", SOLUTIONS, ids=lambda file: file.stem)
def test_a_stream_runs_on_any_right_answer(file):
    exercise = find_exercise("windows.inputs_and_targets")
    answer = build(file.read_text(encoding="utf-8"), exercise.name, exercise.lent())
    streams = [
        TokenStream(range(50), range(60), context_length=7, **options)
        for options in ({}, {"split": answer})
    ]
    drawn = (stream.sample(3, torch.Generator().manual_seed(1)) for stream in streams)
    for one, other in [
        tuple(drawn),
        *zip(*(stream.validation_batches() for stream in streams), strict=True),
    ]:
        assert isinstance(other, Batch)
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)
