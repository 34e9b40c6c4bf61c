"""Weight maps, configurations and rotary layouts of pretrained models, without any reference.

That the result computes what it should is test_pretrained's business.
"""

import dataclasses

import pytest
import torch

from transformer_course.model import Transformer
from transformer_course.pretrained import (
    BERT_WEIGHTS,
    LLAMA_WEIGHTS,
    bert_config,
    half_to_interleaved,
    interleaved_to_half,
    llama_config,
    load_weights,
)


def test_permuted_rows_are_the_interleaved_ones():
    rows = torch.arange(12)[:, None].float()
    assert half_to_interleaved(rows, 2)[:, 0].tolist() == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]


@pytest.mark.parametrize("num_heads", [1, 3, 5])
@pytest.mark.parametrize("rest", [(), (7,)], ids=["bias", "weight"])
def test_permutation_and_its_inverse_cancel(num_heads, rest):
    rows = torch.randn(30, *rest)
    there = half_to_interleaved(rows, num_heads)
    assert not torch.equal(there, rows)
    torch.testing.assert_close(interleaved_to_half(there, num_heads), rows, rtol=0, atol=0)
    back = interleaved_to_half(rows, num_heads)
    torch.testing.assert_close(half_to_interleaved(back, num_heads), rows, rtol=0, atol=0)


@pytest.mark.parametrize("permute", [half_to_interleaved, interleaved_to_half])
@pytest.mark.parametrize("num_heads", [0, 4, 10])
def test_rows_that_make_no_pairs_are_refused(permute, num_heads):
    with pytest.raises(ValueError, match=rf"30 rows do not make num_heads={num_heads} heads"):
        permute(torch.zeros(30, 7), num_heads)


MINILM = {
    "hidden_act": "gelu",
    "hidden_size": 384,
    "intermediate_size": 1536,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 6,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 30522,
}
SMOLLM = {
    "hidden_act": "silu",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "rms_norm_eps": 1e-5,
    "rope_scaling": None,
    "rope_theta": 100_000,
    "tie_word_embeddings": True,
    "vocab_size": 49_152,
}


@pytest.mark.parametrize(
    ("make", "fields", "parameters"),
    # The published sizes; MiniLM's 22,713,216 include a pooler of 384 · 385.
    [(bert_config, MINILM, 22_713_216 - 384 * 385), (llama_config, SMOLLM, 134_515_008)],
    ids=["MiniLM", "SmolLM2"],
)
def test_real_models_have_as_many_parameters_as_published(make, fields, parameters):
    with torch.device("meta"):
        assert Transformer(make(fields)).num_parameters() == parameters


def test_llama_without_groups_or_a_word_on_tying_has_neither():
    fields = {
        name: value
        for name, value in SMOLLM.items()
        if name not in ("num_key_value_heads", "tie_word_embeddings")
    }
    config = llama_config(fields)
    assert (config.queries_per_key, config.tie_embedding) == (1, False)


def test_the_rotary_base_is_found_in_both_places():
    table = {"rope_type": "default", "rope_theta": 11.0}
    assert llama_config(SMOLLM).rotary_base == 100_000
    assert llama_config(SMOLLM | {"rope_parameters": table}).rotary_base == 11.0


@pytest.mark.parametrize(
    ("make", "fields", "name"),
    [
        (bert_config, MINILM, "layer_norm_eps"),
        (llama_config, SMOLLM, "hidden_size"),
        (llama_config, SMOLLM, "rope_theta"),
    ],
)
def test_a_config_that_lacks_a_field_is_refused(make, fields, name):
    with pytest.raises(ValueError, match=rf"has no '{name}'; give all fields of its config.json"):
        make({key: value for key, value in fields.items() if key != name})


@pytest.mark.parametrize(
    ("make", "fields", "changes"),
    [
        (bert_config, MINILM, {"hidden_act": "gelu_new"}),
        (bert_config, MINILM, {"position_embedding_type": "relative_key"}),
        (bert_config, MINILM, {"is_decoder": True}),
        (llama_config, SMOLLM, {"hidden_act": "gelu"}),
        (llama_config, SMOLLM, {"attention_bias": True}),
        (llama_config, SMOLLM, {"mlp_bias": True}),
        (llama_config, SMOLLM, {"head_dim": 128}),
        (llama_config, SMOLLM, {"rope_scaling": {"type": "linear", "factor": 2.0}}),
        (llama_config, SMOLLM, {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5}}),
    ],
)
def test_a_model_of_another_kind_is_refused(make, fields, changes):
    with pytest.raises(ValueError, match=r"config has .+ and only .+ fits this weight map"):
        make(fields | changes)


SMALL_LLAMA = SMOLLM | {
    "hidden_size": 30,
    "intermediate_size": 23,
    "max_position_embeddings": 13,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "num_key_value_heads": 1,
    "vocab_size": 97,
}
SMALL_BERT = MINILM | {
    "hidden_size": 30,
    "intermediate_size": 23,
    "max_position_embeddings": 13,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "vocab_size": 97,
}


def small_llama(**changes):
    return Transformer(dataclasses.replace(llama_config(SMALL_LLAMA), **changes))


def weights_under_their_names(model, weight_map):
    theirs = {ours: name for name, ours in weight_map.for_layers(2).items()}
    weights = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        module, _, kind = name.rpartition(".")
        weights[f"{theirs[module]}.{kind}"] = torch.randn_like(parameter)
    return weights


def llama_weights():
    weights = weights_under_their_names(small_llama(), LLAMA_WEIGHTS)
    return weights | {"lm_head.weight": weights["model.embed_tokens.weight"]}


def test_the_weights_take_the_models_own_dtype():
    weights = {name: weight.half() for name, weight in llama_weights().items()}
    model = load_weights(small_llama(), weights, LLAMA_WEIGHTS)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    expected = weights["model.norm.weight"].float()
    torch.testing.assert_close(model.decoder.final_norm.weight, expected, rtol=0, atol=0)


def test_a_tied_model_needs_no_weights_for_its_head():
    weights = llama_weights()
    del weights["lm_head.weight"]
    model = load_weights(small_llama(), weights, LLAMA_WEIGHTS)
    assert model.head.projection.weight is model.decoder.embedding.weight


def test_two_tables_do_not_fit_a_model_that_ties_them():
    weights = llama_weights() | {"lm_head.weight": torch.randn(97, 30)}
    with pytest.raises(ValueError, match=r"differ from the embedding's.+tie_embedding=False"):
        load_weights(small_llama(), weights, LLAMA_WEIGHTS)


def test_an_ignored_weight_may_be_there_or_not():
    model = Transformer(bert_config(SMALL_BERT))
    weights = weights_under_their_names(model, BERT_WEIGHTS)
    load_weights(model, weights, BERT_WEIGHTS)
    more = {"embeddings.position_ids": torch.arange(13), "pooler.dense.bias": torch.zeros(30)}
    load_weights(model, weights | more, BERT_WEIGHTS)


def without(name):
    return {key: value for key, value in llama_weights().items() if key != name}


def with_another(name, shape):
    return llama_weights() | {name: torch.zeros(shape)}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda: without("model.norm.weight"), r"1 missing \(decoder\.final_norm\.weight\)"),
        (
            lambda: without("model.embed_tokens.weight"),
            r"1 missing \(decoder\.embedding\.weight\)",
        ),
        (
            lambda: with_another("model.norm.bias", 30),
            r"1 without a place \(decoder\.final_norm\.bias\)",
        ),
        (lambda: with_another("model.layers.2.mlp.up_proj.weight", 2), r"1 without a place"),
        (lambda: with_another("loose", 1), r"1 without a place \(loose\)"),
        (
            lambda: with_another("model.norm.weight", 31),
            r"1 of another shape \(decoder\.final_norm\.weight \(31,\) instead of \(30,\)\)",
        ),
        (dict, r"20 missing \((\S+, ){3}…\); build the model from the config"),
    ],
    ids=["missing", "embedding", "bias", "layer", "loose", "shape", "empty"],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_copied(weights, message):
    model = small_llama()
    before = model.decoder.embedding.weight.clone()
    with pytest.raises(ValueError, match=message):
        load_weights(model, weights(), LLAMA_WEIGHTS)
    torch.testing.assert_close(model.decoder.embedding.weight, before, rtol=0, atol=0)


def test_pre_norm_weights_do_not_fit_post_norm():
    with pytest.raises(ValueError, match=r"1 without a place \(decoder\.final_norm\.weight\)"):
        load_weights(small_llama(norm_order="post"), llama_weights(), LLAMA_WEIGHTS)
