"""What the model is built of, how it starts, which parts can be replaced, what it refuses."""

import math

import pytest
import torch
from torch import nn

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.blocks import FeedForward, FusedLayerNorm, LayerNorm, TransformerBlock
from transformer_course.config import TransformerConfig
from transformer_course.model import Transformer, evaluation_mode
from transformer_course.multi_head import merge_heads, split_heads
from transformer_course.positional import distance_bias, rotate, sinusoidal_table

SIZES = {
    "vocab_size": 19,
    "context_length": 13,
    "d_model": 24,
    "num_layers": 5,
    "num_heads": 3,
    "d_feed_forward": 31,
}


def build(*, parts=None, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    return Transformer(TransformerConfig(**(SIZES | changes)), parts=parts, generator=generator)


def random_ids(length=7):
    return torch.randint(19, (2, length))


def counted(calls):
    """Return one part of each kind that notes every call and else does as the course's own."""

    def attention(query, key, value, mask=None, bias=None):
        calls.append("attention")
        return scaled_dot_product_attention(query, key, value, mask, bias)

    class CountedFeedForward(FeedForward):
        def forward(self, hidden):
            calls.append("feed_forward")
            return super().forward(hidden)

    class CountedNorm(LayerNorm):
        def forward(self, vectors):
            calls.append("norm")
            return super().forward(vectors)

    class CountedBlock(TransformerBlock):
        def forward(self, hidden, *arguments, **options):
            calls.append("block")
            return super().forward(hidden, *arguments, **options)

    def counted_rotate(vectors, cosine, sine):
        calls.append("rotate")
        return rotate(vectors, cosine, sine)

    def counted_split(vectors, num_heads):
        calls.append("split")
        return split_heads(vectors, num_heads)

    def counted_merge(heads):
        calls.append("merge")
        return merge_heads(heads)

    return {
        "attention": attention,
        "block": CountedBlock,
        "feed_forward": CountedFeedForward,
        "merge_heads": counted_merge,
        "norm": CountedNorm,
        "rotate": counted_rotate,
        "split_heads": counted_split,
    }


ROTARY = pytest.mark.parametrize("position", ["rotary", "rotary_interleaved"])
# Queries turn, then keys; what a decoder asks its memory for has no place in the text.
HEADS = ["split"] * 3
SELF_ATTENTION = ["norm", *HEADS, "rotate", "rotate", "attention", "merge"]
FEED_FORWARD = ["norm", "feed_forward"]
BLOCK = ["block", *SELF_ATTENTION, *FEED_FORWARD]
CROSSING_BLOCK = [*SELF_ATTENTION, "block", "norm", *HEADS, "attention", "merge", *FEED_FORWARD]


@ROTARY
def test_every_part_that_is_plugged_in_is_called_in_every_layer(position):
    calls, ids = [], random_ids()
    choices = {"position": position, "embedding_norm": True}
    found = build(parts=counted(calls), **choices)(ids)
    assert calls == ["norm", *BLOCK * 5, "norm"]
    torch.testing.assert_close(found.logits, build(**choices)(ids).logits)


@pytest.mark.parametrize("norm", ["layer_norm", "rms_norm", "plain_layer_norm"])
def test_a_plugged_in_norm_takes_the_place_of_every_norm(norm):
    calls = []
    model = build(parts=counted(calls), norm=norm, norm_order="post", embedding_norm=True)
    model(random_ids())
    assert calls.count("norm") == 1 + 2 * 5
    kinds = {type(module).__name__ for module in model.modules()}
    assert {kind for kind in kinds if "Norm" in kind} == {"CountedNorm", "PostNorm"}


def test_a_model_takes_the_fused_layer_norm_unless_told_otherwise():
    kinds = {type(module) for module in build(norm="layer_norm").modules()}
    assert FusedLayerNorm in kinds
    assert LayerNorm not in kinds


def test_a_plugged_in_feed_forward_takes_the_place_of_swiglu_too():
    calls = []

    def feed_forward(d_model, d_feed_forward, activation, *, bias):
        assert activation == "swiglu"
        return counted(calls)["feed_forward"](d_model, d_feed_forward, bias=bias)

    build(parts={"feed_forward": feed_forward}, feed_forward="swiglu")(random_ids())
    assert calls == ["feed_forward"] * 5


@ROTARY
def test_every_part_that_is_plugged_in_is_called_with_a_cache(position):
    calls = []
    model = build(parts=counted(calls), position=position)
    cache, ids = model.new_cache(13), random_ids()
    for chunk in ids.split([4, 1, 2], dim=1):
        calls.clear()
        model(chunk, cache=cache)
        assert calls == [*BLOCK * 5, "norm"]


def test_a_plugged_in_table_is_made_once_when_the_model_is_built_and_added():
    calls = []

    def make_table(length, d_model):
        calls.append((length, d_model))
        return sinusoidal_table(length, d_model)

    model = build(parts={"sinusoidal_table": make_table}, position="sinusoidal")
    ids = random_ids()
    torch.testing.assert_close(model(ids).logits, build(position="sinusoidal")(ids).logits)
    assert calls == [(13, 24)]
    flat = build(parts={"sinusoidal_table": torch.zeros}, position="sinusoidal")
    torch.testing.assert_close(flat(ids).logits, build(position="none")(ids).logits)


@pytest.mark.parametrize("cached", [False, True])
def test_a_plugged_in_bias_is_asked_for_in_each_forward_pass(cached):
    calls = []

    def bias(query_positions, key_positions, slope):
        calls.append((query_positions.shape[-1], key_positions.shape[-1]))
        return distance_bias(query_positions, key_positions, slope)

    ids = random_ids()
    model = build(parts={"distance_bias": bias}, position="alibi")
    cache = model.new_cache(13) if cached else None
    chunks = ids.split([4, 3], dim=1) if cached else [ids]
    found = torch.cat([model(chunk, cache=cache).logits for chunk in chunks], dim=1)
    torch.testing.assert_close(found, build(position="alibi")(ids).logits)
    assert calls == ([(4, 4), (3, 7)] if cached else [(7, 7)])


def test_every_part_that_is_plugged_in_is_called_in_encoder_and_decoder():
    calls = []
    model = build(parts=counted(calls), architecture="encoder_decoder", position="rotary")
    memory = model.encode(random_ids(5))
    assert calls == [*BLOCK * 5, "norm"]
    calls.clear()
    model(random_ids(), memory=memory)
    assert calls == [*CROSSING_BLOCK * 5, "norm"]


def test_plugged_in_parts_train_with_the_model():
    calls, ids = [], random_ids()
    ours, usual = build(parts=counted(calls), position="rotary"), build(position="rotary")
    for model in (ours, usual):
        model(ids).logits.square().mean().backward()
    assert calls == [*BLOCK * 5, "norm"]
    expected = {name: parameter.grad for name, parameter in usual.named_parameters()}
    torch.testing.assert_close({n: p.grad for n, p in ours.named_parameters()}, expected)


def test_an_unknown_part_lists_those_there_are():
    with pytest.raises(
        ValueError,
        match=r"parts \['atention', 'head'\] are unknown; choose from \['attention', 'block', 'd",
    ):
        build(parts={"atention": LayerNorm, "head": LayerNorm, "norm": LayerNorm})


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("architecture", ["decoder", "encoder", "encoder_decoder"])
def test_the_same_seed_gives_the_same_weights(architecture):
    first, same, other = (
        weights(build(seed=seed, architecture=architecture)) for seed in (3, 3, 5)
    )
    assert first.equal(same)
    assert not first.equal(other)


def test_without_a_generator_the_global_seed_decides():
    config = TransformerConfig(**SIZES)
    torch.manual_seed(3)
    first = weights(Transformer(config))
    torch.manual_seed(3)
    assert weights(Transformer(config)).equal(first)


WIDE = {"vocab_size": 101, "d_model": 96, "d_feed_forward": 311}


def spread_of(model, ending):
    tables = [w for name, w in model.named_parameters() if name.endswith(ending)]
    return torch.cat([table.detach().flatten() for table in tables]).std().item()


def test_small_weights_start_at_0_02_and_smaller_where_they_add_up():
    model = build(**WIDE)
    for ending in ("embedding.weight", "encoding.weight", "query.weight", "expand.weight"):
        assert spread_of(model, ending) == pytest.approx(0.02, rel=0.1)
    for ending in ("attention.output.weight", "feed_forward.contract.weight"):
        assert spread_of(model, ending) == pytest.approx(0.02 / math.sqrt(10), rel=0.1)


def test_biases_start_at_zero():
    for name, parameter in build().named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name


def test_at_the_start_nothing_is_known():
    losses = build(**WIDE)(torch.randint(101, (2, 13))).logits.log_softmax(-1)
    assert -losses.mean().item() == pytest.approx(math.log(101), abs=0.05)


@pytest.mark.parametrize("feed_forward", ["squared_relu", "swiglu"])
@pytest.mark.parametrize("architecture", ["decoder", "encoder_decoder"])
def test_silent_blocks_begin_by_changing_nothing(architecture, feed_forward):
    model = build(initialisation="silent", architecture=architecture, feed_forward=feed_forward)
    crossing = architecture == "encoder_decoder"
    memory = model.encode(random_ids(5)) if crossing else None
    states = model(random_ids(), memory=memory, need_hidden_states=True).hidden_states
    assert all(state.equal(states[0]) for state in states[1:])


def test_silent_matrices_halve_the_size_of_what_passes_through():
    model = build(initialisation="silent", **WIDE)
    assert spread_of(model, "query.weight") == pytest.approx(0.5 / math.sqrt(96), rel=0.1)
    assert spread_of(model, "expand.weight") == pytest.approx(0.5 / math.sqrt(96), rel=0.1)
    assert spread_of(model, "embedding.weight") == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("initialisation", ["small", "silent"])
def test_a_tied_table_starts_as_an_embedding(initialisation):
    model = build(initialisation=initialisation, **WIDE)
    expected = {"small": 0.02, "silent": 0.1}[initialisation]
    assert spread_of(model, "embedding.weight") == pytest.approx(expected, rel=0.1)


def test_a_tied_head_shares_the_table_and_counts_once():
    tied, untied = build(), build(tie_embedding=False)
    assert tied.head.projection.weight is tied.decoder.embedding.weight
    assert untied.num_parameters() - tied.num_parameters() == 19 * 24


@pytest.mark.parametrize("num_heads", [1, 2, 4, 6])
def test_the_number_of_heads_does_not_change_the_number_of_parameters(num_heads):
    assert build(num_heads=num_heads).num_parameters() == build().num_parameters()


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
def test_a_classifier_reads_real_tokens_only(architecture, pooling):
    model = build(
        architecture=architecture,
        head="classification",
        num_classes=11,
        pooling=pooling,
        initialisation="silent",
    ).eval()
    nn.init.normal_(model._answering_stack().blocks[0].attention.output.weight)
    ids = random_ids()
    real = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    logits = model(ids, padding_mask=real).logits
    assert logits.shape == (2, 11)
    torch.testing.assert_close(logits[1:], model(ids[1:, :4]).logits)
    torch.testing.assert_close(logits[:1], model(ids[:1]).logits)


def test_without_a_head_there_are_no_logits():
    output = build(head="none")(random_ids())
    assert output.logits is None
    assert output.hidden.shape == (2, 7, 24)


def test_dropout_works_in_training_only():
    model, ids = build(dropout=0.5), random_ids()
    assert not model(ids).logits.equal(model(ids).logits)
    with evaluation_mode(model):
        assert model(ids).logits.equal(model(ids).logits)
    assert model.training


def test_evaluation_mode_ends_even_if_it_fails():
    model = build().eval()
    with evaluation_mode(model):
        pass
    assert not model.training
    model.train()
    with pytest.raises(KeyboardInterrupt), evaluation_mode(model):
        raise KeyboardInterrupt
    assert model.training


def test_an_odd_width_has_no_sinusoids():
    with pytest.raises(ValueError, match=r"d_model=21 is odd.+choose an even number, such as 22"):
        build(d_model=21, position="sinusoidal")


@pytest.mark.parametrize("shape", [(7,), (1, 2, 7), (2, 0), (0, 7)])
@pytest.mark.usefixtures("unchecked")
def test_ids_of_another_rank_or_without_a_token_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"ids have shape \(.+\), expected \(batch, length\).+give ids\[None\]"
    ):
        build()(torch.zeros(shape, dtype=torch.long))


@pytest.mark.parametrize("outside", [-1, 19])
def test_ids_outside_the_vocabulary_are_refused(outside):
    ids = random_ids()
    ids[1, 3] = outside
    with pytest.raises(ValueError, match=rf"token id {outside} is outside the vocabulary of 19"):
        build()(ids)


@pytest.mark.parametrize("position", ["none", "sinusoidal", "learned", "rotary", "alibi"])
def test_a_sequence_longer_than_the_context_is_refused(position):
    model = build(position=position)
    assert model(random_ids(13)).logits.shape == (2, 13, 19)
    with pytest.raises(
        ValueError, match=r"14 tokens do not fit the context of 13; shorten the input or build"
    ):
        model(random_ids(14))


def test_a_cache_does_not_lengthen_the_context():
    model = build()
    cache = model.new_cache(20)
    model(random_ids(12), cache=cache)
    with pytest.raises(ValueError, match=r"14 tokens do not fit the context of 13"):
        model(random_ids(2), cache=cache)
    assert model(random_ids(1), cache=cache).logits.shape == (2, 1, 19)


def test_a_full_cache_refuses_more_and_stays_usable():
    model = build()
    cache = model.new_cache(5)
    ids = random_ids(5)
    model(ids[:, :4], cache=cache)
    with pytest.raises(ValueError, match=r"6 tokens do not fit a cache of 5; .+capacity=6"):
        model(random_ids(2), cache=cache)
    torch.testing.assert_close(
        model(ids[:, 4:], cache=cache).logits[:, 0], model(ids).logits[:, -1]
    )


def test_an_encoder_has_no_cache():
    with pytest.raises(ValueError, match=r"'encoder' looks both ways.+give it the whole text"):
        build(architecture="encoder").new_cache(13)


@pytest.mark.parametrize(
    "mask",
    [
        torch.ones(2, 6).bool(),
        torch.ones(1, 7).bool(),
        torch.ones(7).bool(),
        torch.ones(2, 7),
        torch.ones(2, 7).long(),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_padding_mask_of_another_shape_or_dtype_is_refused(mask):
    with pytest.raises(
        ValueError, match=r"padding_mask has shape .+ expected \(2, 7\) and torch\.bool: True where"
    ):
        build()(random_ids(), padding_mask=mask)


def test_with_a_cache_the_padding_mask_covers_what_was_read():
    model = build()
    cache = model.new_cache(13)
    model(random_ids(5), cache=cache)
    with pytest.raises(ValueError, match=r"padding_mask has shape \(2, 1\).+expected \(2, 6\)"):
        model(random_ids(1), cache=cache, padding_mask=torch.ones(2, 1).bool())


def test_memory_must_be_given_to_an_encoder_decoder():
    with pytest.raises(ValueError, match=r"memory is missing;.+needs memory=model\.encode"):
        build(architecture="encoder_decoder")(random_ids())


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
def test_memory_is_for_an_encoder_decoder_only(architecture):
    memory = build(architecture="encoder_decoder").encode(random_ids())
    with pytest.raises(ValueError, match=r"memory is given;.+any other takes none"):
        build(architecture=architecture)(random_ids(), memory=memory)


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
def test_only_an_encoder_decoder_encodes(architecture):
    with pytest.raises(
        ValueError, match=rf"architecture='{architecture}' has no encoder beside its decoder"
    ):
        build(architecture=architecture).encode(random_ids())


def test_token_types_need_a_table():
    with pytest.raises(ValueError, match=r"token_types are given.+build it with num_token_types"):
        build()(random_ids(), token_types=torch.zeros(2, 7).long())


def test_token_types_outside_the_table_are_refused():
    with pytest.raises(ValueError, match=r"id 5 is outside the vocabulary of 5"):
        build(num_token_types=5)(random_ids(), token_types=torch.full((2, 7), 5))
