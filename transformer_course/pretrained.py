"""Pretrained weights: what other libraries call them, and where they belong in `Transformer`.

A pretrained model is a bag of named arrays and a handful of sizes. For two families, BERT and
Llama, this module turns the sizes into a `TransformerConfig` and the names into ours; the model
class is the one that trains on Shakespeare.

Builds on: config, model, downloads.  Lacks: a tokenizer of our own for them; Llama's files.
Source: Devlin et al. 2019, section 3 (BERT); Touvron et al. 2023, section 2.2 (Llama); names as
in the library `transformers`; MiniLM: Wang et al. 2020, and the card of all-MiniLM-L6-v2.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import safetensors.torch
import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor

from transformer_course.config import TransformerConfig
from transformer_course.downloads import read_cached
from transformer_course.model import Transformer, TransformerOutput
from transformer_course.stack import Parts


@dataclass(frozen=True, kw_only=True)
class WeightMap:
    """Where the weights of a model family belong.

    Attributes:
        modules: Their name of a module to ours; `{layer}` stands for the number of a block. The
            weight and bias inside a module are called so on both sides.
        ignored: Their weights that have no place in ours and are left out knowingly.
    """

    modules: Mapping[str, str]
    ignored: frozenset[str] = frozenset()

    def for_layers(self, num_layers: int) -> dict[str, str]:
        """Return the map of a model of this depth, with a row for each module of each block."""
        return {
            theirs.format(layer=layer): ours.format(layer=layer)
            for layer in range(num_layers)
            for theirs, ours in self.modules.items()
        }


BERT_WEIGHTS = WeightMap(
    modules={
        "embeddings.word_embeddings": "encoder.embedding",
        "embeddings.position_embeddings": "encoder.encoding",
        "embeddings.token_type_embeddings": "encoder.token_type_embedding",
        "embeddings.LayerNorm": "encoder.embedding_norm",
        "encoder.layer.{layer}.attention.self.query": "encoder.blocks.{layer}.attention.query",
        "encoder.layer.{layer}.attention.self.key": "encoder.blocks.{layer}.attention.key",
        "encoder.layer.{layer}.attention.self.value": "encoder.blocks.{layer}.attention.value",
        "encoder.layer.{layer}.attention.output.dense": "encoder.blocks.{layer}.attention.output",
        "encoder.layer.{layer}.attention.output.LayerNorm": (
            "encoder.blocks.{layer}.attention_residual.norm"
        ),
        "encoder.layer.{layer}.intermediate.dense": "encoder.blocks.{layer}.feed_forward.expand",
        "encoder.layer.{layer}.output.dense": "encoder.blocks.{layer}.feed_forward.contract",
        "encoder.layer.{layer}.output.LayerNorm": (
            "encoder.blocks.{layer}.feed_forward_residual.norm"
        ),
    },
    # The numbers 0, 1, 2 …, and a layer for a task of BERT's own training.
    ignored=frozenset({"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"}),
)

LLAMA_WEIGHTS = WeightMap(
    modules={
        "model.embed_tokens": "decoder.embedding",
        "model.layers.{layer}.input_layernorm": "decoder.blocks.{layer}.attention_residual.norm",
        "model.layers.{layer}.self_attn.q_proj": "decoder.blocks.{layer}.attention.query",
        "model.layers.{layer}.self_attn.k_proj": "decoder.blocks.{layer}.attention.key",
        "model.layers.{layer}.self_attn.v_proj": "decoder.blocks.{layer}.attention.value",
        "model.layers.{layer}.self_attn.o_proj": "decoder.blocks.{layer}.attention.output",
        "model.layers.{layer}.post_attention_layernorm": (
            "decoder.blocks.{layer}.feed_forward_residual.norm"
        ),
        "model.layers.{layer}.mlp.gate_proj": "decoder.blocks.{layer}.feed_forward.gate",
        "model.layers.{layer}.mlp.up_proj": "decoder.blocks.{layer}.feed_forward.expand",
        "model.layers.{layer}.mlp.down_proj": "decoder.blocks.{layer}.feed_forward.contract",
        "model.norm": "decoder.final_norm",
        "lm_head": "head.projection",
    },
)


def bert_config(fields: Mapping[str, Any]) -> TransformerConfig:
    """Turn the fields of a BERT model's config.json into ours; dropout is left at 0.

    Raises:
        ValueError: If a size is missing, or the model is not of the kind that `BERT_WEIGHTS` maps.
    """
    fields = _Fields(fields)
    _require(fields, hidden_act="gelu", position_embedding_type="absolute", is_decoder=False)
    return TransformerConfig(
        architecture="encoder",
        vocab_size=fields["vocab_size"],
        context_length=fields["max_position_embeddings"],
        d_model=fields["hidden_size"],
        num_layers=fields["num_hidden_layers"],
        num_heads=fields["num_attention_heads"],
        d_feed_forward=fields["intermediate_size"],
        num_token_types=fields["type_vocab_size"],
        norm_epsilon=fields["layer_norm_eps"],
        position="learned",
        norm="layer_norm",
        norm_order="post",
        embedding_norm=True,
        feed_forward="gelu",
        bias=True,
        head="none",
    )


def llama_config(fields: Mapping[str, Any]) -> TransformerConfig:
    """Turn the fields of a Llama model's config.json into ours.

    The rotary layout is "half", as `transformers` stores the weights.

    Raises:
        ValueError: If a size is missing, or the model is not of the kind that `LLAMA_WEIGHTS`
            maps: heads of a width of their own, biases, stretched rotary angles.
    """
    fields = _Fields(fields)
    num_heads = fields["num_attention_heads"]
    # Older files have the rotary base on the top level, newer ones in a table of its own.
    rotary = _Fields(fields.get("rope_parameters") or fields)
    _require(fields, hidden_act="silu", attention_bias=False, mlp_bias=False, rope_scaling=None)
    _require(fields, head_dim=fields["hidden_size"] // num_heads)
    _require(rotary, rope_type="default")
    return TransformerConfig(
        architecture="decoder",
        vocab_size=fields["vocab_size"],
        context_length=fields["max_position_embeddings"],
        d_model=fields["hidden_size"],
        num_layers=fields["num_hidden_layers"],
        num_heads=num_heads,
        queries_per_key=num_heads // (fields.get("num_key_value_heads") or num_heads),
        d_feed_forward=fields["intermediate_size"],
        norm_epsilon=fields["rms_norm_eps"],
        rotary_base=rotary["rope_theta"],
        position="rotary",
        norm="rms_norm",
        norm_order="pre",
        feed_forward="swiglu",
        bias=False,
        head="language_model",
        tie_embedding=fields.get("tie_word_embeddings", False),
    )


def load_weights(
    model: Transformer, weights: Mapping[str, Tensor], weight_map: WeightMap
) -> Transformer:
    """Copy pretrained weights into the model, each to its place and to the model's own dtype.

    Args:
        model: Built from the config that belongs to the weights.
        weights: Their state dict. Where the model ties its embedding, the head's copy of the
            table may be left out.
        weight_map: `BERT_WEIGHTS`, `LLAMA_WEIGHTS` or one like them.

    Returns:
        The same model.

    Raises:
        ValueError: If a weight of ours is not given, one of theirs has no place and is not
            ignored, or a shape differs; nothing has been copied then.
    """
    given, left_over = _rename(weights, weight_map.for_layers(model.config.num_layers))
    wanted = dict(model.named_parameters())
    if model.config.head == "language_model" and model.config.tie_embedding:
        _check_tied(given)
        given.pop("head.projection.weight", None)
    problems = {
        "missing": sorted(set(wanted) - set(given)),
        "without a place": sorted((left_over - weight_map.ignored) | (set(given) - set(wanted))),
        "of another shape": [
            f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
            for name in sorted(set(wanted) & set(given))
            if given[name].shape != wanted[name].shape
        ],
    }
    if any(problems.values()):
        found = "; ".join(_count(kind, names) for kind, names in problems.items() if names)
        raise ValueError(
            f"the weights do not fit the model: {found}; build the model from the config that "
            "came with these weights, and load them with the map of their family"
        )
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(given[name])
    return model


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a model made of one text.

    Attributes:
        tokens: What the text was cut into, with what the tokenizer puts in front and behind.
        output: Of the model, for a batch of one: vectors and attention weights of every layer.
    """

    tokens: tuple[str, ...]
    output: TransformerOutput


@dataclass(frozen=True, kw_only=True)
class PretrainedEncoder:
    """A model with its trained weights, and the tokenizer that it was trained with.

    Attributes:
        model: The course's own class, in evaluation mode.
        tokenizer: Of the library `tokenizers`; it neither pads nor cuts texts off.
    """

    model: Transformer
    tokenizer: Tokenizer

    @torch.inference_mode()
    def read(self, text: str) -> Reading:
        """Have the model read a text.

        Raises:
            ValueError: If the text has more tokens than the model's context has room for.
        """
        encoded = self.tokenizer.encode(text)
        output = self.model(torch.tensor([encoded.ids]), need_weights=True, need_hidden_states=True)
        return Reading(tokens=tuple(encoded.tokens), output=output)


def load_minilm(*, parts: Parts | None = None) -> PretrainedEncoder:
    """Build all-MiniLM-L6-v2, an encoder of sentences, from the files that were fetched.

    Args:
        parts: Replacements in the model, as `Transformer` takes them.

    Raises:
        FileNotFoundError: If the files were not fetched; says what to run.
        ValueError: If a file is damaged; says which, and what to run.
    """
    files = read_cached("minilm")
    model = Transformer(bert_config(json.loads(files["config.json"])), parts=parts)
    load_weights(model, safetensors.torch.load(files["model.safetensors"]), BERT_WEIGHTS)
    tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode("utf-8"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return PretrainedEncoder(model=model.eval(), tokenizer=tokenizer)


def half_to_interleaved(
    rows: Float[Tensor, "width *rest"], num_heads: int
) -> Float[Tensor, "width *rest"]:
    """Reorder query or key rows from rotary pairs (k, k + d_head/2) to pairs (2k, 2k + 1).

    This is the order in which GGUF files store them, to be used with position
    "rotary_interleaved". Queries and keys are permuted alike, so their dot products stay.

    Args:
        rows: Weight (or bias) of the query or key projection.
        num_heads: Number of heads that these rows make: of the queries, or of the keys.

    Raises:
        ValueError: If the rows do not make that many heads of an even width.
    """
    _check_pairs(rows, num_heads)
    return rows.unflatten(0, (num_heads, 2, -1)).transpose(1, 2).flatten(0, 2)


def interleaved_to_half(
    rows: Float[Tensor, "width *rest"], num_heads: int
) -> Float[Tensor, "width *rest"]:
    """Undo `half_to_interleaved`: arguments and errors are the same."""
    _check_pairs(rows, num_heads)
    return rows.unflatten(0, (num_heads, -1, 2)).transpose(1, 2).flatten(0, 2)


class _Fields(dict[str, Any]):
    """The fields of a config.json, where looking up one that is not there says so."""

    def __missing__(self, name: str) -> NoReturn:
        raise ValueError(f"the model's config has no {name!r}; give all fields of its config.json")


def _require(fields: Mapping[str, Any], **expected: object) -> None:
    for name, value in expected.items():
        given = fields.get(name)
        if given is not None and given != value:
            raise ValueError(
                f"the model's config has {name}={given!r}, and only {value!r} fits this weight "
                "map; choose another model, or write a map for this one"
            )


def _rename(
    weights: Mapping[str, Tensor], modules: Mapping[str, str]
) -> tuple[dict[str, Tensor], set[str]]:
    """Return the weights under our names, and their names that the map does not know."""
    renamed: dict[str, Tensor] = {}
    unknown = set()
    for name, tensor in weights.items():
        module, _, parameter = name.rpartition(".")
        if module in modules:
            renamed[f"{modules[module]}.{parameter}"] = tensor
        else:
            unknown.add(name)
    return renamed, unknown


def _check_tied(given: Mapping[str, Tensor]) -> None:
    table = given.get("decoder.embedding.weight")
    scores = given.get("head.projection.weight")
    if table is not None and scores is not None and not torch.equal(table, scores):
        raise ValueError(
            "the head's weights differ from the embedding's, and this model ties the two; "
            "build it with tie_embedding=False"
        )


def _count(kind: str, names: list[str]) -> str:
    return f"{len(names)} {kind} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"


def _check_pairs(rows: Tensor, num_heads: int) -> None:
    if num_heads < 1 or rows.shape[0] % (2 * num_heads):
        raise ValueError(
            f"{rows.shape[0]} rows do not make num_heads={num_heads} heads of an even width; "
            "give the number of heads of this matrix (keys may have fewer than queries)"
        )
