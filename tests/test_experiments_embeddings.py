"""Lesson 03's claims: what is measured is what is said, and each claim can fail."""

from dataclasses import replace

import pytest
import torch

from transformer_course import pretrained
from transformer_course.experiments import embeddings, embeddings_analogies, embeddings_context
from transformer_course.experiments.embeddings_analogies import AnalogyScores
from transformer_course.word_vectors import (
    SkipGramConfig,
    Vocabulary,
    WordVectors,
    train_word_vectors,
)


@pytest.fixture(scope="module")
def minilm():
    return pretrained.load_minilm()


@pytest.fixture(scope="module")
def real(minilm):
    return embeddings.minilm_vectors(minilm)


@pytest.fixture(scope="module")
def corpus():
    return embeddings.shakespeare_words()


# The pairs


def test_there_are_fifty_related_pairs_of_a_hundred_words_that_all_tables_know(corpus, real):
    pairs = embeddings.related_pairs()
    words = [word for pair in pairs for word in pair]
    assert (len(pairs), len(set(words))) == (50, 100)
    assert all(word in corpus.vocabulary and word in real.vocabulary for word in words)


def test_all_analogies_are_known_to_minilm_and_four_words_long(real):
    rows = [row for kind in embeddings_analogies.analogies().values() for row in kind]
    assert len(rows) == 32
    assert all(len(set(row)) == 4 and all(w in real.vocabulary for w in row) for row in rows)


def test_pairs_that_are_missing_are_one_sentence(monkeypatch, tmp_path):
    embeddings.word_pairs.cache_clear()
    monkeypatch.setattr(embeddings, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(FileNotFoundError, match=r"no word_pairs.json .* from a checkout"):
        embeddings.related_pairs()


# The corpus


def test_the_plays_have_the_words_that_the_data_card_says(corpus):
    assert len(corpus.vocabulary) == 8549
    assert corpus.vocabulary.counts.min() == 5
    assert corpus.vocabulary.counts.sum() == len(corpus.ids)


def test_shuffled_plays_keep_every_count_and_lose_the_order(corpus):
    shuffled = corpus.shuffled(0)
    assert shuffled.ids.bincount().equal(corpus.ids.bincount())
    assert (shuffled.ids == corpus.ids).double().mean() < 0.05


# Matching


def test_stand_ins_are_of_like_rank_never_the_word_itself_nor_a_pair_of_one():
    rows = torch.tensor([[0, 1], [40, 50], [700, 999], [999, 3]])
    found = embeddings.matched_pairs(rows, 1000, torch.Generator().manual_seed(0))
    assert found.shape == (4, embeddings.DRAWS, 2)
    assert ((found >= 0) & (found < 1000)).all()
    assert (found != rows[:, None]).double().mean() > 0.99
    assert (found[..., 0] != found[..., 1]).all()
    assert ((found - rows[:, None]).abs() <= 0.1 * rows[:, None] + 7).all()


def test_a_stand_in_is_about_as_frequent_as_its_word(corpus):
    pairs = embeddings.related_pairs()
    rows = torch.stack([corpus.vocabulary.rows(pair) for pair in pairs])
    generator = torch.Generator().manual_seed(0)
    found = embeddings.matched_pairs(rows, len(corpus.vocabulary), generator)
    counts = corpus.vocabulary.counts.double()
    ratio = counts[found] / counts[rows][:, None]
    assert 0.9 < ratio.log().mean().exp() < 1.1
    anything = counts[torch.randint(len(counts), (1000,))].log().mean().exp()
    assert anything < 0.2 * counts[rows].log().mean().exp()


def test_scores_are_shares_of_comparisons_won():
    related, others = torch.tensor([0.5, 0.1]), torch.tensor([[0.4, 0.5, 0.6, 0.1], [0.2] * 4])
    scores = embeddings.PairScores(related=related, random=others, matched=others - 0.35)
    assert scores.against_random == pytest.approx(2.5 / 8)
    assert scores.against_matched == 1.0


def test_vectors_that_hold_nothing_but_frequency_win_against_any_words_and_not_against_matched(
    corpus,
):
    size = len(corpus.vocabulary)
    angle = torch.arange(1.0, size + 1).log() / 6 + torch.rand(size) / 3
    frequency = WordVectors(
        vocabulary=corpus.vocabulary, table=torch.stack((angle.cos(), angle.sin()), dim=1)
    )
    scores = embeddings.score_pairs(frequency)
    assert scores.against_matched == pytest.approx(0.5, abs=0.1)


# C5

GOOD = embeddings.SimilarWords(
    trained=(0.98, 0.96),
    shuffled=(0.61, 0.47),
    shuffled_plain=(0.86, 0.45),
    noise=(0.5, 0.5),
    minilm=(1.0, 0.99),
    minilm_noise=(0.52, 0.53),
)


def test_good_numbers_hold():
    assert embeddings.similar_words_lie_close(GOOD).holds


@pytest.mark.parametrize(
    "contrary",
    [
        {"trained": (0.98, 0.8)},
        {"minilm": (0.98, 0.8)},
        {"shuffled_plain": (0.6, 0.45)},
        {"shuffled_plain": (0.86, 0.8)},
        {"shuffled": (0.61, 0.8)},
        {"noise": (0.9, 0.5)},
        {"noise": (0.5, 0.1)},
        {"minilm_noise": (0.5, 0.9)},
        {"trained": (0.98, float("nan"))},
    ],
)
def test_a_contrary_number_turns_c5(contrary):
    finding = embeddings.similar_words_lie_close(replace(GOOD, **contrary))
    assert not finding.holds
    assert "expected" in finding.statement


def test_minilms_table_and_random_vectors_are_as_claimed(real, corpus):
    short = SkipGramConfig(num_steps=2, batch_size=64)
    hardly = train_word_vectors(
        corpus.ids[:20_000], corpus.vocabulary, short, torch.Generator().manual_seed(0)
    )
    found = embeddings.compare_similarities(hardly, hardly, real)
    assert found.minilm[1] > 0.95
    for share in (*found.noise, *found.minilm_noise):
        assert share == pytest.approx(0.5, abs=0.15)
    assert not embeddings.similar_words_lie_close(found).holds
    assert found.shuffled_plain != found.shuffled


def test_the_experiment_trains_on_the_plays_and_on_shuffled_plays(monkeypatch, real, corpus):
    texts = []

    def train(ids, vocabulary, config, generator):
        texts.append(ids)
        return embeddings.random_vectors(real, 0)

    monkeypatch.setattr(embeddings, "train_word_vectors", train)
    monkeypatch.setattr(embeddings, "minilm_vectors", lambda: real)
    embeddings.similar_words(seed=1)
    assert [text.equal(corpus.ids) for text in texts] == [True, False]
    assert texts[1].equal(corpus.shuffled(1).ids)


def test_only_whole_words_of_minilms_table_are_taken(real, minilm):
    table = minilm.model.get_parameter("encoder.embedding.weight")
    assert table.shape == (30_522, 384)
    assert all(word.isalpha() and len(word) > 1 for word in real.vocabulary.words)
    row = minilm.tokenizer.token_to_id("king")
    torch.testing.assert_close(real.with_mean()["king"], table[row].detach())


# C6


def test_two_banks_are_one_row_and_part_on_the_way(minilm):
    banks = embeddings_context.two_banks(encoder=minilm)
    assert embeddings_context.one_row_for_two_banks(banks).holds
    assert banks.trained == pytest.approx(
        [0.958, 0.909, 0.859, 0.863, 0.900, 0.920, 0.948], abs=6e-4
    )
    assert len(banks.untrained) == 7
    for field, contrary in {
        "lookup_difference": 0.1,
        "trained": (0.5, *banks.trained[1:]),
        "untrained": (1.0,) * 7,
        "twice": 0.1,
    }.items():
        changed = replace(banks, **{field: contrary})
        assert not embeddings_context.one_row_for_two_banks(changed).holds
    changed = replace(banks, trained=(0.958, 0.909, 0.95, 0.9, 0.9, 0.9, 0.9))
    assert not embeddings_context.one_row_for_two_banks(changed).holds


# Analogies


def test_analogies_in_minilm_are_as_the_lesson_says(real):
    found = embeddings_analogies.compare_analogies(real)
    finding = embeddings_analogies.a_rule_makes_analogies(found)
    assert finding.holds, finding.statement
    first = real.analogy("man", "woman", "king", 2, own_words=True)
    assert [word for word, _ in first] == ["king", "queen"]
    plural = found.kinds["one and many"]
    for change in (
        {"together": replace(found.together, forbidden=0.5)},
        {"together": replace(found.together, allowed=0.5)},
        {"together": replace(found.together, own_word=0.5)},
        {"kinds": {**found.kinds, "one and many": replace(plural, third_alone=0.5)}},
        {"noise": replace(found.noise, forbidden=0.5)},
    ):
        changed = replace(found, **change)
        assert not embeddings_analogies.a_rule_makes_analogies(changed).holds


def test_a_perfect_table_has_perfect_scores(monkeypatch):
    table = torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0, 0]])
    known = WordVectors(vocabulary=Vocabulary(("a", "b", "c", "d", "e")), table=table)
    monkeypatch.setattr(embeddings_analogies, "analogies", lambda: {"k": [("a", "b", "c", "d")]})
    assert embeddings_analogies.score_analogies(known) == AnalogyScores(
        allowed=1.0, forbidden=1.0, third_alone=1.0, own_word=0.0
    )


def test_analogies_whose_words_are_unknown_are_refused():
    known = WordVectors(vocabulary=Vocabulary(("a", "b")), table=torch.eye(2))
    with pytest.raises(ValueError, match=r"no analogy of .* has all its words among 2; use"):
        embeddings_analogies.score_analogies(known)
