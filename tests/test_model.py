"""The model as a whole: what it computes, whatever it is made of.

`VARIANTS` lists ways to build it; most properties are tested for each of them.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.config import CHOICES, TransformerConfig
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer

VOCABULARY, CONTEXT = 19, 13
SIZES = {
    "vocab_size": VOCABULARY,
    "context_length": CONTEXT,
    "d_model": 24,
    "num_layers": 2,
    "num_heads": 3,
    "d_feed_forward": 31,
}
VARIANTS = {
    **{position: {"position": position} for position in CHOICES["position"]},
    "post": {"norm_order": "post", "embedding_norm": True},
    "llama": {
        "position": "rotary",
        "queries_per_key": 3,
        "norm": "rms_norm",
        "feed_forward": "swiglu",
        "bias": False,
    },
    "fast": {
        "position": "rotary",
        "normalize_query_key": True,
        "norm": "plain_layer_norm",
        "feed_forward": "squared_relu",
        "pair_embedding_rows": 101,
        "initialisation": "silent",
    },
    "types": {"num_token_types": 5, "tie_embedding": False},
    "mixing": {"mix_previous": True, "embedding_norm": True, "pair_embedding_rows": 101},
}
EVERY_VARIANT = pytest.mark.parametrize("variant", VARIANTS)
EVERY_ARCHITECTURE = pytest.mark.parametrize("architecture", CHOICES["architecture"])
PADDINGS = {
    "right": torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] * 2 + [0] * 5]).bool(),
    "left": torch.tensor([[1] * 7, [0] * 3 + [1] * 4, [0] * 5 + [1] * 2]).bool(),
}
SOURCE_PADDING = torch.tensor([[1] * 5, [1] * 3 + [0] * 2, [0] + [1] * 4]).bool()


def build(variant="learned", *, parts=None, seed=0, **changes):
    """Return a model in float64 whose weights are so large that everything has an effect."""
    config = TransformerConfig(**(SIZES | VARIANTS[variant] | changes))
    generator = torch.Generator().manual_seed(seed)
    model = Transformer(config, parts=parts).double().eval()
    for parameter in model.parameters():
        scale = 2 / math.sqrt(parameter.shape[-1]) if parameter.ndim > 1 else 0.3
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data += scale * noise
    return model


def random_ids(batch=3, length=7, seed=1):
    return torch.randint(VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))


def run(model, ids, *, source=None, source_mask=None, **options):
    """Run the model, with a memory where it needs one."""
    if model.config.architecture == "encoder_decoder":
        source = random_ids(3, 5, seed=2) if source is None else source
        memory = model.encode(source[: len(ids)], padding_mask=source_mask)
        options["memory"] = memory
    return model(ids, need_hidden_states=True, **options)


def assert_same(found, expected, real=None):
    """Compare everything the model returned, at the real tokens."""
    pairs = zip(
        (*found.hidden_states, found.hidden, found.logits),
        (*expected.hidden_states, expected.hidden, expected.logits),
        strict=True,
    )
    for one, other in pairs:
        cut = slice(None) if real is None else real
        torch.testing.assert_close(one[cut], other[cut])


@EVERY_ARCHITECTURE
@pytest.mark.parametrize("norm_order", CHOICES["norm_order"])
@EVERY_VARIANT
def test_every_kind_of_model_runs_and_every_weight_learns(variant, norm_order, architecture):
    model = build(variant, norm_order=norm_order, architecture=architecture)
    output = run(model, random_ids())
    assert output.logits.shape == (3, 7, VOCABULARY)
    cross_entropy(output.logits, random_ids(seed=3)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@EVERY_ARCHITECTURE
@EVERY_VARIANT
@pytest.mark.parametrize("padding", [None, *PADDINGS])
def test_fused_and_readable_path_agree_layer_by_layer(padding, variant, architecture):
    model = build(variant, architecture=architecture)
    mask = PADDINGS.get(padding)
    options = {"padding_mask": mask, "source_mask": None if mask is None else SOURCE_PADDING}
    fused = run(model, random_ids(), **options)
    readable = run(model, random_ids(), need_weights=True, **options)
    assert fused.attention_weights == ()
    assert len(readable.attention_weights) == 2
    assert_same(fused, readable)


@EVERY_VARIANT
@pytest.mark.parametrize("architecture", ["decoder", "encoder_decoder"])
def test_the_future_cannot_reach_the_past(variant, architecture):
    model = build(variant, architecture=architecture)
    ids = random_ids()
    changed = ids.clone()
    changed[:, 4:] = VOCABULARY - 1 - changed[:, 4:]
    past = torch.arange(7).expand(3, 7) < 4
    found, expected = run(model, changed), run(model, ids)
    assert_same(found, expected, past)
    assert (found.logits - expected.logits)[~past].abs().amax(-1).min() > 1e-3


@EVERY_VARIANT
def test_an_encoder_sees_the_future(variant):
    model = build(variant, architecture="encoder")
    ids = random_ids()
    changed = ids.clone()
    changed[:, -1] = VOCABULARY - 1 - changed[:, -1]
    difference = run(model, changed).logits - run(model, ids).logits
    assert difference[:, 0].abs().amax(-1).min() > 1e-3


@EVERY_ARCHITECTURE
@EVERY_VARIANT
@pytest.mark.parametrize("padding", PADDINGS)
def test_what_stands_in_the_padding_does_not_matter(padding, variant, architecture):
    model = build(variant, architecture=architecture)
    real = PADDINGS[padding]
    ids = random_ids()
    changed = torch.where(real, ids, VOCABULARY - 1 - ids)
    options = {"padding_mask": real, "source_mask": SOURCE_PADDING}
    source = random_ids(3, 5, seed=2)
    other_source = torch.where(SOURCE_PADDING, source, VOCABULARY - 1 - source)
    found = run(model, changed, source=other_source, **options)
    assert_same(found, run(model, ids, source=source, **options), real)


@EVERY_ARCHITECTURE
@EVERY_VARIANT
@pytest.mark.parametrize("padding", PADDINGS)
def test_a_padded_batch_equals_the_sequences_one_by_one(padding, variant, architecture):
    model = build(variant, architecture=architecture)
    real = PADDINGS[padding]
    ids, source = random_ids(), random_ids(3, 5, seed=2)
    together = run(model, ids, padding_mask=real, source=source, source_mask=SOURCE_PADDING)
    for row in range(3):
        alone = run(
            model,
            ids[row : row + 1, real[row]],
            source=source[row : row + 1, SOURCE_PADDING[row]],
        )
        torch.testing.assert_close(together.logits[row, real[row]], alone.logits[0])


@pytest.mark.parametrize("variant", ["none", "post"])
def test_without_positions_an_encoder_only_follows_the_order(variant):
    model = build(variant, position="none", architecture="encoder")
    ids, order = random_ids(), torch.tensor([3, 0, 6, 1, 5, 2, 4])
    difference = run(model, ids[:, order]).hidden - run(model, ids).hidden[:, order]
    assert difference.abs().max() < 1e-12


@pytest.mark.parametrize("position", [name for name in CHOICES["position"] if name != "none"])
def test_with_positions_an_encoder_knows_the_order(position):
    model = build(position, architecture="encoder")
    ids, order = random_ids(), torch.tensor([3, 0, 6, 1, 5, 2, 4])
    difference = run(model, ids[:, order]).hidden - run(model, ids).hidden[:, order]
    assert difference.abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize(("num_layers", "knows"), [(1, False), (2, True)])
def test_a_causal_model_of_two_layers_knows_the_order_without_positions(num_layers, knows):
    model = build("none", num_layers=num_layers)
    ids, order = random_ids(), torch.tensor([3, 0, 5, 1, 4, 2, 6])
    difference = run(model, ids[:, order]).hidden[:, -1] - run(model, ids).hidden[:, -1]
    assert (difference.abs().max() > 1e-3) == knows


@pytest.mark.parametrize("architecture", ["decoder", "encoder_decoder"])
@EVERY_VARIANT
@pytest.mark.parametrize("padded", [False, True])
@torch.no_grad()
def test_a_cache_gives_the_same_token_by_token(padded, variant, architecture):
    check_cache(build(variant, architecture=architecture), [1] * 7, padded=padded)


@given(
    st.sampled_from([*VARIANTS]),
    st.lists(st.integers(1, 5), min_size=2, max_size=7).filter(lambda sizes: sum(sizes) <= CONTEXT),
    st.booleans(),
)
@settings(max_examples=25)
@torch.no_grad()
def test_a_cache_gives_the_same_in_chunks_of_any_size(variant, sizes, padded):
    check_cache(build(variant), sizes, padded=padded)


def check_cache(model, sizes, *, padded):
    total = sum(sizes)
    ids = random_ids(3, total)
    starts = torch.tensor([0, 1, 2]) if padded else torch.zeros(3).long()
    real = torch.arange(total) >= starts[:, None]
    cache, end = model.new_cache(CONTEXT), 0
    whole = run(model, ids, padding_mask=real if padded else None)
    for size in sizes:
        chunk = slice(end, end + size)
        end += size
        mask = real[:, :end] if padded else None
        part = run(model, ids[:, chunk], padding_mask=mask, cache=cache)
        here = real[:, chunk]
        torch.testing.assert_close(part.logits[here], whole.logits[:, chunk][here])
    assert cache.length == total


@EVERY_ARCHITECTURE
def test_the_weights_returned_are_those_that_were_used(architecture):
    used = []

    def attention(query, key, value, mask=None, bias=None):
        result = scaled_dot_product_attention(query, key, value, mask, bias)
        used.append(result[1])
        return result

    model = build(architecture=architecture, parts={"attention": attention})
    output = run(model, random_ids(), padding_mask=PADDINGS["left"], need_weights=True)
    shown = [*output.attention_weights]
    if architecture == "encoder_decoder":
        # The encoder's two layers came first; then self- and cross-attention take turns.
        used = used[2:]
        shown = [shown[0], output.cross_attention_weights[0]]
        shown += [output.attention_weights[1], output.cross_attention_weights[1]]
    assert len(used) == len(shown)
    assert all(one is other for one, other in zip(used, shown, strict=True))


def test_a_decoders_weights_are_nothing_ahead_and_on_padding():
    real = PADDINGS["left"]
    output = run(build("llama"), random_ids(), padding_mask=real, need_weights=True)
    allowed = torch.ones(7, 7).bool().tril() & real[:, None, None, :]
    for weights in output.attention_weights:
        assert weights.shape == (3, 3, 7, 7)
        hidden = ~allowed.expand_as(weights)
        assert (weights[hidden] == 0).all()
        torch.testing.assert_close(weights.sum(-1), allowed.any(-1).double().expand(3, 3, 7))


def test_cross_weights_lie_on_the_real_tokens_of_the_source():
    model = build(architecture="encoder_decoder")
    output = run(model, random_ids(), source_mask=SOURCE_PADDING, need_weights=True)
    assert len(output.cross_attention_weights) == 2
    for weights in output.cross_attention_weights:
        assert weights.shape == (3, 3, 7, 5)
        padding = ~SOURCE_PADDING[:, None, None, :].expand_as(weights)
        assert (weights[padding] == 0).all()
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, 3, 7).double())


def test_the_memory_keeps_what_the_encoder_returned():
    memory = build(architecture="encoder_decoder").encode(random_ids(3, 5), need_weights=True)
    assert memory.hidden.shape == (3, 5, 24)
    assert [weights.shape for weights in memory.encoder.attention_weights] == [(3, 3, 5, 5)] * 2


def test_hidden_states_are_the_embeddings_and_every_layer():
    model = build()
    output = run(model, random_ids())
    embeddings = model.decoder.embedding(random_ids()) + model.decoder.encoding.weight[:7]
    assert len(output.hidden_states) == 3
    torch.testing.assert_close(output.hidden_states[0], embeddings)
    torch.testing.assert_close(output.hidden, model.decoder.final_norm(output.hidden_states[-1]))
    torch.testing.assert_close(output.logits, output.hidden @ model.decoder.embedding.weight.T)


def test_what_is_not_asked_for_is_not_returned():
    output = build()(random_ids())
    assert (output.hidden_states, output.attention_weights) == ((), ())
    assert output.cross_attention_weights == ()


def test_token_types_are_added_to_the_embeddings():
    model = build("types")
    types = torch.randint(5, (3, 7))
    embeddings = [
        run(model, random_ids(), token_types=chosen).hidden_states[0]
        for chosen in (types, None, torch.zeros_like(types))
    ]
    table = model.decoder.token_type_embedding.weight
    torch.testing.assert_close(embeddings[0] - embeddings[1], table[types] - table[0])
    assert embeddings[1].equal(embeddings[2])


def test_training_learns_nothing_from_tokens_that_cannot_be_known():
    # Tokens drawn evenly and independently: whoever is better than ln V has seen the answer.
    assert abs(held_out_loss("decoder", num_steps=0) - math.log(5)) < 0.01
    assert held_out_loss("decoder", num_steps=60) > math.log(5) - 0.005


def test_a_model_without_a_causal_mask_reads_the_answer():
    assert held_out_loss("encoder", num_steps=60) < math.log(5) / 2


def held_out_loss(architecture, num_steps):
    """Train to tell the next of random tokens, and return the loss on other random tokens."""
    config = TransformerConfig(
        vocab_size=5,
        context_length=11,
        d_model=24,
        num_layers=1,
        num_heads=1,
        d_feed_forward=31,
        architecture=architecture,
        tie_embedding=False,
    )
    generator = torch.Generator().manual_seed(3)
    model = Transformer(config, generator=generator)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(num_steps):
        ids = torch.randint(5, (64, 12), generator=generator)
        optimizer.zero_grad()
        cross_entropy(model(ids[:, :-1]).logits[:, :-1], ids[:, 1:-1]).backward()
        optimizer.step()
    ids = torch.randint(5, (256, 12), generator=generator)
    with torch.no_grad():
        return cross_entropy(model(ids[:, :-1]).logits[:, :-1], ids[:, 1:-1]).item()
