"""Tiny random BERT and Llama models of `transformers` load into ours and compute the same.

The reference is brought to float64 throughout (see `exact`), so that the comparison can be as
strict as 1e-9; a last test leaves it as it is. Every way in which the two could differ unnoticed
is tried on purpose under "a wrong … is noticed".
"""

import dataclasses
import math

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.blocks import FeedForward
from transformer_course.model import Transformer, TransformerOutput
from transformer_course.pretrained import (
    BERT_WEIGHTS,
    LLAMA_WEIGHTS,
    WeightMap,
    bert_config,
    half_to_interleaved,
    llama_config,
    load_weights,
)

EXACT = {"rtol": 0.0, "atol": 1e-9}
VOCABULARY, CONTEXT = 97, 13
FAMILIES = {"bert": (bert_config, BERT_WEIGHTS), "llama": (llama_config, LLAMA_WEIGHTS)}
RIGHT_PADDED = torch.tensor([[1] * 11, [1] * 7 + [0] * 4, [1] * 2 + [0] * 9]).bool()
LEFT_PADDED = RIGHT_PADDED.flip(1)
BOTH_SIDES = pytest.mark.parametrize("real", [RIGHT_PADDED, LEFT_PADDED], ids=["right", "left"])


class ExactRotaryEmbedding(nn.Module):
    """The reference's angles in float64: its own are float32 whatever the model's dtype."""

    def __init__(self, d_head, base):
        super().__init__()
        self.d_head, self.base = d_head, base

    def forward(self, hidden, position_ids):
        pairs = torch.arange(self.d_head // 2, dtype=torch.float64)
        angles = position_ids[..., None] / self.base ** (2 * pairs / self.d_head)
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()


def exact(llama):
    """Replace what the reference computes in float32: rotary angles and RMSNorm.

    Its eager attention takes the softmax in float32 as well, so the model is built with "sdpa".
    """
    config = llama.config
    base = config.rope_parameters["rope_theta"]
    llama.model.rotary_emb = ExactRotaryEmbedding(config.head_dim, base)
    for parent in (llama.model, *llama.model.layers):
        for name in ("norm", "input_layernorm", "post_attention_layernorm"):
            if hasattr(parent, name):
                norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps).double()
                norm.load_state_dict(getattr(parent, name).state_dict())
                setattr(parent, name, norm)
    return llama


@torch.no_grad()
def scaled_up(model):
    """Draw weights so large that attention is sharp and logits are far apart."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            middle = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
            nn.init.normal_(parameter, middle, 0.3)
        else:
            nn.init.normal_(parameter, std=2 / math.sqrt(parameter.shape[1]))
    return model.eval()


def reference_llama(*, tied=True, attention="sdpa"):
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=60,
        intermediate_size=77,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-3,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
        tie_word_embeddings=tied,
    )
    return scaled_up(LlamaForCausalLM._from_config(config, attn_implementation=attention).double())


def reference_bert():
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=42,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=55,
        max_position_embeddings=CONTEXT,
        type_vocab_size=5,
    )
    return scaled_up(BertModel._from_config(config, attn_implementation="eager").double())


def ours(reference, *, parts=None, weight_map=None, **changes):
    """Build our model from the reference's config (with changes) and load its weights."""
    make, usual_map = FAMILIES[reference.config.model_type]
    config = dataclasses.replace(make(reference.config.to_dict()), **changes)
    model = Transformer(config, parts=parts).double().eval()
    return load_weights(model, reference.state_dict(), weight_map or usual_map)


def batch():
    return torch.randint(VOCABULARY, RIGHT_PADDED.shape)


@torch.no_grad()
def run_llama(reference, ids, real):
    return reference(
        ids,
        attention_mask=real.long(),
        position_ids=(real.cumsum(-1) - 1).clamp(min=0),
        output_hidden_states=True,
    )


@torch.no_grad()
def run_ours(model, ids, real, **arguments) -> TransformerOutput:
    return model(ids, padding_mask=real, need_hidden_states=True, **arguments)


def farthest(given, expected, real):
    """Return the largest difference at a real token, over all layers."""
    return max(
        (mine[real] - theirs[real]).abs().max().item()
        for mine, theirs in zip(given, expected, strict=True)
    )


def llama_layers(answer):
    """Bring both answers to one form: embeddings, every block but the last, last norm, logits."""
    if isinstance(answer, TransformerOutput):
        return (*answer.hidden_states[:-1], answer.hidden, answer.logits)
    return (*answer.hidden_states, answer.logits)


@BOTH_SIDES
@pytest.mark.parametrize("need_weights", [False, True], ids=["fused", "readable"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_llama_gives_the_same_hidden_states_and_logits(tied, need_weights, real):
    reference = exact(reference_llama(tied=tied))
    ids = batch()
    expected = run_llama(reference, ids, real)
    given = run_ours(ours(reference), ids, real, need_weights=need_weights)
    assert expected.logits[real].std() > 1
    assert len(llama_layers(given)) == 5
    for mine, theirs in zip(llama_layers(given), llama_layers(expected), strict=True):
        torch.testing.assert_close(mine[real], theirs[real], **EXACT)


@BOTH_SIDES
def test_llama_with_interleaved_rotary_pairs_gives_the_same_logits(real):
    reference = exact(reference_llama())
    model = ours(reference, position="rotary_interleaved")
    for block in model.decoder.blocks:
        block.attention.query.weight.data = half_to_interleaved(block.attention.query.weight, 6)
        block.attention.key.weight.data = half_to_interleaved(block.attention.key.weight, 2)
    ids = batch()
    given, expected = run_ours(model, ids, real), run_llama(reference, ids, real)
    assert farthest(llama_layers(given), llama_layers(expected), real) < 1e-9


def test_llama_gives_the_same_logits_from_a_cache():
    reference = exact(reference_llama())
    model = ours(reference)
    ids = batch()
    cache = model.new_cache(CONTEXT)
    with torch.no_grad():
        given = torch.cat([model(chunk, cache=cache).logits for chunk in ids.split(4, 1)], dim=1)
        expected = reference(ids).logits
    torch.testing.assert_close(given, expected, **EXACT)


@BOTH_SIDES
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_llama_agrees_with_the_untouched_reference_within_float32(attention, real):
    # Left as it is, the reference rounds angles, norms and (eager) softmax to float32: seven
    # digits, on values of about ten, through three layers.
    reference = reference_llama(attention=attention)
    ids = batch()
    expected = llama_layers(run_llama(reference, ids, real))
    given = llama_layers(run_ours(ours(reference), ids, real))
    assert 1e-9 < farthest(given, expected, real) < 1e-4


@pytest.mark.parametrize("need_weights", [False, True], ids=["fused", "readable"])
def test_bert_gives_the_same_hidden_states(need_weights):
    reference = reference_bert()
    ids, types = batch(), torch.randint(5, RIGHT_PADDED.shape)
    with torch.no_grad():
        expected = reference(
            ids, RIGHT_PADDED.long(), token_type_ids=types, output_hidden_states=True
        )
    given = run_ours(
        ours(reference), ids, RIGHT_PADDED, token_types=types, need_weights=need_weights
    )
    assert expected.last_hidden_state[RIGHT_PADDED].std() > 1
    assert len(given.hidden_states) == 3
    for mine, theirs in zip(given.hidden_states, expected.hidden_states, strict=True):
        torch.testing.assert_close(mine[RIGHT_PADDED], theirs[RIGHT_PADDED], **EXACT)
    torch.testing.assert_close(given.hidden, given.hidden_states[-1], rtol=0, atol=0)


def test_bert_without_token_types_takes_the_first_of_them():
    reference = reference_bert()
    ids = batch()
    with torch.no_grad():
        expected = reference(ids).last_hidden_state
    torch.testing.assert_close(ours(reference)(ids).hidden, expected, **EXACT)


def test_both_readings_show_the_same_attention_weights():
    reference = reference_bert()
    ids = batch()
    with torch.no_grad():
        expected = reference(ids, RIGHT_PADDED.long(), output_attentions=True).attentions
    given = run_ours(ours(reference), ids, RIGHT_PADDED, need_weights=True).attention_weights
    rows = RIGHT_PADDED[:, None, :, None].expand_as(expected[0])
    assert farthest(given, expected, rows) < 1e-9


def with_scale_of(width):
    def attention(query, key, value, mask=None, bias=None):
        scale = 1 / math.sqrt(width)
        return scaled_dot_product_attention(query, key, value, mask, bias, scale)

    return {"attention": attention}


def mixed_up_groups(query, key, value, mask=None, bias=None):
    """Attention as if head i used key head i modulo their number, not i // group size."""
    groups = [0, 3, 0, 3, 0, 3]
    return scaled_dot_product_attention(query, key[:, groups], value[:, groups], mask, bias)


class TanhFeedForward(FeedForward):
    """The approximation of GELU that GPT-2 was trained with."""

    def forward(self, hidden):
        return self.contract(nn.functional.gelu(self.expand(hidden), approximate="tanh"))


WRONG_LLAMAS = {
    "scale": {"parts": with_scale_of(60)},
    "order of the key heads": {"parts": {"attention": mixed_up_groups}},
    "rotary layout": {"position": "rotary_interleaved"},
    "rotary base": {"rotary_base": 101.0},
    "epsilon": {"norm_epsilon": 1e-5},
}
WRONG_BERTS = {
    "scale": {"parts": with_scale_of(42)},
    "GELU": {"parts": {"feed_forward": TanhFeedForward}},
    "epsilon": {"norm_epsilon": 1e-5},
}


def llama_error(ids, **changes):
    """Return how far ours, built with these changes, is from the reference."""
    reference = exact(reference_llama())
    expected = llama_layers(run_llama(reference, ids, LEFT_PADDED))
    given = run_ours(ours(reference, **changes), ids, LEFT_PADDED)
    return farthest(llama_layers(given), expected, LEFT_PADDED)


def bert_error(ids, **changes):
    """Return how far ours, built with these changes, is from the reference."""
    reference = reference_bert()
    with torch.no_grad():
        expected = reference(ids, RIGHT_PADDED.long(), output_hidden_states=True).hidden_states
    given = run_ours(ours(reference, **changes), ids, RIGHT_PADDED).hidden_states
    return farthest(given, expected, RIGHT_PADDED)


@pytest.mark.parametrize("wrong", WRONG_LLAMAS)
def test_a_wrong_choice_in_llama_is_noticed(wrong):
    assert llama_error(batch(), **WRONG_LLAMAS[wrong]) > 0.1


@pytest.mark.parametrize("wrong", WRONG_BERTS)
def test_a_wrong_choice_in_bert_is_noticed(wrong):
    assert bert_error(batch(), **WRONG_BERTS[wrong]) > 1e-5


def exchanged(weight_map, one, other):
    """Send the weights of one of their modules to the place of the other, and the reverse."""
    modules = dict(weight_map.modules)
    modules[one], modules[other] = modules[other], modules[one]
    return WeightMap(modules=modules, ignored=weight_map.ignored)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("self_attn.q_proj", "self_attn.o_proj"),
        ("self_attn.k_proj", "self_attn.v_proj"),
        ("mlp.gate_proj", "mlp.up_proj"),
        ("input_layernorm", "post_attention_layernorm"),
    ],
)
def test_two_exchanged_rows_of_the_llama_map_are_noticed(one, other):
    layer = "model.layers.{layer}."
    weight_map = exchanged(LLAMA_WEIGHTS, layer + one, layer + other)
    assert llama_error(batch(), weight_map=weight_map) > 0.1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("attention.self.query", "attention.self.key"),
        ("attention.self.value", "attention.output.dense"),
        ("attention.output.LayerNorm", "output.LayerNorm"),
    ],
)
def test_two_exchanged_rows_of_the_bert_map_are_noticed(one, other):
    layer = "encoder.layer.{layer}."
    weight_map = exchanged(BERT_WEIGHTS, layer + one, layer + other)
    assert bert_error(batch(), weight_map=weight_map) > 0.1


@pytest.mark.parametrize("name", [*LLAMA_WEIGHTS.for_layers(3).values()][:-1])
def test_any_changed_weight_of_llama_is_noticed(name):
    reference = exact(reference_llama())
    ids = batch()
    model = ours(reference)
    model.get_parameter(f"{name}.weight").data *= 1.001
    given = run_ours(model, ids, LEFT_PADDED).logits
    expected = run_llama(reference, ids, LEFT_PADDED).logits
    assert farthest([given], [expected], LEFT_PADDED) > 1e-4
