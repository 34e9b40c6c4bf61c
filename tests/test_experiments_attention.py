"""Lesson 05's claim C8: what is measured is what is said, and each claim can fail."""

from dataclasses import replace

import pytest
import torch
from torch.autograd.functional import jacobian

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.experiments import attention, attention_cuts
from transformer_course.experiments.attention_cuts import Cutting, PhoneBook


@pytest.fixture(scope="module")
def numbers():
    return {
        "sums": attention.weight_sums(),
        "softness": attention.softness_by_width(num_blocks=300),
        "agreement": attention.numpy_against_torch(),
        "order": attention.order_inside_attention(),
    }


CLAIMS = {
    "sums": attention.weights_are_shares,
    "softness": attention.the_root_keeps_softmax_soft,
    "agreement": attention.numpy_and_torch_agree,
    "order": attention.rotary_and_alibi_bring_order,
}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_is_measured_holds(numbers, name):
    finding = CLAIMS[name](numbers[name])
    assert finding.holds, finding.statement


@pytest.mark.parametrize(
    ("name", "contrary"),
    [
        ("sums", {"over_keys": 0.01}),
        ("sums", {"over_queries": 0.0}),
        ("agreement", {"same": 0.01}),
        ("agreement", {"other_scale": 0.0}),
        ("order", {"offset_error": 0.01}),
        ("order", {"norm_error": 0.01}),
        ("order", {"sinusoidal_offset_error": 0.0}),
    ],
)
def test_a_contrary_number_turns_its_claim(numbers, name, contrary):
    finding = CLAIMS[name](replace(numbers[name], **contrary))
    assert not finding.holds
    assert "expected" in finding.statement


@pytest.mark.parametrize(
    ("row", "weights"),
    [
        ("plain", torch.arange(1.0, 13)),
        ("rotary", torch.ones(12)),
        ("alibi", torch.arange(12.0, 0, -1)),
    ],
)
def test_a_contrary_last_row_turns_the_claim_on_order(numbers, row, weights):
    rows = {**numbers["order"].last_row, row: weights / weights.sum()}
    order = replace(numbers["order"], last_row=rows)
    assert not attention.rotary_and_alibi_bring_order(order).holds


@pytest.mark.parametrize(
    ("field", "scaling", "number"),
    [
        ("spread", "1", 1.0),
        ("top_weight", "1", 0.2),
        ("jacobian", "1", 0.4),
        ("spread", "1/√d_k", 8.0),
        ("top_weight", "1/√d_k", 0.8),
        ("jacobian", "1/√d_k", 0.01),
        ("top_weight", "1/d_k", 0.3),
    ],
)
def test_a_contrary_curve_turns_the_claim_on_the_root(numbers, field, scaling, number):
    softness = numbers["softness"]
    curves = {**getattr(softness, field), scaling: [number] * len(softness.widths)}
    changed = replace(softness, **{field: curves})
    assert not attention.the_root_keeps_softmax_soft(changed).holds


def test_the_norm_of_softmaxs_jacobian_is_that_of_automatic_differentiation():
    scores = torch.randn(3, 7, dtype=torch.float64) * 2
    expected = [jacobian(lambda row: row.softmax(-1), row).norm() for row in scores]
    measured = attention.softmax_jacobian_norm(scores.softmax(-1))
    torch.testing.assert_close(measured, torch.stack(expected))


GOOD_CUTS = attention_cuts.Cuts(
    listed=attention_cuts.CutEffects(
        top_weight=0.95,
        delivered=5.0,
        right=1.0,
        right_without={"strongest": 0.0, "weakest": 1.0, "random": 0.75},
    ),
    not_listed=attention_cuts.CutEffects(
        top_weight=0.95,
        delivered=2.0,
        right=1.0,
        right_without={"strongest": 1.0, "weakest": 1.0, "random": 1.0},
    ),
)


def test_good_cuts_hold():
    assert attention_cuts.a_map_is_no_explanation(GOOD_CUTS).holds


@pytest.mark.parametrize(
    ("kind", "contrary"),
    [
        ("listed", {"top_weight": 0.5}),
        ("not_listed", {"top_weight": 0.5}),
        ("listed", {"right": 0.5}),
        ("not_listed", {"right": 0.5}),
        ("listed", {"delivered": 2.0}),
        ("not_listed", {"delivered": 5.0}),
        ("listed", {"right_without": {"strongest": 0.9, "weakest": 1.0, "random": 0.75}}),
        ("listed", {"right_without": {"strongest": 0.0, "weakest": 0.5, "random": 0.75}}),
        ("listed", {"right_without": {"strongest": 0.0, "weakest": 1.0, "random": 0.1}}),
        ("not_listed", {"right_without": {"strongest": 0.1, "weakest": 1.0, "random": 1.0}}),
        ("not_listed", {"right_without": {"strongest": 1.0, "weakest": 0.5, "random": 1.0}}),
    ],
)
def test_a_contrary_cut_turns_the_claim(kind, contrary):
    cuts = replace(GOOD_CUTS, **{kind: replace(getattr(GOOD_CUTS, kind), **contrary)})
    assert not attention_cuts.a_map_is_no_explanation(cuts).holds


def test_cutting_takes_away_what_arrives_over_one_link_and_nothing_else():
    query, key, value = torch.randn(2, 1, 3, 5), torch.randn(2, 1, 7, 5), torch.randn(2, 1, 7, 11)
    cut = torch.tensor([4, 0])
    kept = (torch.arange(7) != cut[:, None])[:, None, None]
    mixed, weights = scaled_dot_product_attention(query, key, value)
    less, shown = Cutting(kept, scaled_dot_product_attention)(query, key, value)
    assert torch.equal(shown, weights)
    for row, place in enumerate(cut.tolist()):
        missing = weights[row, :, :, place, None] * value[row, :, place]
        torch.testing.assert_close(less[row], mixed[row] - missing)


@pytest.fixture(scope="module")
def book():
    return PhoneBook(num_steps=3)


@pytest.mark.parametrize(
    "tokens",
    [
        ["Ann 2", "Ben 4", "Eva 1", "Zoe?"],
        ["Ann 2", "Ben 4", "Ben?"],
        ["Ann 2", "Ben?", "Eva 1", "Ben 4"],
        [],
    ],
)
def test_what_is_no_page_is_refused(book, tokens):
    with pytest.raises(ValueError, match="is no page: expected 3 entries and a question"):
        attention_cuts.read_page(book, tokens)


def test_a_page_says_what_is_left_without_each_link(book):
    tokens = ["Ann 2", "Ben 4", "Eva 1", "Ben?"]
    page = attention_cuts.read_page(book, tokens)
    ids = torch.tensor([[attention_cuts.TOKENS.index(token) for token in tokens]])
    answer = attention_cuts.ANSWERS.index(page.answer)
    alone = [book.probabilities(ids, torch.tensor([place]))[0, answer] for place in range(4)]
    torch.testing.assert_close(torch.tensor(page.without), torch.stack(alone))


def test_what_is_delivered_is_what_cutting_takes_from_the_sublayers_output(book):
    ids, _ = attention_cuts.sample_questions(11, torch.Generator().manual_seed(0))
    block = book.model.encoder.blocks[0]
    with torch.inference_mode():
        normed = block.attention_residual.before(book.model.encoder.embedding(ids))
        whole = block.attention(normed).output[:, -1]
        for place in range(4):
            kept = (torch.arange(4) != place)[None, None, None]
            block.attention.attention = Cutting(kept, scaled_dot_product_attention)
            expected = (whole - block.attention(normed).output[:, -1]).norm(dim=-1)
            block.attention.attention = scaled_dot_product_attention
            torch.testing.assert_close(
                book.delivered(ids)[:, place], expected, rtol=1e-3, atol=1e-6
            )


def all_alike(query, key, value, mask=None, bias=None, scale=None):
    weights = (query @ key.mT * 0).softmax(-1)
    return weights @ value, weights


def test_a_phone_book_that_looks_everywhere_alike_makes_the_claim_fail():
    cuts = attention_cuts.cut_links(PhoneBook(attention=all_alike))
    finding = attention_cuts.a_map_is_no_explanation(cuts)
    assert not finding.holds
    assert "but mean weight of that link 0.25 (expected above 0.8)" in finding.measured


def test_the_trained_phone_book_holds():
    finding = attention_cuts.a_map_is_no_explanation(attention_cuts.trained_and_cut())
    assert finding.holds, finding.statement


def test_half_of_the_names_that_are_asked_for_are_listed_with_their_number():
    ids, answers = attention_cuts.sample_questions(700, torch.Generator().manual_seed(0))
    for row, answer in zip(ids.tolist(), answers.tolist(), strict=True):
        *entries, question = (attention_cuts.TOKENS[number] for number in row)
        numbers = dict(entry.split() for entry in entries)
        assert len(numbers) == 3
        expected = numbers.get(question.removesuffix("?"), "not listed")
        assert attention_cuts.ANSWERS[answer] == expected
    assert 0.45 < (answers > 0).double().mean() < 0.55
