"""Skip-gram against formulas written out, neighbours against a sorted list, and bad input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from transformer_course.embeddings import TokenEmbedding, one_hot_lookup
from transformer_course.word_vectors import (
    SkipGramConfig,
    UnknownWordError,
    Vocabulary,
    WordVectors,
    centred,
    nearest,
    principal_plane,
    read_words,
    skip_gram_loss,
    train_word_vectors,
    window_pairs,
)

WORDS = ("day", "night", "sun", "moon", "sword", "dagger", "o'er")


def vectors(rows=7, width=5):
    return WordVectors(vocabulary=Vocabulary(WORDS[:rows]), table=torch.randn(rows, width))


# Lookup


def test_the_product_equals_the_lookup_of_the_models_own_class():
    embedding = TokenEmbedding(13, 7)
    ids = torch.randint(13, (3, 5))
    one_hot, product = one_hot_lookup(ids, embedding.weight)
    assert one_hot.shape == (3, 5, 13)
    torch.testing.assert_close(product, embedding(ids))
    torch.testing.assert_close(one_hot, nn.functional.one_hot(ids, 13).float())


def test_both_lookups_send_the_same_gradient_to_the_same_rows():
    ids, weights = torch.tensor([2, 5, 2]), torch.randn(3, 7)
    table = torch.randn(13, 7, requires_grad=True)
    embedding = TokenEmbedding(13, 7)
    (one_hot_lookup(ids, table)[1] * weights).sum().backward()
    (embedding(ids) * weights).sum().backward()
    torch.testing.assert_close(table.grad, embedding.weight.grad)
    assert (table.grad.abs().sum(1) > 0).nonzero()[:, 0].tolist() == [2, 5]


# Words


def test_words_are_lower_case_and_keep_their_apostrophes_and_hyphens():
    assert read_words("O'er-leaping 'Tis -- THE king's, 42!") == [
        "o'er-leaping",
        "'tis",
        "the",
        "king's",
    ]


def test_a_vocabulary_counts_the_frequent_words_first_and_leaves_the_rare_ones_out():
    vocabulary = Vocabulary.count(["b", "a", "b", "c", "b", "a"], min_count=2)
    assert vocabulary.words == ("b", "a")
    assert vocabulary.counts.tolist() == [3, 2]
    assert vocabulary.encode(["a", "c", "b"]).tolist() == [1, 0]
    assert ("a" in vocabulary, "c" in vocabulary, len(vocabulary)) == (True, False, 2)


@pytest.mark.parametrize("words", [[], ["a", "b"]])
def test_a_text_without_frequent_words_is_refused(words):
    with pytest.raises(ValueError, match=rf"text of {len(words)} was met min_count=5 times; give"):
        Vocabulary.count(words)


@pytest.mark.parametrize(("words", "counts"), [((), ()), (("a", "a"), (1, 2)), (("a", "b"), (1,))])
def test_what_is_no_vocabulary_is_refused(words, counts):
    with pytest.raises(ValueError, match="make no vocabulary; give each word once"):
        Vocabulary(words, counts)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("nigth", "“nigth” has no row among 7 words; did you mean night"),
        ("xyzzy", "nothing is spelled like it"),
        ("", "nothing is spelled like it"),
    ],
)
def test_an_unknown_word_is_answered_with_near_spellings(word, says):
    with pytest.raises(UnknownWordError, match=says.replace("?", r"\?")):
        vectors()[word]


def test_capitals_and_spaces_around_a_word_do_no_harm():
    assert Vocabulary(WORDS).row(" Night ") == 1


# Pairs


def brute_force_pairs(ids, reach):
    return sorted(
        (ids[place], ids[other])
        for place in range(len(ids))
        for other in range(len(ids))
        if 0 < abs(place - other) <= reach[place]
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=20))
def test_pairs_are_those_of_a_double_loop(text):
    ids, reach = zip(*text, strict=True)
    middle, beside = window_pairs(torch.tensor(ids), torch.tensor(reach))
    found = sorted(zip(middle.tolist(), beside.tolist(), strict=True))
    assert found == brute_force_pairs(ids, reach)


# Loss


def loss_by_numpy(centre, context, noise, k):
    def minus_log_sigmoid(score):
        return np.log1p(np.exp(-score))

    losses = [
        minus_log_sigmoid(v @ u) + k * np.mean([minus_log_sigmoid(-v @ n) for n in noise])
        for v, u in zip(centre, context, strict=True)
    ]
    return np.mean(losses)


def test_the_loss_is_the_formula_pair_by_pair():
    centre, context = torch.randn(2, 3, 7, dtype=torch.float64)
    noise = torch.randn(11, 7, dtype=torch.float64)
    expected = loss_by_numpy(centre.numpy(), context.numpy(), noise.numpy(), 5.0)
    assert skip_gram_loss(centre, context, noise).item() == pytest.approx(expected)


def test_the_loss_on_paper():
    v, u, n = (torch.tensor([row]) for row in ([1.0, 0.5], [-0.4, 0.8], [0.8, -0.2]))
    v.requires_grad_()
    loss = skip_gram_loss(v, u, n, num_negatives=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(1.796, abs=5e-4)
    assert v.grad[0].tolist() == pytest.approx([0.735, -0.534], abs=5e-4)


def test_the_loss_of_vectors_that_know_nothing_is_six_times_log_two():
    zeros = torch.zeros(3, 5)
    assert skip_gram_loss(zeros, zeros, zeros).item() == pytest.approx(6 * math.log(2))


def test_scores_of_minus_a_thousand_stay_finite():
    far = 1000 * torch.eye(3)
    assert skip_gram_loss(far, -far, far).isfinite()


def test_shared_noise_has_the_expectation_of_noise_drawn_for_each_pair():
    generator = torch.Generator().manual_seed(0)
    centre, context = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    noise = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    drawn = torch.randint(4, (20_000, 5), generator=generator)
    own = -nn.functional.logsigmoid(-(centre[:, None, None] * noise[drawn]).sum(-1)).sum(-1)
    real = -nn.functional.logsigmoid((centre * context).sum(-1)).mean()
    expected = (real + own.mean()).item()
    assert skip_gram_loss(centre, context, noise).item() == pytest.approx(expected, rel=0.01)


# Neighbours


def test_neighbours_are_the_highest_cosines_of_torch():
    table, query = torch.randn(13, 5), torch.randn(5)
    rows, cosines = nearest(query, table, 4, [3])
    expected = nn.functional.cosine_similarity(table, query[None])
    expected[3] = -2
    assert rows.tolist() == expected.argsort(descending=True)[:4].tolist()
    torch.testing.assert_close(cosines, expected[rows])


def test_a_vector_of_zeros_has_the_cosine_0_with_all():
    table = torch.eye(3)
    table[1] = 0
    assert nearest(torch.tensor([1.0, 1.0, -1.0]), table, 3)[1].isfinite().all()


def test_a_words_neighbours_leave_itself_out_and_are_named():
    table = torch.tensor([[1.0, 0.0], [9.0, 1.0], [0.0, 1.0]])
    known = WordVectors(vocabulary=Vocabulary(WORDS[:3]), table=table)
    (first, cosine), (second, _) = known.neighbours("day", 2)
    assert (first, second) == ("night", "sun")
    assert cosine == pytest.approx(9 / math.sqrt(82))


def test_an_analogy_is_the_nearest_to_b_minus_a_plus_c_of_length_1():
    known = vectors()
    unit = known.table / known.table.norm(dim=1, keepdim=True)
    query = unit[1] - unit[0] + unit[2]
    cosines = unit @ query / query.norm()
    best = [WORDS[row] for row in cosines.argsort(descending=True).tolist()]
    free = [word for word, _ in known.analogy("day", "night", "sun", 7, own_words=True)]
    others = [word for word, _ in known.analogy("day", "night", "sun", 4, own_words=False)]
    assert free == best
    assert others == [word for word in best if word not in WORDS[:3]]


def test_another_search_can_take_the_place_of_the_courses_own():
    calls = []

    def find(query, table, count, banned=()):
        calls.append(list(banned))
        return nearest(query, table, count, banned)

    vectors().neighbours("day", 2, find)
    vectors().analogy("day", "night", "sun", 2, own_words=True, find=find)
    assert calls == [[0], []]


# Tables


def test_vectors_that_are_not_finite_are_refused_by_name():
    table = torch.zeros(3, 2)
    table[1, 0], table[2, 1] = math.nan, math.inf
    with pytest.raises(
        ValueError, match="2 of 3 vectors hold nan or inf, the first that of “night”"
    ):
        WordVectors(vocabulary=Vocabulary(WORDS[:3]), table=table)


@pytest.mark.parametrize("shape", [(3, 2), (2,)])
def test_a_table_has_a_row_for_each_word(unchecked, shape):
    with pytest.raises(ValueError, match=r"has not one row for each of 2 words"):
        WordVectors(vocabulary=Vocabulary(WORDS[:2]), table=torch.zeros(shape))


def test_the_mean_is_taken_off_and_can_be_put_back():
    table = torch.randn(7, 5) + 3
    known = centred(Vocabulary(WORDS), table)
    torch.testing.assert_close(known.table.mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(known.with_mean().table, table)


# Plane


def test_the_plane_is_that_of_the_largest_eigenvalues():
    spread = torch.randn(30, 5, dtype=torch.float64) * torch.tensor([5.0, 3.0, 1.0, 0.5, 0.2])
    rows = spread + 7
    plane, share = principal_plane(rows)
    values, axes = np.linalg.eigh(np.cov(rows.numpy().T))
    assert share == pytest.approx(values[-2:].sum() / values.sum())
    for found, expected in zip(plane.numpy(), axes.T[::-1], strict=False):
        assert abs(found @ expected) == pytest.approx(1)
    assert (plane.gather(1, plane.abs().argmax(1, keepdim=True)) > 0).all()


def test_two_vectors_make_no_plane():
    with pytest.raises(ValueError, match="2 vectors make no plane; give three or more"):
        principal_plane(torch.eye(2))


# Training

SMALL = SkipGramConfig(
    d_model=8, num_steps=60, batch_size=64, noise_words=16, learning_rate=0.05, keep_below=1.0
)


def two_topics():
    """Words of one topic stand together, those of the other apart from them."""
    generator = torch.Generator().manual_seed(1)
    blocks = [torch.randint(4, (8,), generator=generator) + 4 * (n % 2) for n in range(150)]
    ids = torch.cat(blocks)
    words = [f"w{number}" for number in ids.tolist()]
    vocabulary = Vocabulary.count(words)
    return vocabulary, vocabulary.encode(words)


def train(**changes):
    vocabulary, ids = two_topics()
    generator = torch.Generator().manual_seed(3)
    return train_word_vectors(ids, vocabulary, SMALL, generator, **changes)


def test_words_of_one_company_end_up_near_one_another():
    trained = train()
    for word in ("w0", "w1", "w4", "w7"):
        found = {name for name, _ in trained.neighbours(word, 3)}
        topic = range(4) if int(word[1]) < 4 else range(4, 8)
        assert found == {f"w{number}" for number in topic} - {word}
    assert trained.losses[0] == pytest.approx(6 * math.log(2), rel=0.01)
    assert np.mean(trained.losses[-10:]) < 0.9 * trained.losses[0]


def test_the_same_seed_gives_the_same_vectors():
    assert train().table.equal(train().table)


def test_a_loss_and_pairs_that_are_handed_over_are_the_ones_that_train():
    calls = {"loss": 0, "pairs": 0}

    def loss(*given):
        calls["loss"] += 1
        return skip_gram_loss(*given)

    def pairs(*given):
        calls["pairs"] += 1
        return window_pairs(*given)

    assert train(loss=loss, pairs=pairs).table.equal(train().table)
    assert calls["loss"] == 60
    assert calls["pairs"] >= 1


def test_training_leaves_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    train()
    assert torch.get_num_threads() == before


def test_a_text_of_one_word_makes_no_pair():
    with pytest.raises(ValueError, match="a text of 1 words makes no pair; give a longer text"):
        train_word_vectors(
            torch.tensor([0]), Vocabulary(["a"], [1]), SMALL, torch.Generator().manual_seed(0)
        )


def test_a_loss_that_ends_in_nan_is_told():
    def broken(centre, context, noise):
        return skip_gram_loss(centre, context, noise) * math.nan

    with pytest.raises(ValueError, match=r"hold nan or inf.*lower learning rate"):
        train(loss=broken)


@pytest.mark.parametrize("name", ["d_model", "num_steps", "learning_rate"])
def test_a_number_that_cannot_be_trained_with_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}=0 must be above 0"):
        SkipGramConfig(**{name: 0})
