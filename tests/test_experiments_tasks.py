"""Lesson 08's claim C11: the data are right, the claims can fail, a learner's parts are used.

That the claims hold in full is what nbval holds notebook 08 to: training once is enough.
"""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
import torch

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.experiments import addition, dates, reverse
from transformer_course.heads import IGNORED_TARGET
from transformer_course.training import training_step


def text_of(ids):
    return [dates.TOKENS[number] for number in ids]


def read_sentence(words):
    """Read a date as a person would, independently of the tables that wrote it."""
    (year,) = (int(word) for word in words if word.isdigit() and len(word) == 4)
    (month,) = (dates.MONTHS.index(word) + 1 for word in words if word in dates.MONTHS)
    (day,) = (re.sub(r"\D", "", word) for word in words if re.fullmatch(r"\d\d?(\D\D)?", word))
    return date(year, month, int(day))


def drawn_dates(*, held_out, seed=0):
    batch = dates.sample_dates(700, torch.Generator().manual_seed(seed), held_out=held_out)
    return [
        (text_of(row[: dates.SOURCE_LENGTH]), "".join(text_of(answer)))
        for row, answer in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True)
    ]


@pytest.mark.parametrize("held_out", [False, True])
def test_a_sentence_and_its_answer_are_the_same_date(held_out):
    for words, answer in drawn_dates(held_out=held_out):
        words = [word for word in words if word not in (dates.PADDING, ",")]
        assert read_sentence(words).isoformat() == answer


def test_a_weekday_is_the_one_of_its_date():
    named = [
        (weekday, date.fromisoformat(answer))
        for words, answer in drawn_dates(held_out=False)
        for weekday in words
        if weekday in dates.WEEKDAYS
    ]
    assert len(named) > 70
    assert all(day.strftime("%A") == weekday for weekday, day in named)


@pytest.mark.parametrize(
    ("day", "ordinal"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (13, "13th"),
                         (22, "22nd"), (23, "23rd"), (30, "30th"), (31, "31st")]
)  # fmt: skip
def test_ordinals_end_as_in_english(day, ordinal):
    assert dates.ORDINALS[day - 1] == ordinal


def test_the_calendar_is_every_day_of_the_century():
    answers = ["".join(text_of(row)) for row in dates.calendar().iso.tolist()]
    days = [date(1900, 1, 1) + timedelta(number) for number in range(36_524)]
    assert answers == [day.isoformat() for day in days]


def test_no_date_held_out_is_trained_on():
    trained = {answer for _, answer in drawn_dates(held_out=False)}
    asked = {answer for _, answer in drawn_dates(held_out=True)}
    assert trained
    assert asked
    assert not trained & asked


def test_the_decoder_is_given_only_what_stands_before_a_character():
    batch = dates.sample_dates(7, torch.Generator().manual_seed(0))
    written = batch.inputs[:, dates.SOURCE_LENGTH :]
    assert (written[:, 0] == dates.IDS[dates.START]).all()
    assert torch.equal(written[:, 1:], batch.targets[:, :-1])


def test_a_sequence_and_its_answer_are_mirrored():
    batch = reverse.sample_sequences(7, torch.Generator().manual_seed(0))
    for given, answer in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert answer == given[::-1]


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("order", [False, True])
def test_the_sum_that_is_written_is_the_sum_of_what_is_read(order, held_out):
    pairs = addition.draw_pairs(700, torch.Generator().manual_seed(0), held_out=held_out)
    for pair, row in zip(pairs, addition.write_problems(pairs, reverse=order), strict=True):
        problem, answer = "".join(addition.CHARACTERS[number] for number in row).split("=")
        first, second = problem.split("+")
        assert [int(first), int(second)] == pair.tolist()
        assert int(answer[::-1] if order else answer) == int(first) + int(second)


def test_no_pair_held_out_is_trained_on_in_either_order():
    generator = torch.Generator().manual_seed(0)
    trained = addition.draw_pairs(7_000, generator).tolist()
    asked = addition.draw_pairs(700, generator, held_out=True).tolist()
    unordered = {frozenset(pair) for pair in trained}
    assert not any(frozenset(pair) in unordered for pair in asked)


def test_about_a_tenth_of_the_pairs_is_held_out():
    assert 0.08 < addition.held_out_pairs().double().mean() < 0.12


@pytest.mark.parametrize("order", [False, True])
def test_only_the_digits_of_a_sum_count_in_training(order):
    batch = addition.sampler(reverse=order)(7, torch.Generator().manual_seed(0))
    counts = batch.targets != IGNORED_TARGET
    assert counts.sum(1).tolist() == [3] * 7
    assert (batch.inputs[torch.arange(7), counts.int().argmax(1)] == 11).all()


@pytest.mark.parametrize("pair", [(100, 5), (5, -1)])
def test_numbers_of_other_lengths_are_refused(pair):
    model = addition.build_adder(torch.Generator().manual_seed(0)).eval()
    with pytest.raises(ValueError, match="give two numbers from 0 to 99"):
        addition.add(model, *pair)


def test_a_problem_is_written_on_behind_what_was_asked():
    model = addition.build_adder(torch.Generator().manual_seed(0)).eval()
    written = addition.add(model, 7, 45)
    assert written.startswith("07+45=")
    assert len(written) == 9


SEEN = torch.zeros(dates.ISO_LENGTH, len(dates.KINDS))
GOOD_DATES = dates.Dates(
    trained=dates.Scores(exact=1.0, told=0.9, free=0.4, looked_at=SEEN),
    untrained=dates.Scores(exact=0.0, told=0.2, free=0.2, looked_at=SEEN),
    other_source=0.0,
    counting=1.0,
    num_parameters=110_000,
    num_counting_parameters=20_000,
    translator=dates.Translator(None, torch.Generator().manual_seed(0)),
)
GOOD_REVERSAL = reverse.Reversal(
    exact=1.0,
    mirror_weight=0.99,
    untrained_exact=0.0,
    untrained_mirror_weight=0.06,
    no_positions_exact=0.0,
    no_positions_symbols=0.2,
    gru_exact=0.0,
    matrix_exact=1.0,
    num_parameters=35_000,
    num_matrix_parameters=25_000,
    example=reverse.Mirror(symbols=("a",), written=("a",), weights=torch.ones(1, 1)),
    in_training={0: torch.ones(1, 1)},
)

GOOD_SUMS = addition.Sums(
    reversed_exact=1.0,
    plain_exact=0.95,
    digits={"reversed": [1.0] * 3, "plain": [0.95] * 3, "no_positions": [0.5] * 3},
    untrained_exact=0.0,
    no_positions_exact=0.1,
    without_attention_exact=0.4,
    num_parameters=50_000,
    num_parameters_without_attention=45_000,
    examples=(),
)


def test_good_numbers_hold():
    assert addition.sums_are_right_in_both_orders(GOOD_SUMS).holds
    assert dates.cross_attention_finds_the_word(GOOD_DATES).holds
    assert reverse.the_map_is_the_anti_diagonal(GOOD_REVERSAL).holds


@pytest.mark.parametrize(
    ("scores", "contrary"),
    [
        ("trained", {"exact": 0.9}),
        ("trained", {"told": 0.6, "free": 0.1}),
        ("trained", {"free": 0.85}),
        ("untrained", {"exact": 0.1}),
        ("untrained", {"told": 0.5}),
    ],
)
def test_a_contrary_score_turns_the_claim_on_dates(scores, contrary):
    changed = {scores: replace(getattr(GOOD_DATES, scores), **contrary)}
    assert not dates.cross_attention_finds_the_word(replace(GOOD_DATES, **changed)).holds


@pytest.mark.parametrize(
    "contrary",
    [
        {"other_source": 0.5},
        {"counting": 0.5},
        {"num_parameters": 50_000},
        {"num_counting_parameters": 90_000},
    ],
)
def test_a_contrary_number_turns_the_claim_on_dates(contrary):
    assert not dates.cross_attention_finds_the_word(replace(GOOD_DATES, **contrary)).holds


@pytest.mark.parametrize(
    "contrary",
    [
        {"exact": 0.9},
        {"mirror_weight": 0.8},
        {"untrained_exact": 0.5},
        {"untrained_mirror_weight": 0.5},
        {"no_positions_exact": 0.5},
        {"no_positions_symbols": 0.6},
        {"gru_exact": 0.5},
        {"matrix_exact": 0.5},
        {"num_parameters": 25_000},
        {"num_matrix_parameters": 40_000},
    ],
)
def test_a_contrary_number_turns_the_claim_on_reversal(contrary):
    assert not reverse.the_map_is_the_anti_diagonal(replace(GOOD_REVERSAL, **contrary)).holds


@pytest.mark.parametrize(
    "contrary",
    [
        {"reversed_exact": 0.5},
        {"plain_exact": 0.5},
        {"untrained_exact": 0.5},
        {"no_positions_exact": 0.9},
        {"without_attention_exact": 0.95},
        {"num_parameters": 90_000},
        {"num_parameters_without_attention": 20_000},
    ],
)
def test_a_contrary_number_turns_the_claim_on_sums(contrary):
    assert not addition.sums_are_right_in_both_orders(replace(GOOD_SUMS, **contrary)).holds


def counted_attention(calls):
    def attention(*arguments, **options):
        calls.append("attention")
        return scaled_dot_product_attention(*arguments, **options)

    return attention


def counted_step(calls):
    def step(*arguments):
        calls.append("step")
        return training_step(*arguments)

    return step


EXPERIMENTS = {
    "addition": (addition.numbers_added, addition.sums_are_right_in_both_orders),
    "dates": (dates.dates_translated, dates.cross_attention_finds_the_word),
    "reverse": (reverse.sequences_reversed, reverse.the_map_is_the_anti_diagonal),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_three_steps_run_to_the_end_and_hold_nothing(name):
    experiment, claim = EXPERIMENTS[name]
    finding = claim(experiment(0, num_steps=3))
    assert not finding.holds
    assert "expected" in finding.measured


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_learners_parts_are_the_ones_that_are_called(name):
    calls = []
    EXPERIMENTS[name][0](
        0, num_steps=2, parts={"attention": counted_attention(calls)}, step=counted_step(calls)
    )
    assert calls.count("step") >= 4
    assert calls.count("attention") > 2


def test_the_map_is_watched_from_before_the_first_step_to_the_last_and_changes_nothing():
    calls = []
    found = reverse.sequences_reversed(0, num_steps=10, step=counted_step(calls))
    assert list(found.in_training) == [0, 1, 2, 10]
    assert calls.count("step") == 4 * 10
    for weights in found.in_training.values():
        torch.testing.assert_close(weights.sum(-1), torch.ones(16))
    torch.testing.assert_close(found.in_training[10], found.example.weights)
    assert not torch.allclose(found.in_training[0], found.in_training[10])


def test_the_sums_that_are_shown_are_those_of_unseen_pairs_in_the_usual_order():
    found = addition.numbers_added(0, num_steps=2)
    assert len(found.examples) == addition.NUM_SHOWN
    for example in found.examples:
        first, second = map(int, example.problem.split("+"))
        assert addition.held_out_pairs()[first, second]
        assert int(example.right) == first + second
        for written in (example.reversed, example.plain, example.no_positions):
            assert len(written) == 3


def test_a_date_is_drawn_with_a_column_for_each_of_its_words():
    translator = dates.Translator(None, torch.Generator().manual_seed(0)).eval()
    reading = dates.read_date(translator, "March 3, 1998")
    assert reading.words == ("March", "3", ",", "1998")
    assert reading.weights.shape == (10, 4)
    torch.testing.assert_close(reading.weights.sum(1), torch.ones(10))


@pytest.mark.parametrize("sentence", ["March 3, 2098", "", "the 3rd of of of March 1998", "-"])
def test_a_sentence_that_cannot_be_read_is_refused(sentence):
    translator = dates.Translator(None, torch.Generator().manual_seed(0)).eval()
    with pytest.raises(ValueError, match="expected 1 to 6 known ones"):
        dates.read_date(translator, sentence)


@pytest.mark.parametrize("text", ["abc", "abcdefghijabcdez", ""])
def test_a_text_that_cannot_be_turned_around_is_refused(text):
    model = reverse.build_reverser(torch.Generator().manual_seed(0)).eval()
    with pytest.raises(ValueError, match="expected 16 of 'abcdefghij'"):
        reverse.turn_around(model, text)
