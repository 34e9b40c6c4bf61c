"""What a model writes, looked up in plays of a few words; and its claims on contrary numbers."""

import math
from dataclasses import replace

import pytest
import torch
from small_plays import SPLIT, small_writer

from transformer_course.data import shakespeare_text
from transformer_course.experiments import first_look_plots, first_look_words
from transformer_course.experiments.first_look_plots import written_pages
from transformer_course.experiments.first_look_words import (
    WrittenWords,
    it_does_not_copy,
    it_writes_words,
    timid_it_repeats,
    unknown_words,
    words_of,
    written_words,
)
from transformer_course.tokenization import BytePairTokenizer

TOKENIZER = BytePairTokenizer.train(shakespeare_text(SPLIT.train), 270)


@pytest.fixture(scope="module")
def writer():
    return small_writer()


def test_words_are_those_of_the_data_card():
    assert words_of("FOOL:\n'Tis to-morrow, o'er and o'er; 'twas!") == [
        "fool",
        "'tis",
        "to-morrow",
        "o'er",
        "and",
        "o'er",
        "'twas",
    ]


@pytest.fixture
def parrot(monkeypatch):
    """A writer whose texts are given, whatever the model."""

    def set_texts(by_temperature):
        def generate(model, prompts, length, *, temperature, generator):
            return [TOKENIZER.encode(by_temperature[temperature])] * len(prompts)

        monkeypatch.setattr(first_look_words, "generate", generate)

    return set_texts


def test_known_words_and_copied_runs_are_counted_without_the_last_word(writer, parrot):
    usual = "the rain it raineth every day qwx"
    parrot({0.2: usual + " cut", 0.8: usual, 1.5: "rain qwx rain cut"})
    found = written_words(writer, num_texts=2, split=SPLIT)
    assert found.known == {0.2: pytest.approx(6 / 7), 0.8: 1.0, 1.5: pytest.approx(2 / 3)}
    assert found.copied == {0.2: pytest.approx(2 / 3), 0.8: 1.0, 1.5: 0.0}
    # "fool the rain it raineth", "the rain it raineth every" of eight words a speech.
    assert 0 < found.real < 0.6


def test_new_runs_of_known_words_are_no_copies(writer, parrot):
    parrot({0.2: "alas", 0.8: "every day the wind raineth with rain", 1.5: "alas"})
    found = written_words(writer, num_texts=2, split=SPLIT)
    assert (found.known[0.8], found.copied[0.8]) == (1.0, 0.0)


def test_a_run_is_repeated_where_it_stood_before_in_the_same_text_or_another(writer, parrot):
    parrot({0.2: "a b c d e a b c d e a cut", 0.8: "a b c d e f cut", 1.5: "alas"})
    found = written_words(writer, num_texts=1, split=SPLIT)
    # Seven runs, five different ones.
    assert (found.repeated[0.2], found.repeated[0.8]) == (pytest.approx(2 / 7), 0.0)
    twice = written_words(writer, num_texts=2, split=SPLIT)
    assert twice.repeated[0.8] == 0.5


def test_unknown_words_are_listed_beside_those_of_a_play_that_was_not_read(writer, parrot):
    parrot({0.5: "the rain cut", 1.0: "qwx rain wind wqx cut"})
    found, real = unknown_words(writer, (0.5, 1.0), split=SPLIT)
    assert (list(found[0.5].unknown), found[0.5].num_words) == ([], 2)
    assert (list(found[1.0].unknown), found[1.0].num_words) == (["qwx", "wqx"], 4)
    assert list(real.unknown) == ["night", "alas"] * 7
    assert real.num_words == 7 * 8


def test_a_model_that_writes_is_measured_the_same_each_time(writer):
    sizes = {"num_texts": 2, "length": 11, "split": SPLIT}
    assert written_words(writer, **sizes) == written_words(writer, **sizes)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_texts_and_pages_are_written_with_one_thread_which_is_undone(writer, monkeypatch):
    threads = []

    def generate(model, prompts, length, *, temperature, generator):
        threads.append(torch.get_num_threads())
        return [TOKENIZER.encode("the rain")] * len(prompts)

    for module in (first_look_words, first_look_plots):
        monkeypatch.setattr(module, "generate", generate)
    unknown_words(writer, (1.0,), split=SPLIT)
    written_pages(writer, "FOOL:\n", (1.0,))
    assert threads == [1, 1]
    assert torch.get_num_threads() == 2


GOOD_WORDS = WrittenWords(
    known={0.2: 1.0, 0.8: 0.97, 1.5: 0.7},
    copied={0.2: 0.04, 0.8: 0.003, 1.5: 0.0},
    repeated={0.2: 0.15, 0.8: 0.0, 1.5: 0.0},
    untrained=0.3,
    real=0.004,
)


@pytest.mark.parametrize(
    "change",
    [
        {"known": {0.8: 0.85, 1.5: 0.7}},
        {"known": {0.8: 0.97, 1.5: 0.95}},
        {"untrained": 0.9},
    ],
)
def test_a_model_that_spells_badly_or_no_better_than_its_controls_is_crossed(change):
    assert it_writes_words(GOOD_WORDS).holds
    assert not it_writes_words(replace(GOOD_WORDS, **change)).holds


@pytest.mark.parametrize(
    "change", [{"copied": {0.8: 0.03}}, {"real": 0.03}, {"copied": {0.8: math.nan}}]
)
def test_a_model_that_copies_is_crossed(change):
    assert it_does_not_copy(GOOD_WORDS).holds
    assert not it_does_not_copy(replace(GOOD_WORDS, **change)).holds


@pytest.mark.parametrize(
    "change",
    [
        {"copied": {0.2: 0.01, 0.8: 0.003}},
        {"copied": {0.2: 0.04, 0.8: 0.03}},
        {"repeated": {0.2: 0.05, 0.8: 0.0}},
        {"repeated": {0.2: 0.15, 0.8: 0.15}},
        {"repeated": {0.2: math.nan, 0.8: 0.0}},
    ],
)
def test_a_timid_model_that_is_as_fresh_as_a_bolder_one_is_crossed(change):
    assert timid_it_repeats(GOOD_WORDS).holds
    assert not timid_it_repeats(replace(GOOD_WORDS, **change)).holds


def test_each_claim_of_written_words_names_what_it_counts():
    finding = timid_it_repeats(GOOD_WORDS)
    assert finding.measured == (
        "runs at temperature 0.2 that stand there: 0.040; that it had written before: 0.15"
    )
    assert finding.control == "at 0.8: 0.003 and 0.00"
