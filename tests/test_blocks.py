"""Norms, feed-forward layers, residuals, and the order in which a block calls them."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from transformer_course.blocks import (
    ACTIVATIONS,
    CrossAttentionBlock,
    FeedForward,
    FusedLayerNorm,
    GatedFeedForward,
    LayerNorm,
    PlainNorm,
    PostNorm,
    PreNorm,
    RMSNorm,
    TransformerBlock,
    rms_norm,
)
from transformer_course.multi_head import MultiHeadAttention

SHAPES = pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 5, 7)], ids=str)
# A large epsilon, so that its place (inside the root) shows.
EPSILON = 0.3


def randomised(module):
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module.double()


@pytest.mark.parametrize("kind", [LayerNorm, FusedLayerNorm])
@SHAPES
def test_layer_norm_is_the_same_written_out_fused_and_in_torch(shape, kind):
    ours = randomised(kind(7, EPSILON))
    vectors = torch.randn(shape, dtype=torch.float64) * 3 + 2
    expected = nn.LayerNorm(7, eps=EPSILON).double()
    expected.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(vectors), expected(vectors))


@pytest.mark.parametrize("kind", [LayerNorm, FusedLayerNorm])
def test_layer_norm_begins_as_torchs_own(kind):
    vectors = torch.randn(3, 7) * 1e-2
    torch.testing.assert_close(kind(7)(vectors), nn.LayerNorm(7)(vectors))


@SHAPES
def test_rms_norm_is_the_same_written_out_fused_and_in_torch(shape):
    ours = randomised(RMSNorm(7, EPSILON))
    vectors = torch.randn(shape, dtype=torch.float64) * 3 + 2
    expected = nn.RMSNorm(7, eps=EPSILON).double()
    expected.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(vectors), expected(vectors))
    torch.testing.assert_close(rms_norm(vectors, ours.weight, EPSILON), expected(vectors))


def test_plain_norm_is_layer_norm_with_nothing_learned():
    vectors = torch.randn(2, 5, 7) * 3 + 2
    ours = PlainNorm(7, EPSILON)
    assert [*ours.parameters()] == []
    expected = nn.LayerNorm(7, eps=EPSILON, elementwise_affine=False)(vectors)
    torch.testing.assert_close(ours(vectors), expected)


def test_layer_norm_brings_every_vector_to_mean_0_and_variance_1():
    normed = LayerNorm(50)(torch.randn(2, 3, 50) * 5 + 4)
    torch.testing.assert_close(normed.mean(-1), torch.zeros(2, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(normed.var(-1, unbiased=False), torch.ones(2, 3), rtol=0, atol=1e-4)


def test_rms_norm_keeps_the_direction():
    vectors = torch.randn(2, 3, 50) * 5 + 4
    cosine = functional.cosine_similarity(RMSNorm(50)(vectors), vectors, dim=-1)
    torch.testing.assert_close(cosine, torch.ones(2, 3))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gelu", lambda x: x / 2 * (1 + torch.erf(x / 2**0.5))),
        ("relu", lambda x: x * (x > 0)),
        ("squared_relu", lambda x: x * x * (x > 0)),
    ],
)
def test_each_activation_is_its_formula(name, expected):
    values = torch.linspace(-4, 4, 101, dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS[name](values), expected(values))


def test_squared_relu_has_the_gradient_of_its_formula():
    values = torch.linspace(-4, 4, 101, dtype=torch.float64, requires_grad=True)
    ACTIVATIONS["squared_relu"](values).sum().backward()
    torch.testing.assert_close(values.grad, 2 * values.detach().relu())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_feed_forward_is_two_layers_with_the_activation_between(name):
    ours = FeedForward(5, 11, name)
    hidden = torch.randn(2, 3, 5)
    inside = ACTIVATIONS[name](hidden @ ours.expand.weight.T + ours.expand.bias)
    expected = inside @ ours.contract.weight.T + ours.contract.bias
    torch.testing.assert_close(ours(hidden), expected)


def test_gated_feed_forward_is_swiglu():
    ours = GatedFeedForward(5, 11)
    hidden = torch.randn(2, 3, 5)
    gate, up = ours.gate(hidden), ours.expand(hidden)
    expected = (gate * torch.sigmoid(gate) * up) @ ours.contract.weight.T + ours.contract.bias
    torch.testing.assert_close(ours(hidden), expected)


@pytest.mark.parametrize("kind", [FeedForward, GatedFeedForward])
def test_feed_forward_works_on_each_position_by_itself(kind):
    ours, hidden = kind(5, 11), torch.randn(2, 3, 5)
    changed = hidden.clone()
    changed[:, 1] += 1
    same = (ours(changed) == ours(hidden)).all(-1)
    assert same.tolist() == [[True, False, True]] * 2


@pytest.mark.parametrize("kind", [FeedForward, GatedFeedForward])
def test_feed_forward_without_bias_has_none(kind):
    assert all(name.endswith("weight") for name, _ in kind(5, 11, bias=False).named_parameters())


def test_an_unknown_activation_lists_those_there_are():
    with pytest.raises(ValueError, match=r"activation='tanh' is unknown; choose one of \['gelu'"):
        FeedForward(5, 11, "tanh")


def block(residual, dropout=0.0):
    return TransformerBlock(
        attention=MultiHeadAttention(12, 3),
        attention_residual=residual(LayerNorm(12), dropout),
        feed_forward=FeedForward(12, 17),
        feed_forward_residual=residual(LayerNorm(12), dropout),
    )


def crossing_block(residual):
    return CrossAttentionBlock(
        attention=MultiHeadAttention(12, 3),
        attention_residual=residual(LayerNorm(12), 0.0),
        memory_block=block(residual),
    )


def states():
    hidden, memory = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    return hidden.double(), memory.double()


def test_a_pre_norm_block_norms_what_a_sublayer_reads():
    ours, (hidden, _) = randomised(block(PreNorm)), states()
    expected = hidden + ours.attention(ours.attention_residual.norm(hidden)).output
    expected = expected + ours.feed_forward(ours.feed_forward_residual.norm(expected))
    torch.testing.assert_close(ours(hidden)[0], expected)


def test_a_post_norm_block_norms_the_sums():
    ours, (hidden, _) = randomised(block(PostNorm)), states()
    expected = ours.attention_residual.norm(hidden + ours.attention(hidden).output)
    expected = ours.feed_forward_residual.norm(expected + ours.feed_forward(expected))
    torch.testing.assert_close(ours(hidden)[0], expected)


def test_with_a_memory_the_third_sublayer_stands_between_the_two_pre_norm():
    ours, (hidden, memory) = randomised(crossing_block(PreNorm)), states()
    looking = ours.memory_block
    expected = hidden + ours.attention(ours.attention_residual.norm(hidden)).output
    asked = looking.attention_residual.norm(expected)
    expected = expected + looking.attention(asked, memory).output
    expected = expected + looking.feed_forward(looking.feed_forward_residual.norm(expected))
    torch.testing.assert_close(ours(hidden, memory=memory)[0], expected)


def test_with_a_memory_the_third_sublayer_stands_between_the_two_post_norm():
    ours, (hidden, memory) = randomised(crossing_block(PostNorm)), states()
    looking = ours.memory_block
    expected = ours.attention_residual.norm(hidden + ours.attention(hidden).output)
    looked_up = looking.attention(expected, memory).output
    expected = looking.attention_residual.norm(expected + looked_up)
    expected = looking.feed_forward_residual.norm(expected + looking.feed_forward(expected))
    torch.testing.assert_close(ours(hidden, memory=memory)[0], expected)


def test_weights_are_returned_when_asked_for():
    ours, (hidden, memory) = randomised(crossing_block(PreNorm)), states()
    _, weights, cross_weights = ours(hidden, memory=memory, need_weights=True)
    assert weights.shape == (2, 3, 5, 5)
    assert cross_weights.shape == (2, 3, 5, 7)
    assert ours(hidden, memory=memory)[1:] == (None, None)
    plain = randomised(block(PreNorm))
    assert plain(hidden, need_weights=True)[1].shape == (2, 3, 5, 5)
    assert plain(hidden)[1] is None


def test_padding_in_the_memory_cannot_be_felt():
    ours, (hidden, memory) = randomised(crossing_block(PreNorm)), states()
    real = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    expected = ours(hidden, memory=memory, memory_mask=real)[0]
    changed = memory.masked_fill(~real[..., None], 9)
    given = ours(hidden, memory=changed, memory_mask=real)[0]
    torch.testing.assert_close(given, expected, rtol=0, atol=0)
    assert not torch.allclose(ours(hidden, memory=changed)[0], expected)


@pytest.mark.parametrize("residual", [PreNorm, PostNorm])
def test_dropout_works_in_training_only_and_spares_the_residual_path(residual):
    ours, (hidden, _) = randomised(block(residual, dropout=0.5)), states()
    assert not ours(hidden)[0].equal(ours(hidden)[0])
    ours.eval()
    assert ours(hidden)[0].equal(ours(hidden)[0])
    dropped = residual(nn.Identity(), 0.5)
    # With an update of zeros there is nothing to drop: the input passes whole.
    torch.testing.assert_close(dropped.after(hidden, torch.zeros_like(hidden)), hidden)
