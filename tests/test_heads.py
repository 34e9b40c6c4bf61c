"""Output heads, the loss, and the probabilities that the next token is drawn from."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from transformer_course.heads import (
    IGNORED_TARGET,
    ClassificationHead,
    LanguageModelHead,
    bits_per_character,
    cross_entropy,
    next_token_probabilities,
    perplexity,
)

MASKS = {
    "none": None,
    "right": torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] + [0] * 6]).bool(),
    "left": torch.tensor([[1] * 7, [0] * 3 + [1] * 4, [0] * 6 + [1]]).bool(),
}


def test_a_logit_is_a_dot_product_with_the_tokens_vector():
    head = LanguageModelHead(5, 13)
    hidden = torch.randn(2, 7, 5)
    torch.testing.assert_close(head(hidden)[1, 3, 11], hidden[1, 3] @ head.projection.weight[11])


def test_a_tied_head_shares_the_embeddings_storage():
    table = nn.Parameter(torch.randn(13, 5))
    head = LanguageModelHead(5, 13, tied_to=table)
    assert head.projection.weight is table
    head(torch.randn(2, 7, 5)).sum().backward()
    assert table.grad is not None


def test_an_untied_head_has_a_table_of_its_own():
    assert LanguageModelHead(5, 13).projection.weight.shape == (13, 5)


def pooled_one_by_one(hidden, mask, pooling):
    """Cut every sequence to its real tokens first, so that padding cannot matter."""
    vectors = []
    for sequence, real in zip(hidden, mask, strict=True):
        kept = sequence[real]
        vectors.append({"mean": kept.mean(0), "first": kept[0], "last": kept[-1]}[pooling])
    return torch.stack(vectors)


@pytest.mark.parametrize("padding", MASKS)
@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_pooling_sees_real_tokens_only(pooling, padding):
    head = ClassificationHead(5, 11, pooling)
    hidden, mask = torch.randn(3, 7, 5), MASKS[padding]
    real = torch.ones(3, 7).bool() if mask is None else mask
    expected = head.projection(pooled_one_by_one(hidden, real, pooling))
    torch.testing.assert_close(head(hidden, mask), expected)
    if mask is not None:
        # Padding may hold anything.
        torch.testing.assert_close(head(hidden.masked_fill(~mask[..., None], 1e4), mask), expected)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_a_sequence_without_a_real_token_is_refused(pooling):
    mask = torch.ones(3, 7).bool()
    mask[1] = False
    with pytest.raises(ValueError, match=r"sequence 1 has no real token: all 7 entries.+leave it"):
        ClassificationHead(5, 11, pooling)(torch.randn(3, 7, 5), mask)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_a_mask_of_another_shape_is_refused(pooling):
    with pytest.raises(ValueError, match=r"padding_mask has shape \(2, 5\), expected \(2, 7\)"):
        ClassificationHead(5, 11, pooling)(torch.randn(2, 7, 5), torch.ones(2, 5).bool())


def test_a_pooling_of_ones_own_is_the_one_that_is_called():
    def largest(hidden, padding_mask):
        return hidden.masked_fill(~padding_mask[..., None], -math.inf).amax(1)

    hidden, mask = torch.randn(3, 7, 5), MASKS["right"]
    head = ClassificationHead(5, 11, largest)
    expected = torch.stack(
        [row[real].max(0).values for row, real in zip(hidden, mask, strict=True)]
    )
    torch.testing.assert_close(head(hidden, mask), head.projection(expected))


def test_an_unknown_pooling_lists_those_there_are():
    with pytest.raises(ValueError, match=r"pooling='max' is unknown; choose one of \['mean', 'fi"):
        ClassificationHead(5, 11, "max")


@pytest.mark.parametrize("batch", [(), (3,), (2, 5)])
def test_the_loss_and_its_gradient_equal_torchs(batch):
    ours = torch.randn(*batch, 7, dtype=torch.float64, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    targets = torch.randint(7, batch)
    loss = cross_entropy(ours, targets)
    expected = functional.cross_entropy(theirs.reshape(-1, 7), targets.reshape(-1))
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_ignored_targets_do_not_count():
    logits, targets = torch.randn(3, 5, 7), torch.randint(7, (3, 5))
    targets[1, 2:] = IGNORED_TARGET
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(cross_entropy(logits, targets), expected)


def test_what_stands_at_an_ignored_position_cannot_spoil_the_loss():
    logits, targets = torch.randn(3, 7), torch.tensor([2, IGNORED_TARGET, 5])
    expected = cross_entropy(logits, targets)
    logits[1, 0] = -math.inf
    torch.testing.assert_close(cross_entropy(logits, targets), expected)


def test_knowing_nothing_costs_the_logarithm_of_the_vocabulary():
    loss = cross_entropy(torch.zeros(3, 5, 97), torch.randint(97, (3, 5)))
    assert loss.item() == pytest.approx(math.log(97))
    assert perplexity(loss.item()) == pytest.approx(97)


def test_one_text_costs_as_many_bits_a_character_whatever_its_tokens():
    # 30 characters at 1.5 nats each; the same total over 10 tokens or 6.
    expected = 1.5 / math.log(2)
    for num_tokens in (30, 10, 6):
        loss = 45 / num_tokens
        assert bits_per_character(loss, num_tokens, 30) == pytest.approx(expected)


def test_choosing_among_256_bytes_costs_eight_bits():
    assert bits_per_character(math.log(256), 7, 7) == pytest.approx(8)


@pytest.mark.parametrize(("num_tokens", "num_characters"), [(0, 5), (5, 0), (-1, 5)])
def test_a_text_of_nothing_is_refused(num_tokens, num_characters):
    with pytest.raises(ValueError, match=rf"{num_tokens} tokens of {num_characters} characters: g"):
        bits_per_character(1.0, num_tokens, num_characters)


@pytest.mark.parametrize("loss", [-0.1, math.nan])
def test_a_loss_below_0_is_refused(loss):
    with pytest.raises(ValueError, match=rf"loss={loss} is not a number of at least 0; give a"):
        bits_per_character(loss, 3, 5)


def test_huge_logits_do_not_overflow():
    logits = torch.tensor([[1e4, -1e4, 0.0]])
    assert cross_entropy(logits, torch.tensor([0])).item() == 0
    assert cross_entropy(logits, torch.tensor([1])).item() == 2e4


@pytest.mark.parametrize("outside", [-1, 7])
def test_a_target_that_is_no_class_is_refused(outside):
    targets = torch.tensor([3, outside, IGNORED_TARGET])
    with pytest.raises(
        ValueError, match=rf"target {outside} is none of the 7 classes 0 to 6; use -100"
    ):
        cross_entropy(torch.zeros(3, 7), targets)


@pytest.mark.parametrize("targets", [torch.full((3,), IGNORED_TARGET), torch.empty(0).long()])
def test_a_loss_over_no_target_is_refused(targets):
    count = len(targets)
    with pytest.raises(
        ValueError, match=rf"none of the {count} targets counts.+give at least one real target"
    ):
        cross_entropy(torch.zeros(count, 7), targets)


@pytest.mark.usefixtures("unchecked")
def test_targets_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"logits \(3, 5, 7\) need targets \(3, 5\), given \(3, 4"):
        cross_entropy(torch.zeros(3, 5, 7), torch.zeros(3, 4).long())


def probabilities_one_by_one(logits, temperature, top_k, top_p):
    """Return the same in plain Python: a token at a time, with exact sums."""
    ranked = sorted(range(len(logits)), key=lambda token: -logits[token])
    if temperature == 0:
        return [float(token == ranked[0]) for token in range(len(logits))]
    kept = ranked if top_k is None else ranked[:top_k]
    shares = {t: math.exp((logits[t] - logits[ranked[0]]) / temperature) for t in kept}
    total = math.fsum(shares.values())
    nucleus, mass = [], 0.0
    for token in kept:
        if mass >= top_p and nucleus:
            break
        nucleus.append(token)
        mass = math.fsum(shares[t] / total for t in nucleus)
    left = math.fsum(shares[t] for t in nucleus)
    return [shares[t] / left if t in nucleus else 0.0 for t in range(len(logits))]


@given(
    # Far enough apart that rounding makes no two of them equal.
    st.lists(st.integers(-500, 500), min_size=1, max_size=7, unique=True),
    st.one_of(st.just(0.0), st.floats(0.05, 5)),
    st.one_of(st.none(), st.integers(1, 9)),
    st.floats(0.01, 1),
)
@settings(max_examples=150)
def test_probabilities_equal_the_slow_version(hundredths, temperature, top_k, top_p):
    logits = [number / 100 for number in hundredths]
    tensor = torch.tensor(logits, dtype=torch.float64)
    found = next_token_probabilities(tensor, temperature, top_k, top_p)
    expected = probabilities_one_by_one(logits, temperature, top_k, top_p)
    # Where top_p falls on a rounding error of the sum, either answer is right.
    sums = next_token_probabilities(tensor, temperature, top_k).sort(descending=True)[0].cumsum(-1)
    assume(temperature == 0 or (sums - top_p).abs().min() > 1e-9 or top_p == 1)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@given(
    st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=7),
    st.floats(0, 2.0**100),
    st.integers(1, 9),
    st.floats(0, 1, exclude_min=True),
)
@settings(max_examples=150)
def test_whatever_the_controls_probabilities_sum_to_one(logits, temperature, top_k, top_p):
    found = next_token_probabilities(torch.tensor(logits), temperature, top_k, top_p)
    assert found.sum().item() == pytest.approx(1, abs=1e-5)
    assert 1 <= (found > 0).sum() <= top_k


def test_each_row_is_drawn_from_by_itself():
    logits = torch.randn(2, 3, 7)
    found = next_token_probabilities(logits, 0.7, 4, 0.8)
    for row, expected in zip(logits.view(6, 7), found.view(6, 7), strict=True):
        torch.testing.assert_close(next_token_probabilities(row, 0.7, 4, 0.8), expected)


def test_without_controls_it_is_softmax():
    logits = torch.randn(3, 7)
    torch.testing.assert_close(next_token_probabilities(logits), logits.softmax(-1))


def test_temperature_divides_the_logits():
    logits = torch.randn(3, 7)
    found = next_token_probabilities(logits, temperature=0.3)
    torch.testing.assert_close(found, (logits / 0.3).softmax(-1))


@pytest.mark.parametrize("temperature", [0.0, 1e-50, 1e-40, 1e-30])
def test_no_temperature_is_too_low(temperature):
    found = next_token_probabilities(torch.tensor([-3.0, 1e4, 5.0]), temperature)
    assert found.tolist() == [0, 1, 0]


def test_greedy_takes_the_first_of_equals():
    assert next_token_probabilities(torch.tensor([0.0, 2, 2]), 0).tolist() == [0, 1, 0]


def test_top_k_keeps_exactly_k_of_equals():
    found = next_token_probabilities(torch.zeros(7), top_k=3)
    assert found.sort(descending=True).values.tolist() == pytest.approx([1 / 3] * 3 + [0] * 4)


def test_top_k_beyond_the_vocabulary_keeps_all():
    logits = torch.randn(7)
    torch.testing.assert_close(next_token_probabilities(logits, top_k=8), logits.softmax(-1))


def test_top_p_among_equals_keeps_as_few_as_hold_it():
    found = next_token_probabilities(torch.zeros(4), top_p=0.5)
    assert found.tolist() == [0.5, 0.5, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_top_p_always_keeps_the_first(dtype):
    logits = torch.tensor([1.0, 3.0, 2.0], dtype=dtype)
    assert next_token_probabilities(logits, top_p=1e-60).tolist() == [0, 1, 0]


def test_top_p_counts_what_top_k_has_left():
    # 0.4, 0.3, 0.2, 0.1: of the first two, 4/7 and 3/7, the first alone holds one half.
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()
    assert next_token_probabilities(logits, top_k=2, top_p=0.5).tolist() == [1, 0, 0, 0]
    assert (next_token_probabilities(logits, top_p=0.5) > 0).tolist() == [True, True, False, False]


@pytest.mark.parametrize("top_k", [None, 3, 5])
@pytest.mark.parametrize("top_p", [0.9, 1.0])
def test_a_forbidden_token_is_never_drawn(top_k, top_p):
    logits = torch.tensor([1.0, -math.inf, 0.5, -math.inf, 0.2])
    found = next_token_probabilities(logits, 2.0, top_k, top_p)
    assert found[[1, 3]].tolist() == [0, 0]
    assert (found[[0, 2, 4]] > 0).all()


@pytest.mark.parametrize("temperature", [-0.1, math.nan, math.inf, -math.inf])
def test_a_temperature_out_of_range_is_refused(temperature):
    with pytest.raises(
        ValueError, match=rf"temperature={temperature} is not a number of at least 0; choose 0"
    ):
        next_token_probabilities(torch.zeros(7), temperature)


@pytest.mark.parametrize("top_k", [0, -3])
def test_a_top_k_that_keeps_nothing_is_refused(top_k):
    with pytest.raises(ValueError, match=rf"top_k={top_k} keeps no token; choose 1 or more"):
        next_token_probabilities(torch.zeros(7), top_k=top_k)


@pytest.mark.parametrize("top_p", [0.0, -0.5, 1.01, math.nan])
def test_a_top_p_out_of_range_is_refused(top_p):
    with pytest.raises(ValueError, match=rf"top_p={top_p} is outside \(0, 1\]; choose 1 to keep"):
        next_token_probabilities(torch.zeros(7), top_p=top_p)


@pytest.mark.parametrize(
    ("row", "found"),
    [([0.0, math.nan], "nan"), ([0.0, math.inf], "inf"), ([-math.inf, -math.inf], "-inf")],
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_without_a_largest_number_are_refused(row, found, temperature):
    logits = torch.tensor([[0.0, 1.0], row])
    with pytest.raises(ValueError, match=rf"largest logit is {found}, expected a finite number"):
        next_token_probabilities(logits, temperature)
