"""Lesson 00's measurements on tiny models and plays, and its claims on contrary numbers."""

import math
from dataclasses import replace

import pytest
import torch
from small_plays import SPLIT, small_writer

from transformer_course.data import shakespeare_text
from transformer_course.drawing import INK
from transformer_course.experiments.first_look import (
    Answers,
    UnseenLoss,
    answers,
    loss_a_character,
    the_model_beats_counting,
    unseen_loss,
)
from transformer_course.experiments.first_look_bank import (
    BankHeads,
    bank_heads,
    one_head_looks_at_the_river,
    so_does_the_financial_bank,
)
from transformer_course.experiments.first_look_plots import (
    expected_tokens,
    first_lines,
    heads_towards_river,
    written_pages,
)
from transformer_course.pretrained import load_minilm


@pytest.fixture(scope="module")
def writer():
    return small_writer()


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
    # The lesson tells of these in prose and in the picture's words.
    assert heads.first[0, 10].item() == pytest.approx(0.43, abs=6e-3)
    assert heads.second[0, 10].item() == pytest.approx(0.50, abs=6e-3)
    assert heads.second.max() == heads.second[0, 10]
    assert [int((weights < 0.1).sum()) for weights in (heads.first, heads.second)] == [61, 62]


GOOD_LOSS = UnseenLoss(model=1.4, unigram=3.3, five_gram=1.7)


@pytest.mark.parametrize(
    "change", [{"model": 1.6}, {"model": math.nan}, {"five_gram": 1.3}, {"unigram": 1.8}]
)
def test_a_model_that_counting_beats_is_crossed(change):
    assert the_model_beats_counting(GOOD_LOSS).holds
    assert not the_model_beats_counting(replace(GOOD_LOSS, **change)).holds


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


def test_the_first_lines_of_a_page_can_stand_in_words_beside_it(writer):
    pages = written_pages(writer, "FOOL:\nAlas,\nnuncle,\nno.", (0.0, 1.0), num_tokens=9)
    assert first_lines(pages, 1, 3) == "FOOL: / Alas, / nuncle,"
    long = "Marry, nuncle, the rain it raineth every day in this court."
    broken = written_pages(writer, f"FOOL:\n{long}\nNo.\n", (1.0,), num_tokens=9)
    assert first_lines(broken, 0, 3) == f"FOOL: / {long} / No."


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


def test_a_head_that_gives_more_than_0_4_has_its_numbers_too_from_both_banks():
    second = torch.full((6, 12), 0.05)
    second[0, 4], second[3, 11] = 0.43, 0.5
    found = written(heads_towards_river(bank(second=second)))
    assert found[3:] == [
        "head 3.11: 0.05",
        "head 0.4: 0.65",
        "head 3.11: 0.50",
        "head 0.4: 0.43",
    ]
