"""Token embeddings: a table, and the ids that it has rows for."""

import pytest
import torch
from torch.nn import functional

from transformer_course.embeddings import PairEmbedding, TokenEmbedding


def test_a_lookup_is_a_one_hot_matrix_times_the_table():
    embedding = TokenEmbedding(13, 7)
    ids = torch.randint(13, (3, 5))
    one_hot = functional.one_hot(ids, 13).float()
    torch.testing.assert_close(embedding(ids), one_hot @ embedding.weight)


def test_only_the_rows_that_were_looked_up_learn():
    embedding = TokenEmbedding(13, 7)
    embedding(torch.tensor([[2, 5, 2]])).sum().backward()
    expected = torch.zeros(13, 7)
    expected[2], expected[5] = 2, 1
    torch.testing.assert_close(embedding.weight.grad, expected)


def test_one_token_has_one_vector_wherever_it_stands():
    vectors = TokenEmbedding(13, 7)(torch.tensor([[4, 1, 4], [0, 4, 4]]))
    assert vectors[0, 0].equal(vectors[1, 2])


def test_rows_start_small_and_different():
    weight = TokenEmbedding(1_000, 50).weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert weight.unique(dim=0).shape == weight.shape


@pytest.mark.parametrize("outside", [-1, 13])
def test_ids_outside_the_vocabulary_are_refused(outside):
    with pytest.raises(
        ValueError,
        match=rf"token id {outside} is outside the vocabulary of 13; ids run from 0 to 12",
    ):
        TokenEmbedding(13, 7)(torch.tensor([[0, outside, 12]]))


def test_the_first_and_the_last_id_are_inside():
    embedding = TokenEmbedding(13, 7)
    assert embedding(torch.tensor([[0, 12]]))[0, 1].equal(embedding.weight[12])


def test_no_ids_give_no_vectors():
    assert TokenEmbedding(13, 7)(torch.empty(2, 0, dtype=torch.long)).shape == (2, 0, 7)


def pairs(vocab_size):
    """Return every token with every token before it, and with none (−1)."""
    tokens, before = torch.meshgrid(
        torch.arange(vocab_size), torch.arange(-1, vocab_size), indexing="ij"
    )
    return tokens, before


def test_pairs_add_nothing_at_first():
    assert not PairEmbedding(101, 7)(*pairs(13)).any()


def test_a_pair_has_a_row_of_its_own_when_there_are_many_more_rows_than_pairs():
    embedding = PairEmbedding(10_007, 1)
    embedding.weight.data = torch.arange(10_007.0)[:, None]
    rows = embedding(*pairs(13))
    assert len(rows.unique()) > 0.95 * rows.numel()


def test_which_of_two_tokens_came_first_matters():
    embedding = PairEmbedding(101, 7)
    embedding.weight.data.normal_()
    tokens, before = torch.tensor([[3, 5]]), torch.tensor([[5, 3]])
    vectors = embedding(tokens, before)
    assert not vectors[0, 0].equal(vectors[0, 1])


def test_all_pairs_find_a_row_in_a_small_table():
    embedding = PairEmbedding(5, 7)
    embedding.weight.data.normal_()
    counts = embedding(*pairs(97)).flatten(0, 1).unique(dim=0, return_counts=True)[1]
    assert len(counts) == 5
    assert counts.max() < 1.5 * counts.min()
