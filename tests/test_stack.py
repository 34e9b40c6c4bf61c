"""What a stack counts and keeps: positions, previous tokens, and the cache."""

import pytest
import torch

from transformer_course.stack import KeyValueCache, previous_tokens, token_positions

PADDING = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()


def test_positions_count_from_zero():
    assert token_positions(5, None).tolist() == [[0, 1, 2, 3, 4]]


def test_positions_count_from_the_first_real_token():
    positions = token_positions(5, PADDING)
    assert positions[PADDING].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 4]
    assert (positions >= 0).all()


def test_the_first_token_has_none_before_it():
    ids = torch.tensor([[4, 5, 6], [7, 8, 9]])
    assert previous_tokens(ids, None, None).tolist() == [[-1, 4, 5], [-1, 7, 8]]


def test_the_first_token_after_padding_has_none_before_it():
    ids = torch.tensor([[0, 0, 4, 5, 6]])
    assert previous_tokens(ids, PADDING[:1], None)[PADDING[:1]].tolist() == [-1, 4, 5]


@pytest.mark.parametrize("mask", [None, PADDING])
def test_a_cache_remembers_the_token_before_the_new_ones(mask):
    ids = torch.arange(15).view(3, 5)
    whole = previous_tokens(ids, mask, None)
    for past in (1, 2, 3, 4):
        cache = KeyValueCache(2, 5)
        cache.last_ids = ids[:, past - 1 : past]
        part = previous_tokens(ids[:, past:], mask, cache)
        assert part.tolist() == whole[:, past:].tolist()


def test_a_new_cache_is_empty():
    cache = KeyValueCache(num_layers=3, capacity=7)
    assert cache.length == 0
    assert [layer.capacity for layer in cache.layers] == [7, 7, 7]
    assert cache.last_ids is None
