"""Scaled dot-product attention: its properties, its three forms, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from transformer_course.attention import (
    causal_mask,
    fused_attention,
    masked_softmax,
    scaled_dot_product_attention,
    scaled_dot_product_attention_numpy,
)

SIZES = st.integers(1, 7)
BATCHES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
SEEDS = st.integers(0, 10_000)


def tensors(batch=(2, 3), queries=5, keys=7, d_head=11, d_value=13, dtype=torch.float64, seed=0):
    """Return query, key and value; every size differs, so that no two axes can be mixed up."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((queries, d_head), (keys, d_head), (keys, d_value))
    return [torch.randn(*batch, *shape, generator=generator, dtype=dtype) for shape in shapes]


def random_mask(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed + 1)) < 0.6


def random_bias(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + 2), dtype=dtype)


@given(BATCHES, SIZES, SIZES, SIZES, SIZES, SEEDS)
@settings(max_examples=60)
def test_output_equals_torchs_own_for_any_shape(batch, queries, keys, d_head, d_value, seed):
    query, key, value = tensors(batch, queries, keys, d_head, d_value, seed=seed)
    mask = random_mask(*batch, queries, keys, seed=seed)
    output = scaled_dot_product_attention(query, key, value, mask)[0]
    expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_output_with_mask_and_bias_equals_torchs_own(dtype):
    query, key, value = tensors(dtype=dtype)
    mask, bias = random_mask(5, 7), random_bias(3, 5, 7, dtype=dtype)
    found = scaled_dot_product_attention(query, key, value, mask, bias)
    added = bias.masked_fill(~mask, -math.inf)
    expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=added)
    torch.testing.assert_close(found[0], expected)
    assert found[0].dtype == found[1].dtype == dtype


def test_every_number_is_the_papers_formula():
    query, key, value = tensors(batch=(), queries=2, keys=3, d_head=5, d_value=7)
    output, weights = scaled_dot_product_attention(query, key, value)
    for i in range(2):
        shares = [math.exp(query[i] @ key[j] / math.sqrt(5)) for j in range(3)]
        for j in range(3):
            assert weights[i, j].item() == pytest.approx(shares[j] / sum(shares))
        expected = sum(shares[j] / sum(shares) * value[j] for j in range(3))
        torch.testing.assert_close(output[i], expected)


def test_the_scale_can_be_chosen():
    query, key, value = tensors()
    weights = scaled_dot_product_attention(query, key, value, scale=0.3)[1]
    torch.testing.assert_close(weights, (query @ key.mT * 0.3).softmax(-1))


def test_the_default_scale_keeps_the_variance_of_random_scores_at_one():
    query, key, value = tensors((), 300, 200, 64, 2)
    scores = scaled_dot_product_attention(query, key, value)[1].log()
    # Weights know scores up to a constant in each row.
    spread = (scores - scores.mean(-1, keepdim=True)).std()
    assert spread.item() == pytest.approx(1, abs=0.05)


def test_the_bias_is_added_after_scaling():
    query, key, value = tensors()
    bias = random_bias(5, 7)
    weights = scaled_dot_product_attention(query, key, value, bias=bias, scale=0.3)[1]
    torch.testing.assert_close(weights, (query @ key.mT * 0.3 + bias).softmax(-1))


@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (3, 5, 7), (2, 1, 1, 7), (2, 3, 5, 7)])
def test_a_mask_of_fewer_axes_counts_for_all(shape):
    query, key, value = tensors()
    mask = random_mask(*shape)
    found = scaled_dot_product_attention(query, key, value, mask)
    expected = scaled_dot_product_attention(query, key, value, mask.expand(2, 3, 5, 7))
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(fused_attention(query, key, value, mask), expected[0])


@given(BATCHES, SIZES, SIZES, SEEDS)
@settings(max_examples=60)
def test_weights_sum_to_one_where_any_key_is_allowed_and_to_zero_elsewhere(
    batch, queries, keys, seed
):
    query, key, value = tensors(batch, queries, keys, seed=seed)
    mask = random_mask(*batch, queries, keys, seed=seed)
    weights = scaled_dot_product_attention(query, key, value, mask)[1]
    torch.testing.assert_close(weights.sum(-1), mask.any(-1).double())
    assert (weights >= 0).all()


@pytest.mark.parametrize("size", [1e-2, 1, 1e4])
def test_masked_keys_weigh_exactly_nothing(size):
    query, key, value = tensors(dtype=torch.float32)
    mask = random_mask(2, 3, 5, 7)
    # Where all scores are far below, −10 or even −1e5 in place of −inf would win; where they
    # are small, it would leak.
    weights = scaled_dot_product_attention(query * size, key * size, value, mask)[1]
    assert (weights[~mask] == 0).all()


def test_a_masked_key_and_value_cannot_be_felt():
    query, key, value = tensors()
    mask = random_mask(1, 7)
    expected = scaled_dot_product_attention(query, key, value, mask)[0]
    hidden = ~mask[0][:, None]
    found = scaled_dot_product_attention(
        query, key.masked_fill(hidden, 1e3), value.masked_fill(hidden, -1e3), mask
    )
    torch.testing.assert_close(found[0], expected, rtol=0, atol=0)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("form", ["readable", "fused"])
def test_a_query_without_any_key_gets_zeros_and_finite_gradients(form, biased):
    inputs = [tensor.requires_grad_() for tensor in tensors()]
    mask = random_mask(2, 3, 5, 7)
    mask[1, 2, 3] = False
    bias = random_bias(3, 5, 7) if biased else None
    if form == "readable":
        output, weights = scaled_dot_product_attention(*inputs, mask, bias)
        assert (weights[1, 2, 3] == 0).all()
    else:
        output = fused_attention(*inputs, mask, bias)
    assert (output[1, 2, 3] == 0).all()
    output.square().sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in inputs)
    assert (inputs[0].grad[1, 2, 3] == 0).all()
    assert (inputs[0].grad[1, 2, 2] != 0).any()


def test_scores_far_beyond_the_range_of_exp_stay_finite():
    query, key, value = tensors(dtype=torch.float32)
    output, weights = scaled_dot_product_attention(query * 1e3, key * 1e3, value)
    assert output.isfinite().all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5))


def test_reordering_keys_with_their_values_changes_nothing():
    query, key, value = tensors()
    order = torch.randperm(7)
    found = scaled_dot_product_attention(query, key[..., order, :], value[..., order, :])
    expected = scaled_dot_product_attention(query, key, value)
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1][..., order])


def test_reordering_queries_reorders_the_output():
    query, key, value = tensors()
    order = torch.randperm(5)
    found = scaled_dot_product_attention(query[..., order, :], key, value)[0]
    expected = scaled_dot_product_attention(query, key, value)[0]
    torch.testing.assert_close(found, expected[..., order, :])


def test_the_output_stays_within_the_values():
    query, key, value = tensors()
    output = scaled_dot_product_attention(query * 5, key, value)[0]
    assert (output <= value.amax(-2, keepdim=True)).all()
    assert (output >= value.amin(-2, keepdim=True)).all()


@pytest.mark.parametrize("form", ["readable", "fused"])
def test_gradients_equal_torchs(form):
    ours, theirs = ([t.requires_grad_() for t in tensors()] for _ in range(2))
    bias, mask = random_bias(3, 5, 7), random_mask(2, 1, 5, 7)
    biases = [bias.clone().requires_grad_() for _ in range(2)]
    weight = random_bias(2, 3, 5, 13)
    if form == "readable":
        output = scaled_dot_product_attention(*ours, mask, biases[0])[0]
    else:
        output = fused_attention(*ours, mask, biases[0])
    (output * weight).sum().backward()
    scores = theirs[0] @ theirs[1].mT / math.sqrt(11) + biases[1]
    softmax = scores.masked_fill(~mask, -math.inf).softmax(-1).nan_to_num()
    (softmax @ theirs[2] * weight).sum().backward()
    for mine, other in zip((*ours, biases[0]), (*theirs, biases[1]), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_the_gradient_is_that_of_finite_differences():
    inputs = [t.requires_grad_() for t in tensors((), 2, 3, 5, 2)]
    mask = torch.tensor([[True, True, False], [False, False, False]])

    def outputs(*arguments):
        return scaled_dot_product_attention(*arguments, mask)[0]

    assert torch.autograd.gradcheck(outputs, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_fused_form_equals_the_readable_one(masked, biased, dtype):
    inputs = tensors(dtype=dtype)
    mask = random_mask(2, 1, 5, 7) if masked else None
    bias = random_bias(1, 3, 5, 7, dtype=dtype) if biased else None
    found = fused_attention(*inputs, mask, bias)
    expected = scaled_dot_product_attention(*inputs, mask, bias)[0]
    torch.testing.assert_close(found, expected)


@given(BATCHES, SIZES, SIZES, SIZES, SEEDS, st.sampled_from([np.float32, np.float64]))
@settings(max_examples=40)
def test_the_numpy_twin_gives_the_same_numbers(batch, queries, keys, d_head, seed, dtype):
    inputs = tensors(batch, queries, keys, d_head, seed=seed)
    mask = random_mask(*batch, queries, keys, seed=seed)
    arrays = [tensor.numpy().astype(dtype) for tensor in inputs]
    output, weights = scaled_dot_product_attention_numpy(*arrays, mask.numpy())
    expected = scaled_dot_product_attention(*inputs, mask)
    assert output.dtype == weights.dtype == dtype
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(output, expected[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(weights, expected[1], rtol=0, atol=tolerance)


def test_the_numpy_twin_needs_no_mask():
    inputs = tensors()
    output, _ = scaled_dot_product_attention_numpy(*(tensor.numpy() for tensor in inputs))
    np.testing.assert_allclose(output, scaled_dot_product_attention(*inputs)[0])


def test_masked_softmax_without_a_mask_is_softmax():
    scores = random_bias(2, 5, 7)
    torch.testing.assert_close(masked_softmax(scores), scores.softmax(-1))


def test_causal_mask_is_a_triangle_with_its_diagonal():
    rows = [[position >= other for other in range(5)] for position in range(5)]
    assert causal_mask(5).tolist() == rows


@given(st.integers(1, 7), st.integers(0, 7))
def test_causal_mask_after_a_past_is_the_end_of_the_whole_one(length, past):
    assert causal_mask(length, past).equal(causal_mask(past + length)[past:])


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((5, 3), (7,), (7, 3)), r"key \(7,\).+at least the axes \(length, width\)"),
        (((5, 3), (7, 2), (7, 3)), r"query width 3 differs from key width 2; project both"),
        (((5, 3), (7, 3), (6, 3)), r"7 keys but 6 values; every key needs exactly one value"),
    ],
)
@pytest.mark.parametrize("form", [scaled_dot_product_attention, fused_attention])
@pytest.mark.usefixtures("unchecked")
def test_shapes_that_do_not_fit_are_named(form, shapes, message):
    with pytest.raises(ValueError, match=message):
        form(*(torch.zeros(shape) for shape in shapes))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(7, 5).bool(), r"mask \(7, 5\) does not fit 5 queries and 7 keys.+\(5, 7\)"),
        (torch.ones(5, 1).bool(), r"mask \(5, 1\) does not fit 5 queries and 7 keys"),
        (torch.ones(7).bool(), r"mask \(7,\) does not fit"),
        (torch.ones(5, 7), r"dtype torch\.float32, expected torch\.bool.+use bias="),
        (torch.ones(5, 7).int(), r"dtype torch\.int32, expected torch\.bool"),
    ],
)
@pytest.mark.parametrize("form", [scaled_dot_product_attention, fused_attention])
@pytest.mark.usefixtures("unchecked")
def test_a_mask_that_does_not_fit_is_refused(form, mask, message):
    with pytest.raises(ValueError, match=message):
        form(*tensors(dtype=torch.float32), mask)
