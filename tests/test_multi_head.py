"""Multi-head attention: heads, groups, masks, the cache, and parts that are plugged in."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from transformer_course.attention import causal_mask, scaled_dot_product_attention
from transformer_course.multi_head import (
    LayerCache,
    MultiHeadAttention,
    MultiHeadSelfAttention,
    merge_heads,
    silence_head,
    split_heads,
)
from transformer_course.positional import AlibiBias, RotaryEmbedding

PADDING = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
LEFT_PADDING = PADDING.flip(1)


def module(**changes):
    return MultiHeadAttention(**{"d_model": 30, "num_heads": 3, **changes})


def inputs(length=7):
    return torch.randn(2, length, 30)


def test_heads_are_slices_of_the_width():
    vectors = torch.randn(2, 5, 21)
    heads = split_heads(vectors, 3)
    assert heads.shape == (2, 3, 5, 7)
    for head in range(3):
        assert heads[:, head].equal(vectors[:, :, 7 * head : 7 * head + 7])


def test_merging_undoes_splitting():
    vectors = torch.randn(2, 5, 21)
    assert merge_heads(split_heads(vectors, 3)).equal(vectors)


@pytest.mark.parametrize(("num_heads", "choice"), [(4, "20 or 24"), (22, "22 or 22")])
def test_a_width_that_makes_no_equal_slices_is_refused(num_heads, choice):
    with pytest.raises(
        ValueError, match=rf"width 21 is not divisible by num_heads={num_heads}; choose {choice}"
    ):
        split_heads(torch.zeros(2, 5, 21), num_heads)


@pytest.mark.parametrize(("d_model", "choice"), [(65, "64 or 68"), (3, "4 or 4")])
def test_a_width_that_the_heads_do_not_divide_is_refused(d_model, choice):
    with pytest.raises(
        ValueError, match=rf"d_model={d_model} is not divisible by num_heads=4; choose {choice}"
    ):
        MultiHeadAttention(d_model, 4)


def test_groups_that_do_not_divide_the_heads_are_refused():
    with pytest.raises(
        ValueError,
        match=r"num_heads=6 is not divisible by queries_per_key=4; choose one of \[1, 2, 3, 6\]",
    ):
        MultiHeadAttention(30, 6, queries_per_key=4)


def torch_twin(ours):
    """Return torch's own module with the same weights."""
    twin = nn.MultiheadAttention(30, 3, batch_first=True)
    layers = (ours.query, ours.key, ours.value)
    twin.in_proj_weight.data = torch.cat([layer.weight for layer in layers])
    twin.in_proj_bias.data = torch.cat([layer.bias for layer in layers])
    twin.out_proj.load_state_dict(ours.output.state_dict())
    return twin


@pytest.mark.parametrize("need_weights", [False, True], ids=["fused", "readable"])
def test_self_attention_equals_torchs_module(need_weights):
    ours, hidden = module(causal=True), inputs()
    found = ours(hidden, key_mask=PADDING, need_weights=need_weights)
    # torch's masks are True where a key is hidden.
    output, weights = torch_twin(ours)(
        hidden,
        hidden,
        hidden,
        attn_mask=~causal_mask(7),
        key_padding_mask=~PADDING,
        average_attn_weights=False,
    )
    torch.testing.assert_close(found.output, output)
    if need_weights:
        torch.testing.assert_close(found.weights, weights)
    else:
        assert found.weights is None


@pytest.mark.parametrize("need_weights", [False, True], ids=["fused", "readable"])
def test_cross_attention_equals_torchs_module(need_weights):
    ours, hidden, memory = module(), inputs(5), inputs(7)
    found = ours(hidden, memory, key_mask=PADDING, need_weights=need_weights)
    output, weights = torch_twin(ours)(
        hidden, memory, memory, key_padding_mask=~PADDING, average_attn_weights=False
    )
    torch.testing.assert_close(found.output, output)
    if need_weights:
        assert found.weights.shape == (2, 3, 5, 7)
        torch.testing.assert_close(found.weights, weights)


def expanded(grouped, queries_per_key):
    """Return a module without groups whose heads have copies of the shared keys and values."""
    full = module(num_heads=6)
    weights = grouped.state_dict()
    for name in ("key.weight", "key.bias", "value.weight", "value.bias"):
        heads = weights[name].unflatten(0, (6 // queries_per_key, 5))
        weights[name] = heads.repeat_interleave(queries_per_key, dim=0).flatten(0, 1)
    full.load_state_dict(weights)
    return full


@pytest.mark.parametrize("queries_per_key", [1, 2, 3, 6])
def test_grouped_heads_equal_full_heads_with_copied_keys(queries_per_key):
    grouped = module(num_heads=6, queries_per_key=queries_per_key)
    hidden = inputs()
    assert grouped.key.weight.shape == (30 // queries_per_key, 30)
    torch.testing.assert_close(
        grouped(hidden).output, expanded(grouped, queries_per_key)(hidden).output
    )


@pytest.mark.parametrize("num_heads", [1, 2, 3, 5, 6, 10])
def test_the_number_of_heads_does_not_change_the_number_of_parameters(num_heads):
    parameters = module(num_heads=num_heads).parameters()
    assert sum(parameter.numel() for parameter in parameters) == 4 * (30 * 30 + 30)


def test_heads_are_independent_until_the_output_projection():
    ours, hidden = module(), inputs()
    with torch.no_grad():
        before = ours(hidden, need_weights=True).weights
        ours.query.weight[10:20] += 1  # the second head's slice
        after = ours(hidden, need_weights=True).weights
    assert after[:, [0, 2]].equal(before[:, [0, 2]])
    assert not torch.allclose(after[:, 1], before[:, 1])


def test_a_projection_without_bias_has_none():
    assert {name for name, _ in module(bias=False).named_parameters()} == {
        "query.weight",
        "key.weight",
        "value.weight",
        "output.weight",
    }


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padding", [None, PADDING, LEFT_PADDING], ids=["none", "right", "left"])
@pytest.mark.parametrize("queries_per_key", [1, 3])
@pytest.mark.parametrize("scheme", ["none", "alibi", "rotary"])
def test_fused_and_readable_give_the_same_output_and_gradient(
    scheme, queries_per_key, padding, causal
):
    ours = module(causal=causal, queries_per_key=queries_per_key).double()
    hidden = inputs().double()
    positions = torch.arange(7)[None]
    options = {
        "key_mask": padding,
        "bias": AlibiBias(3).double()(positions, positions) if scheme == "alibi" else None,
        "rotation": RotaryEmbedding(10, 100.0)(positions, torch.float64)
        if scheme == "rotary"
        else None,
    }
    results = []
    for need_weights in (False, True):
        ours.zero_grad()
        output = ours(hidden, need_weights=need_weights, **options).output
        output.square().sum().backward()
        results.append([output, *(parameter.grad for parameter in ours.parameters())])
    torch.testing.assert_close(*results)


def test_the_fused_kernel_is_taken_unless_weights_are_asked_for(monkeypatch):
    calls = []
    kernel = functional.scaled_dot_product_attention

    def counted(*arguments, **options):
        calls.append("fused")
        return kernel(*arguments, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", counted)
    ours, hidden = module(causal=True), inputs()
    ours(hidden)
    assert calls == ["fused"]
    ours(hidden, need_weights=True)
    assert calls == ["fused"]


def test_the_weights_returned_are_the_ones_that_were_used():
    ours, hidden = module(causal=True), inputs()
    result = ours(hidden, key_mask=PADDING, need_weights=True)
    value = split_heads(ours.value(hidden), 3)
    torch.testing.assert_close(result.output, ours.output(merge_heads(result.weights @ value)))


def uniform_attention(query, key, value, mask=None, bias=None):
    """Look everywhere alike: easy to tell from the course's own attention."""
    weights = query.new_ones(*query.shape[:-1], key.shape[-2]) / key.shape[-2]
    return weights @ value, weights


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_plugged_in_attention_is_the_one_that_is_used(need_weights):
    ours, hidden = module(attention=uniform_attention), inputs()
    result = ours(hidden, need_weights=need_weights)
    expected = ours.output(ours.value(hidden).mean(1, keepdim=True)).expand(2, 7, 30)
    torch.testing.assert_close(result.output, expected)
    if need_weights:
        torch.testing.assert_close(result.weights, torch.full((2, 3, 7, 7), 1 / 7))
    else:
        assert result.weights is None


def test_normalised_queries_and_keys_make_scores_correlations():
    ours, hidden = module(normalize_query_key=True).double(), inputs().double()
    query, key = (split_heads(layer(hidden), 3) for layer in (ours.query, ours.key))
    query, key = (part - part.mean(-1, keepdim=True) for part in (query, key))
    correlations = functional.cosine_similarity(
        query[..., :, None, :], key[..., None, :, :], dim=-1
    )
    expected = (correlations * 10**0.5).softmax(-1)
    weights = ours(hidden, need_weights=True).weights
    torch.testing.assert_close(weights, expected, rtol=0, atol=1e-4)


def test_queries_and_keys_are_rotated_and_values_are_not():
    ours, hidden = module(), inputs()
    rotation = RotaryEmbedding(10, 100.0)(torch.arange(7)[None], torch.float32)
    query, key, value = (
        split_heads(layer(hidden), 3) for layer in (ours.query, ours.key, ours.value)
    )
    mixed, _ = scaled_dot_product_attention(rotation.apply(query), rotation.apply(key), value)
    found = ours(hidden, rotation=rotation).output
    torch.testing.assert_close(found, ours.output(merge_heads(mixed)))


def attend_in_chunks(ours, hidden, sizes, rotary=None, alibi=None):
    cache, outputs, start = LayerCache(11), [], 0
    for chunk in hidden.split(sizes, dim=1):
        positions = torch.arange(start, start + chunk.shape[1])[None]
        start += chunk.shape[1]
        rotation = None if rotary is None else rotary(positions, hidden.dtype)
        bias = None if alibi is None else alibi(positions, torch.arange(start)[None])
        outputs.append(ours(chunk, rotation=rotation, bias=bias, cache=cache).output)
    assert cache.length == hidden.shape[1]
    return torch.cat(outputs, dim=1)


@pytest.mark.parametrize("sizes", [[1] * 7, [3, 4], [2, 1, 3, 1], [6, 1]], ids=str)
@pytest.mark.parametrize("queries_per_key", [1, 3])
@pytest.mark.parametrize("scheme", ["none", "alibi", "rotary"])
@torch.no_grad()
def test_a_cache_gives_what_the_whole_sequence_gives(scheme, queries_per_key, sizes):
    ours = module(causal=True, queries_per_key=queries_per_key).double()
    hidden = inputs().double()
    schemes = {
        "rotary": RotaryEmbedding(10, 100.0) if scheme == "rotary" else None,
        "alibi": AlibiBias(3).double() if scheme == "alibi" else None,
    }
    found = attend_in_chunks(ours, hidden, sizes, **schemes)
    torch.testing.assert_close(found, attend_in_chunks(ours, hidden, [7], **schemes))
    rotation = schemes["rotary"] and schemes["rotary"](torch.arange(7)[None], torch.float64)
    bias = schemes["alibi"] and schemes["alibi"](torch.arange(7)[None], torch.arange(7)[None])
    torch.testing.assert_close(found, ours(hidden, rotation=rotation, bias=bias).output)


def test_a_cache_returns_all_that_was_stored_oldest_first():
    cache = LayerCache(7)
    first, second = (torch.randn(2, 3, length, 5) for length in (4, 3))
    assert cache.append(first, -first)[0].equal(first)
    key, value = cache.append(second, -second)
    assert key.equal(torch.cat((first, second), dim=2))
    assert value.equal(-key)
    assert (cache.length, cache.capacity) == (7, 7)


def test_a_full_cache_refuses_more_and_stays_as_it_was():
    cache = LayerCache(5)
    cache.append(*torch.randn(2, 2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"6 tokens do not fit a cache of 5; .+capacity=6"):
        cache.append(*torch.randn(2, 2, 3, 2, 5))
    assert cache.length == 4


def test_a_cache_belongs_to_its_batch():
    cache = LayerCache(5)
    cache.append(*torch.randn(2, 2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"batch of 1 does not continue a cache of 2 sequences"):
        cache.append(*torch.randn(2, 1, 3, 1, 5))


@pytest.mark.usefixtures("unchecked")
def test_a_mask_for_another_number_of_keys_is_refused():
    with pytest.raises(ValueError, match=r"mask \(2, 1, 1, 6\) does not fit 7 queries and 7 keys"):
        module()(inputs(), key_mask=PADDING[:, 1:])


def test_the_course_attention_is_the_default():
    assert module().attention is scaled_dot_product_attention


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("shape", [(5, 21), (2, 3, 5, 21)])
def test_vectors_of_another_rank_are_not_split(shape):
    with pytest.raises(
        ValueError, match=r"vectors have shape .+ expected \(batch, length, width\)"
    ):
        split_heads(torch.zeros(shape), 3)


@pytest.mark.usefixtures("unchecked")
def test_heads_of_another_rank_are_not_merged():
    words = r"heads have shape \(3, 5, 7\), expected \(batch, head, length, d_head\)"
    with pytest.raises(ValueError, match=words):
        merge_heads(torch.zeros(3, 5, 7))


@pytest.mark.parametrize("make", [MultiHeadAttention, MultiHeadSelfAttention])
def test_no_heads_at_all_are_refused(make):
    with pytest.raises(ValueError, match="num_heads=0 makes no heads; choose 1 or more"):
        make(30, 0)


def test_the_short_form_refuses_a_width_that_its_heads_do_not_divide():
    with pytest.raises(
        ValueError, match=r"d_model=65 is not divisible by num_heads=4; choose 64 or 68"
    ):
        MultiHeadSelfAttention(65, 4)


@pytest.mark.parametrize("causal", [False, True])
def test_the_short_form_has_the_weights_and_numbers_of_the_long_one(causal):
    short, ours = MultiHeadSelfAttention(30, 3, causal), module(causal=causal)
    short.load_state_dict(ours.state_dict())
    hidden = inputs()
    output, weights = short(hidden)
    expected = ours(hidden, need_weights=True)
    torch.testing.assert_close(output, expected.output)
    torch.testing.assert_close(weights, expected.weights)


@pytest.mark.parametrize("head", [0, 1, 2])
def test_a_silenced_head_is_a_head_that_hands_over_zeros(head):
    ours, hidden = module(causal=True), inputs()

    def mute(query, key, value, mask=None, bias=None):
        mixed, weights = scaled_dot_product_attention(query, key, value, mask, bias)
        return mixed * (torch.arange(3) != head)[:, None, None], weights

    expected = module(causal=True, attention=mute)
    expected.load_state_dict(ours.state_dict())
    with torch.no_grad():
        ours.output.weight.copy_(silence_head(ours.output.weight, head, 3))
    torch.testing.assert_close(ours(hidden).output, expected(hidden).output)


def test_without_all_of_its_heads_a_layer_says_its_bias():
    weight = torch.randn(11, 30)
    for head in range(3):
        before, weight = weight, silence_head(weight, head, 3)
        assert not torch.equal(before, weight)
    assert not weight.any()


@pytest.mark.parametrize("head", [-1, 3, 1.5])
@pytest.mark.usefixtures("unchecked")
def test_a_head_that_is_not_there_cannot_be_silenced(head):
    with pytest.raises(ValueError, match=rf"head={head} is none of 3; choose 0 to 2"):
        silence_head(torch.zeros(5, 30), head, 3)


def test_heads_that_do_not_divide_a_projection_cannot_be_silenced():
    with pytest.raises(ValueError, match="width 30 is not divisible by num_heads=4"):
        silence_head(torch.zeros(5, 30), 0, 4)


def test_plugged_in_split_and_merge_are_the_ones_that_are_used():
    calls = []

    def split(vectors, num_heads):
        calls.append("split")
        return split_heads(vectors, num_heads)

    def merge(heads):
        calls.append("merge")
        return merge_heads(heads).flip(-1)

    ours, hidden = module(), inputs()
    plugged = module(split=split, merge=merge)
    plugged.load_state_dict(ours.state_dict())
    with torch.no_grad():
        ours.output.weight.copy_(ours.output.weight.flip(1))
    torch.testing.assert_close(plugged(hidden).output, ours(hidden).output)
    assert calls == ["split", "split", "split", "merge"]
