"""Lesson 07's claims C10 and C11: data without leaks, models that read what they say, verdicts."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from transformer_course.data import Act, Play, Speech, split_plays
from transformer_course.experiments import (
    heads_controls,
    heads_digits,
    heads_genre,
    heads_next,
    heads_speeches,
    heads_trunk,
    heads_unread,
)
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer
from transformer_course.tokenization import BytePairTokenizer
from transformer_course.training import TokenStream, evaluate


def play(slug, genre, *texts):
    speeches = tuple(Speech("NAME", text) for text in texts)
    return Play(slug, slug, genre, (Act("ACT I", speeches),))


def small_trunk(generator_seed=0):
    config = replace(heads_trunk.trunk_config(1_024), num_layers=1, d_feed_forward=64)
    return Transformer(config, generator=torch.Generator().manual_seed(generator_seed)).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return BytePairTokenizer.train("the bank of the river was crowded " * 9, 1_024)


def test_each_play_is_held_out_once_and_each_fold_holds_every_genre(shakespeare_plays):
    held = [heads_speeches.split_fold(shakespeare_plays, fold) for fold in range(5)]
    slugs = Counter(one.slug for _, part in held for one in part)
    assert len(slugs) == 25
    assert set(slugs.values()) == {1}
    for rest, part in held:
        assert not {one.slug for one in rest} & {one.slug for one in part}
        assert {one.genre for one in part} == set(heads_speeches.GENRES)


def test_the_plays_that_the_trunk_has_read_are_not_the_ones_that_it_is_asked_for(
    shakespeare_plays,
):
    read, unread = heads_speeches.split_unread(shakespeare_plays)
    trained_on = {one.slug for one in split_plays(shakespeare_plays).train}
    assert {one.slug for one in read} <= trained_on
    assert not {one.slug for one in unread} & trained_on
    assert Counter(one.genre for one in unread) == dict.fromkeys(heads_speeches.GENRES, 2)


@pytest.mark.parametrize("fold", [-1, 5])
def test_a_fold_that_is_none_is_refused(shakespeare_plays, fold):
    with pytest.raises(ValueError, match=rf"fold={fold} is none of 0 to 4"):
        heads_speeches.split_fold(shakespeare_plays, fold)


def test_plays_too_few_for_a_fold_are_refused():
    few = [play(f"p{number}", "comedies", "a") for number in range(7)]
    with pytest.raises(ValueError, match=r"7 plays leave no play of histories in a part of fold 0"):
        heads_speeches.split_fold(few, 0)


def test_speeches_are_long_enough_and_name_no_speaker():
    twenty = "word " * 19 + "end"
    found = heads_speeches.read_speeches(
        [play("one", "comedies", twenty, "word " * 19), play("two", "tragedies", twenty)]
    )
    assert found.texts == (twenty, twenty)
    assert found.labels.tolist() == [0, 2]
    assert found.plays == ("one", "two")
    assert found.chosen(torch.tensor([1])).plays == ("two",)


def test_a_play_of_another_genre_is_refused():
    with pytest.raises(ValueError, match=r"x is of the genre 'roman', expected \('comedies'"):
        heads_speeches.read_speeches([play("x", "roman", "word " * 20)])


def test_rows_are_beginnings_filled_up_with_a_token_that_no_text_has(tokenizer):
    texts = ("the bank of the river was crowded", "the " * 99)
    speeches = heads_speeches.Speeches(texts, torch.tensor([0, 1]), ("a", "b"))
    rows = heads_speeches.encode_speeches(speeches, tokenizer)
    assert rows.shape == (2, 64)
    real = rows[0][rows[0] != heads_speeches.PADDING_ID].tolist()
    assert tokenizer.decode(real) == texts[0]
    assert real == rows[0][: len(real)].tolist()
    assert (rows[1] != heads_speeches.PADDING_ID).all()
    short = heads_speeches.beginnings(speeches, tokenizer)
    assert short.texts[0] == texts[0]
    assert short.texts[1] == tokenizer.decode(rows[1].tolist())
    assert len(short.texts[1]) < len(texts[1])


def test_names_are_struck_out_and_what_is_written_small_elsewhere_stays():
    texts = ("Good Falstaff, the night is good.", "The night, O Sir John, at Elsinore", "ask sir")
    speeches = heads_speeches.Speeches(texts, torch.tensor([0, 1, 2]), ("a", "b", "c"))
    bare = heads_speeches.without_names(speeches)
    assert bare.texts == ("Good , the night is good.", "The night, O Sir , at ", "ask sir")
    assert (bare.labels, bare.plays) == (speeches.labels, speeches.plays)


def test_speeches_split_at_random_come_from_the_same_plays_and_none_is_in_both():
    texts = tuple(f"text {number}" for number in range(50))
    plays = tuple(f"play {number % 5}" for number in range(50))
    speeches = heads_speeches.Speeches(texts, torch.arange(50) % 3, plays)
    folds = [heads_genre.split_at_random(speeches, fold, 5) for fold in range(5)]
    for train, test in folds:
        assert len(test.texts) == 10
        assert not set(train.texts) & set(test.texts)
        assert set(test.plays) <= set(train.plays)
    assert sorted(text for _, test in folds for text in test.texts) == sorted(texts)


def test_a_patch_can_be_read_back_from_its_number():
    images = torch.randint(17, (5, 8, 8))
    pixels = heads_digits.pixels_of(heads_digits.words_of(images))
    for row in range(4):
        for column in range(4):
            patch = images[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten(1)
            torch.testing.assert_close(pixels[:, 4 * row + column], patch / 16)


def test_a_patch_s_vector_is_its_pixels_times_a_matrix():
    embedding = heads_digits.PatchEmbedding(17**4, 7)
    words = heads_digits.words_of(torch.randint(17, (3, 8, 8)))
    expected = heads_digits.pixels_of(words) @ embedding.weight.T + embedding.projection.bias
    torch.testing.assert_close(embedding(words), expected)


def test_pixels_that_are_no_greys_and_another_vocabulary_are_refused():
    with pytest.raises(ValueError, match=r"pixels from 0 to 17, expected 0 to 16; scale"):
        heads_digits.words_of(torch.tensor([[[0, 17], [1, 2]]]).repeat(1, 4, 4))
    with pytest.raises(ValueError, match=r"vocab_size=9, but there are 83521 patches"):
        heads_digits.PatchEmbedding(9, 7)


def test_no_image_is_in_both_parts():
    train, test = heads_digits.read_digits()
    assert (len(train.labels), len(test.labels)) == (1_437, 360)
    rows = {tuple(row) for row in train.words.tolist()}
    assert not any(tuple(row) in rows for row in test.words.tolist())


def one_hot_sum(table, ids, vocab_size):
    hot = nn.functional.one_hot(ids, vocab_size).float()
    return hot.flatten(-2) @ table


def test_places_are_one_hot_vectors_times_a_matrix():
    places = heads_controls.Places(5, 7, 3)
    ids = torch.randint(7, (2, 5))
    torch.testing.assert_close(places(ids), one_hot_sum(places.table.weight, ids, 7))


def test_a_window_sees_the_last_tokens_and_no_others():
    window = heads_controls.Window(3, 7, 5)
    ids = torch.randint(1, 7, (2, 11))
    before = window(ids)
    assert before.shape == (2, 11, 5)
    changed = ids.clone()
    changed[:, 6] = 0
    moved = (window(changed) - before).abs().sum(-1) > 0
    assert [place for place in range(11) if moved[0, place]] == [6, 7, 8]


@pytest.mark.parametrize("model", ["bag", "gru"])
def test_padding_changes_nothing_where_one_answer_is_asked_for(model):
    torch.manual_seed(3)
    if model == "bag":
        front = heads_controls.Bag(11, 5, 0)
        reader = heads_controls.WithoutAttention(front, 5, (3,), bend=True)
    else:
        reader = heads_controls.Recurrent(
            nn.Embedding(11, 5), 5, 3, both_ways=False, averages=True, padding_id=0
        )
    ids = torch.randint(1, 11, (2, 7))
    padded = nn.functional.pad(ids, (0, 4))
    torch.testing.assert_close(reader(padded).logits, reader(ids).logits)


def test_a_linear_model_is_linear_and_an_mlp_is_not():
    torch.manual_seed(3)

    def middle(bend):
        front = heads_controls.Pixels(64, 9)
        model = heads_controls.WithoutAttention(front, 9, (4, 5), bend=bend, start=2)
        images = torch.stack((torch.zeros(8, 8), torch.full((8, 8), 8.0), torch.full((8, 8), 16.0)))
        logits = model(heads_digits.words_of(images.long())).logits
        assert logits.shape == (3, 6, 5)
        assert (logits[:, :2] == 0).all()
        return (logits[0] + logits[2] - 2 * logits[1]).abs().max()

    assert middle(bend=False) < 1e-5
    assert middle(bend=True) > 1e-3


def test_a_text_is_read_once_token_by_token():
    model, ids = small_trunk(), torch.randint(1_024, (300,))
    reading = heads_next.read_text(model, ids)
    assert reading.targets.tolist() == ids[1:].tolist()
    stream = TokenStream(ids, ids, 64)
    expected = evaluate(model, stream.validation_batches())
    assert cross_entropy(reading.logits, reading.targets).item() == pytest.approx(expected)


def test_guessing_costs_the_logarithm_of_the_vocabulary_whatever_a_token_is(tokenizer):
    text = "the river was the bank " * 30
    found = heads_next.counted_bits(text, text, tokenizer, 2)
    share = len(tokenizer.encode(text)) / len(text)
    assert found[0] == pytest.approx(math.log2(tokenizer.vocab_size) * share)
    assert found[0] > found[1] > found[2]


def test_macbeth_is_not_among_too_few_plays():
    with pytest.raises(ValueError, match="macbeth is not among 1 plays; give all of"):
        heads_next.held_out_play([play("x", "comedies", "a")])


def reliability_slowly(probabilities, targets, num_bins):
    bins = [[] for _ in range(num_bins)]
    for row, target in zip(probabilities.tolist(), targets.tolist(), strict=True):
        for token, share in enumerate(row):
            place = next(
                bin_number
                for bin_number in range(num_bins)
                if share <= (bin_number + 1) / num_bins + 1e-6
            )
            bins[place].append((share, token == target))
    kept = [cases for cases in bins if len(cases) >= heads_next.FEWEST_IN_BIN]
    return [
        [sum(share for share, _ in cases) / len(cases) for cases in kept],
        [sum(came for _, came in cases) / len(cases) for cases in kept],
        [len(cases) for cases in kept],
    ]


def test_reliability_equals_counting_one_by_one():
    probabilities = (torch.randn(700, 5) * 2).softmax(-1)
    targets = torch.randint(5, (700,))
    found = heads_next.reliability(probabilities, targets, 4)
    given, came, cases = reliability_slowly(probabilities, targets, 4)
    assert list(found.cases) == cases
    assert found.given == pytest.approx(given, abs=1e-5)
    assert found.came == pytest.approx(came)


def test_who_draws_from_ones_own_probabilities_is_as_sure_as_right():
    logits = torch.randn(20_000, 5) * 2
    targets = logits.softmax(-1).multinomial(1)[:, 0]
    honest = heads_next.Reading(logits, targets)
    assert heads_next.sureness(honest).largest_gap < 0.03
    assert heads_next.best_temperature(honest) == 1.0
    boaster = heads_next.Reading(1.5 * logits, targets)
    assert heads_next.sureness(boaster).largest_gap > 0.1
    assert heads_next.best_temperature(boaster) == 1.5
    mended = heads_next.compare_sureness(boaster, honest, boaster)
    assert mended.warmed.largest_gap < 0.03


def test_logits_and_texts_too_short_are_refused():
    with pytest.raises(ValueError, match=r"a probability is outside \[0, 1\]; give what softmax"):
        heads_next.reliability(torch.tensor([[-1.0, 2.0]]), torch.tensor([0]))
    with pytest.raises(ValueError, match="no bin has 100 of the 2 probabilities; give a longer"):
        heads_next.reliability(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))


def test_a_reader_has_the_trunk_s_weights_and_padding_moves_no_answer():
    trunk = small_trunk()
    reader = heads_genre.GenreReader(trunk).eval()
    ids = torch.randint(1, 1_024, (3, 20))
    stack = trunk.decoder(ids).hidden
    torch.testing.assert_close(reader.model.decoder(ids).hidden, stack)
    padded = nn.functional.pad(ids, (0, 12))
    short, long = (heads_genre.genre_logits(reader, one) for one in (ids, padded))
    torch.testing.assert_close(short, long)
    torch.testing.assert_close(
        torch.tensor(heads_genre.pooled_vectors(reader, padded)), stack.mean(1)
    )
    counted = torch.tensor(heads_unread.unmasked_vectors(reader, padded))
    assert (counted - stack.mean(1)).abs().max() > 0.01


def test_a_pooling_of_ones_own_is_called_by_the_reader():
    calls = []

    def first(hidden, padding_mask):
        calls.append(padding_mask.shape)
        return hidden[:, 0]

    reader = heads_genre.GenreReader(small_trunk(), parts={"pooling": first})
    reader(torch.randint(1, 1_024, (3, 20)))
    assert calls == [(3, 20)]


def test_fine_tuning_learns_what_one_token_says():
    labels = torch.arange(60) % 3
    ids = torch.randint(100, 1_000, (60, 9))
    ids[:, 4] = labels + 1
    reader = heads_genre.fine_tune(
        heads_genre.GenreReader(small_trunk()), ids, labels, num_steps=30
    )
    assert (heads_genre.genre_logits(reader, ids).argmax(-1) == labels).double().mean() > 0.9


def told_apart(count, seed):
    """Make speeches whose genre one word in seven tells."""
    rng = np.random.default_rng(seed)
    labels = torch.tensor(rng.integers(3, size=count))
    words = rng.choice(["lord", "night", "would", "heart"], size=(count, 6)).tolist()
    texts = tuple(
        " ".join([*line, ("marry", "york", "blood")[label]])
        for line, label in zip(words, labels.tolist(), strict=True)
    )
    return heads_speeches.Speeches(texts, labels, ("x",) * count)


def test_counting_words_finds_the_word_that_tells():
    train, test = told_apart(300, 0), told_apart(100, 1)
    assert heads_genre.by_counting_words(train, test).double().mean() > 0.95
    usual = heads_genre.by_the_usual_genre(train, test)
    most = Counter(train.labels.tolist()).most_common(1)[0][0]
    assert usual.tolist() == [label == most for label in test.labels.tolist()]


def test_straight_borders_between_pooled_vectors_are_learned():
    trunk = small_trunk()
    labels = torch.arange(90) % 3
    ids = torch.randint(100, 1_000, (90, 5))
    ids[:, 1:4] = labels[:, None] + 1
    reader = heads_genre.GenreReader(trunk).eval()
    right = heads_genre.by_frozen_vectors(reader, ids[:60], labels[:60], ids[60:], labels[60:])
    assert right.double().mean() > 0.9


def test_three_steps_train_a_trunk_on_plays_that_may_be_read(tokenizer):
    text = "the bank of the river was crowded " * 30
    library = heads_speeches.Library((play("a", "comedies", text),), (), tokenizer)
    model = heads_trunk.train_trunk(library, num_steps=3)
    assert model.config.vocab_size == tokenizer.vocab_size
    assert not model.training
    random = heads_trunk.untrained_trunk(tokenizer.vocab_size)
    ids = library.ids(held_out=False)
    losses = [
        cross_entropy(reading.logits, reading.targets)
        for reading in (heads_next.read_text(one, ids) for one in (model, random))
    ]
    assert losses[0] < losses[1]
