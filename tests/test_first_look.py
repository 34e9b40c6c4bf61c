"""Lesson 00's measurements on tiny models and plays, and its claims on contrary numbers."""

import math
from dataclasses import replace

import pytest
import torch
from small_runs import model_config

from transformer_course.data import Act, Play, PlaySplit, Speech, shakespeare_text
from transformer_course.drawing import INK
from transformer_course.experiments import first_look, first_look_plots
from transformer_course.experiments.first_look import (
    Answers,
    UnseenLoss,
    WrittenWords,
    answers,
    it_does_not_copy,
    it_writes_words,
    loss_a_character,
    the_model_beats_counting,
    timid_it_repeats,
    unknown_words,
    unseen_loss,
    words_of,
    written_words,
)
from transformer_course.experiments.first_look_bank import (
    BankHeads,
    bank_heads,
    one_head_looks_at_the_river,
    so_does_the_financial_bank,
)
from transformer_course.experiments.first_look_plots import (
    expected_tokens,
    heads_towards_river,
    written_pages,
)
from transformer_course.model import Transformer
from transformer_course.pretrained import load_minilm
from transformer_course.tokenization import BytePairTokenizer
from transformer_course.trained import TrainedWriter


def play(slug, text):
    act = Act(title="ACT I", speeches=(Speech(speaker="FOOL", text=text),) * 7)
    return Play(slug=slug, title=slug, genre="comedies", acts=(act,))


SPLIT = PlaySplit(
    train=(play("one", "The rain it raineth every day.\nWith hey, ho, the wind and the rain."),),
    validation=(play("two", "The rain it raineth every night, alas."),),
    test=(play("three", "Marry, nuncle."),),
)


@pytest.fixture(scope="module")
def writer():
    text = shakespeare_text(SPLIT.train)
    tokenizer = BytePairTokenizer.train(text, 270)
    model = Transformer(
        model_config(vocab_size=270), generator=torch.Generator().manual_seed(3)
    ).eval()
    return TrainedWriter(model=model, tokenizer=tokenizer, characters=frozenset(text), steps=0)


def test_the_loss_a_character_is_that_of_all_tokens_shared_among_the_characters(writer):
    text = shakespeare_text(SPLIT.validation)
    ids = writer.tokenizer.encode(text)
    total, context = 0.0, writer.model.config.context_length
    for start in range(0, len(ids) - 1, context):
        window = torch.tensor([ids[start : start + context + 1]])
        log_p = writer.model(window[:, :-1]).logits.log_softmax(-1)
        total -= log_p.gather(-1, window[:, 1:, None]).sum().item()
    assert len(ids) < len(text)
    assert loss_a_character(writer, text) == pytest.approx(total / len(text), rel=1e-5)


def test_counting_is_done_in_the_training_plays_and_tested_on_the_text(writer):
    text = shakespeare_text(SPLIT.validation)
    found = unseen_loss(writer, text, SPLIT)
    read = shakespeare_text(SPLIT.train)
    size = len(set(read + text))
    counts = {sign: read.count(sign) for sign in set(read + text)}
    discounted = [
        max(counts[sign] - 0.75, 0) / len(read)
        + 0.75 * sum(count > 0 for count in counts.values()) / len(read) / size
        for sign in text[1:]
    ]
    wanted = -sum(map(math.log, discounted)) / len(discounted)
    assert found.unigram == pytest.approx(wanted, rel=1e-6)
    assert found.five_gram < found.unigram
    assert found.model == loss_a_character(writer, text)


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

        monkeypatch.setattr(first_look, "generate", generate)

    return set_texts


TOKENIZER = BytePairTokenizer.train(shakespeare_text(SPLIT.train), 270)


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

    for module in (first_look, first_look_plots):
        monkeypatch.setattr(module, "generate", generate)
    unknown_words(writer, (1.0,), split=SPLIT)
    written_pages(writer, "FOOL:\n", (1.0,))
    assert threads == [1, 1]
    assert torch.get_num_threads() == 2


def test_answers_are_the_probabilities_of_what_came_next(writer):
    ids = torch.tensor([writer.tokenizer.encode("With hey, ho")])
    found = answers(writer, ids[:, :-1], ids[:, 1:])
    probabilities = writer.model(ids[:, :-1]).logits.softmax(-1)[0]
    wanted = [probabilities[place, token].item() for place, token in enumerate(ids[0, 1:])]
    assert found.probabilities == pytest.approx(wanted, rel=1e-4)
    assert found.loss == pytest.approx(-sum(map(math.log, wanted)) / len(wanted), rel=1e-4)
    assert "".join([found.read[0], *found.wanted]) == "With hey, ho"


@pytest.fixture(scope="module")
def heads():
    return bank_heads(load_minilm())


def test_the_heads_of_minilm_bear_out_both_claims(heads):
    assert heads.first.shape == heads.second.shape == heads.untrained.shape == (6, 12)
    assert one_head_looks_at_the_river(heads).holds
    assert so_does_the_financial_bank(heads).holds
    assert heads.first[0, 4].item() == pytest.approx(0.65, abs=6e-3)
    assert heads.second[0, 4].item() == pytest.approx(0.43, abs=6e-3)


GOOD_LOSS = UnseenLoss(model=1.4, unigram=3.3, five_gram=1.7)
GOOD_WORDS = WrittenWords(
    known={0.2: 1.0, 0.8: 0.97, 1.5: 0.7},
    copied={0.2: 0.04, 0.8: 0.003, 1.5: 0.0},
    repeated={0.2: 0.15, 0.8: 0.0, 1.5: 0.0},
    untrained=0.3,
    real=0.004,
)


@pytest.mark.parametrize(
    "change", [{"model": 1.6}, {"model": math.nan}, {"five_gram": 1.3}, {"unigram": 1.8}]
)
def test_a_model_that_counting_beats_is_crossed(change):
    assert the_model_beats_counting(GOOD_LOSS).holds
    assert not the_model_beats_counting(replace(GOOD_LOSS, **change)).holds


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


def test_a_claim_says_its_numbers_and_a_broken_bound():
    good = the_model_beats_counting(GOOD_LOSS)
    assert good.measured == "a play that it never read: 1.40 nats a character"
    assert good.control == "counting what follows four characters: 1.70; counting characters: 3.30"
    bad = the_model_beats_counting(replace(GOOD_LOSS, model=1.6))
    assert "1.6 (expected below 1.5)" in bad.measured


def bank(**changes) -> BankHeads:
    usual = {name: torch.full((6, 12), 0.05) for name in ("first", "second", "untrained")}
    usual["first"][0, 4], usual["second"][0, 4] = 0.65, 0.43
    return BankHeads(**{**usual, **changes})


@pytest.mark.parametrize(
    "change",
    [
        {"first": torch.full((6, 12), 0.05)},
        {"first": torch.full((6, 12), 0.65)},
        {"untrained": torch.full((6, 12), 0.2)},
    ],
)
def test_a_head_that_is_like_the_others_is_crossed(change):
    assert one_head_looks_at_the_river(bank()).holds
    assert not one_head_looks_at_the_river(bank(**change)).holds


@pytest.mark.parametrize(
    "change",
    [
        {"second": torch.full((6, 12), 0.05)},
        {"second": torch.full((6, 12), 0.5)},
        {"first": torch.full((6, 12), 0.3)},
    ],
)
def test_a_financial_bank_that_looks_elsewhere_is_crossed(change):
    assert so_does_the_financial_bank(bank()).holds
    assert not so_does_the_financial_bank(bank(**change)).holds


def written(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_pages_hold_what_the_model_writes_from_the_prompt_on(writer):
    figure = written_pages(writer, "FOOL:\n", (0.0, 1.0), num_tokens=9)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "temperature 0",
        "temperature 1",
    ]
    assert all(page.startswith("FOOL:") for page in written(figure))


def test_a_page_that_is_full_ends_in_three_dots_and_keeps_its_lines_short(writer):
    (page,) = written(written_pages(writer, "FOOL:\n" * 30, (1.0,), num_tokens=3))
    assert page.splitlines()[-1] == "…"
    assert len(page.splitlines()) == 16
    assert max(map(len, page.splitlines())) <= 44


def test_each_token_stands_with_its_probability_in_a_colour_it_can_be_read_on():
    found = Answers(
        read="abcd", wanted=["b", " c", "\n", "d"], probabilities=[0.1, 0.9, 0.5, 0.2], loss=1.0
    )
    figure = expected_tokens(found, start=1)
    texts = [text for axes in figure.axes for text in axes.texts]
    assert [text.get_text() for text in texts] == ["·c", "0.90", "⏎", "0.50", "d", "0.20"]
    assert [text.get_color() for text in texts[::2]] == [INK, INK, "white"]


def test_every_head_is_a_point_and_head_0_4_has_its_number():
    figure = heads_towards_river(bank())
    (axes,) = figure.axes
    assert [len(line.get_xdata()) for line in axes.lines] == [72, 72, 72]
    assert written(figure) == [
        "71 of 72 below 0.1",
        "71 of 72 below 0.1",
        "72 of 72 below 0.1",
        "head 0.4: 0.65",
        "head 0.4: 0.43",
    ]


def test_a_head_that_gives_more_than_0_4_has_its_number_too():
    second = torch.full((6, 12), 0.05)
    second[0, 4], second[3, 11] = 0.43, 0.5
    found = written(heads_towards_river(bank(second=second)))
    assert found[3:] == ["head 0.4: 0.65", "head 3.11: 0.50", "head 0.4: 0.43"]
