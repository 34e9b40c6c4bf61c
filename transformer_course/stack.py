"""The stack: embeddings, positions and blocks, everything of a transformer but its head.

What the parts are is decided while the stack is built, by one configuration; `forward` only calls
them in order.

Builds on: config, embeddings, positional, multi_head, blocks.
Lacks: a head, and a partner in an encoder–decoder (model).
Source: Vaswani et al. 2017, section 3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.blocks import (
    CrossAttentionBlock,
    FeedForward,
    FusedLayerNorm,
    GatedFeedForward,
    PlainNorm,
    PostNorm,
    PreNorm,
    Residual,
    RMSNorm,
    TransformerBlock,
)
from transformer_course.config import TransformerConfig
from transformer_course.embeddings import PairEmbedding, PreviousMixing, TokenEmbedding
from transformer_course.multi_head import (
    LayerCache,
    MultiHeadAttention,
    merge_heads,
    split_heads,
)
from transformer_course.positional import (
    AlibiBias,
    LearnedEncoding,
    RotaryEmbedding,
    SinusoidalEncoding,
    distance_bias,
    rotate,
    sinusoidal_table,
)

Parts = Mapping[str, Callable[..., Any]]

NORMS: Parts = {"layer_norm": FusedLayerNorm, "rms_norm": RMSNorm, "plain_layer_norm": PlainNorm}
RESIDUALS: Mapping[str, type[Residual]] = {"pre": PreNorm, "post": PostNorm}
ROTARY_LAYOUTS = {"rotary": "half", "rotary_interleaved": "interleaved"}


@dataclass(frozen=True, kw_only=True)
class StackOutput:
    """What a stack of blocks returns; the tuples are empty unless asked for.

    Attributes:
        hidden: The last vectors, after the final norm.
        hidden_states: The embeddings, then the vectors after each block.
        attention_weights: Self-attention of each layer, exactly as used.
        cross_attention_weights: Cross-attention of each layer that has one.
    """

    hidden: Float[Tensor, "batch length d_model"]
    hidden_states: tuple[Float[Tensor, "batch length d_model"], ...] = ()
    attention_weights: tuple[Float[Tensor, "batch head length key"], ...] = ()
    cross_attention_weights: tuple[Float[Tensor, "batch head length memory"], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What an encoder hands to a decoder: its output, and which positions of it are real."""

    hidden: Float[Tensor, "batch memory d_model"]
    padding_mask: Bool[Tensor, "batch memory"] | None
    encoder: StackOutput


class KeyValueCache:
    """What a model keeps of the text it has read, so that only new tokens need to be computed.

    Attributes:
        layers: The keys and values of each layer.
        last_ids: The last token of each sequence; None before the first.
        last_embedding: Its vector, as it enters the first block unmixed; None before the first.
    """

    def __init__(self, num_layers: int, capacity: int) -> None:
        self.layers = [LayerCache(capacity) for _ in range(num_layers)]
        self.last_ids: Int[Tensor, "batch 1"] | None = None
        self.last_embedding: Float[Tensor, "batch 1 d_model"] | None = None

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.layers[0].length


class TransformerStack(nn.Module):
    """Embeddings, positions, blocks and the last norm: everything but the head."""

    def __init__(
        self, config: TransformerConfig, parts: Parts, *, causal: bool, cross_attention: bool
    ) -> None:
        super().__init__()
        self.context_length = config.context_length
        embedding = parts.get("embedding", TokenEmbedding)
        self.embedding = embedding(config.vocab_size, config.d_model)
        self.token_type_embedding = (
            TokenEmbedding(config.num_token_types, config.d_model)
            if config.num_token_types
            else None
        )
        self.pair_embedding = (
            PairEmbedding(config.pair_embedding_rows, config.d_model)
            if config.pair_embedding_rows
            else None
        )
        # Of the schemes for positions at most one is there: each enters at another place.
        self.encoding = build_encoding(config, parts)
        self.rotary = (
            RotaryEmbedding(
                config.d_head,
                config.rotary_base,
                ROTARY_LAYOUTS[config.position],
                parts.get("rotate", rotate),
            )
            if config.position in ROTARY_LAYOUTS
            else None
        )
        self.alibi = (
            AlibiBias(config.num_heads, parts.get("distance_bias", distance_bias))
            if config.position == "alibi"
            else None
        )
        norm = parts.get("norm", NORMS[config.norm])
        self.embedding_norm = (
            norm(config.d_model, config.norm_epsilon) if config.embedding_norm else nn.Identity()
        )
        self.previous_mixing = PreviousMixing(config.d_model) if config.mix_previous else None
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            build_block(config, parts, causal=causal, cross_attention=cross_attention)
            for _ in range(config.num_layers)
        )
        self.final_norm = (
            norm(config.d_model, config.norm_epsilon)
            if config.norm_order == "pre"
            else nn.Identity()
        )

    def forward(
        self,
        ids: Int[Tensor, "batch length"],
        *,
        padding_mask: Bool[Tensor, "batch key"] | None = None,
        token_types: Int[Tensor, "batch length"] | None = None,
        memory: Memory | None = None,
        cache: KeyValueCache | None = None,
        need_weights: bool = False,
        need_hidden_states: bool = False,
    ) -> StackOutput:
        """Run the stack; arguments as in `Transformer.forward`."""
        past = 0 if cache is None else cache.length
        self._check(ids, past, padding_mask)
        key_positions = token_positions(past + ids.shape[1], padding_mask).to(ids.device)
        positions = key_positions[:, past:]
        hidden = self.embed(ids, positions, token_types)
        if self.pair_embedding is not None:
            hidden = hidden + self.pair_embedding(ids, previous_tokens(ids, padding_mask, cache))
        hidden = self.embedding_norm(hidden)
        if self.previous_mixing is not None:
            previous = previous_vectors(hidden, padding_mask, cache)
            if cache is not None:
                cache.last_embedding = hidden[:, -1:]
            hidden = self.previous_mixing(hidden, previous)
        hidden = self.dropout(hidden)
        rotation = None if self.rotary is None else self.rotary(positions, hidden.dtype)
        bias = None if self.alibi is None else self.alibi(positions, key_positions)
        reading = (
            {} if memory is None else {"memory": memory.hidden, "memory_mask": memory.padding_mask}
        )
        states, weights, cross_weights = [hidden], [], []
        for layer, block in enumerate(self.blocks):
            hidden, seen, *seen_of_memory = block(
                hidden,
                **reading,
                need_weights=need_weights,
                key_mask=padding_mask,
                bias=bias,
                rotation=rotation,
                cache=None if cache is None else cache.layers[layer],
            )
            states.append(hidden)
            weights.append(seen)
            cross_weights.extend(seen_of_memory)
        if cache is not None:
            cache.last_ids = ids[:, -1:]
        return StackOutput(
            hidden=self.final_norm(hidden),
            hidden_states=tuple(states) if need_hidden_states else (),
            attention_weights=tuple(w for w in weights if w is not None),
            cross_attention_weights=tuple(w for w in cross_weights if w is not None),
        )

    def embed(
        self,
        ids: Int[Tensor, "batch length"],
        positions: Int[Tensor, "#batch length"],
        token_types: Int[Tensor, "batch length"] | None,
    ) -> Float[Tensor, "batch length d_model"]:
        """Add up what token, segment and position have to say."""
        hidden = self.embedding(ids)
        if token_types is not None and self.token_type_embedding is None:
            raise ValueError(
                "token_types are given, but this model has no table for them; leave them out, or "
                "build it with num_token_types"
            )
        if self.token_type_embedding is not None:
            types = torch.zeros_like(ids) if token_types is None else token_types
            hidden = hidden + self.token_type_embedding(types)
        if self.encoding is not None:
            hidden = self.encoding(hidden, positions)
        return hidden

    def _check(self, ids: Tensor, past: int, padding_mask: Tensor | None) -> None:
        if ids.ndim != 2 or 0 in ids.shape:
            raise ValueError(
                f"ids have shape {tuple(ids.shape)}, expected (batch, length) with at least one "
                "token; for a single sequence give ids[None]"
            )
        total = past + ids.shape[1]
        if total > self.context_length:
            raise ValueError(
                f"{total} tokens do not fit the context of {self.context_length}; shorten the "
                "input or build the model with a longer context_length"
            )
        expected = ((ids.shape[0], total), torch.bool)
        if padding_mask is not None and (padding_mask.shape, padding_mask.dtype) != expected:
            raise ValueError(
                f"padding_mask has shape {tuple(padding_mask.shape)} and dtype "
                f"{padding_mask.dtype}, expected {expected[0]} and torch.bool: True where a token "
                "is real, one entry a token, cached ones included"
            )


def previous_tokens(
    ids: Int[Tensor, "batch length"],
    padding_mask: Bool[Tensor, "batch key"] | None,
    cache: KeyValueCache | None,
) -> Int[Tensor, "batch length"]:
    """Return the token before each token: −1 at the start of a text, as after padding."""
    before_first = None if cache is None else cache.last_ids
    if before_first is None:
        before_first = ids.new_full((len(ids), 1), -1)
    previous = torch.cat((before_first, ids[:, :-1]), dim=1)
    if padding_mask is None:
        return previous
    return previous.masked_fill(~follows_real(padding_mask, ids.shape[1]), -1)


def previous_vectors(
    hidden: Float[Tensor, "batch length d_model"],
    padding_mask: Bool[Tensor, "batch key"] | None,
    cache: KeyValueCache | None,
) -> Float[Tensor, "batch length d_model"]:
    """Return the vector before each vector: 0 at the start of a text, as after padding."""
    before_first = None if cache is None else cache.last_embedding
    if before_first is None:
        before_first = torch.zeros_like(hidden[:, :1])
    previous = torch.cat((before_first, hidden[:, :-1]), dim=1)
    if padding_mask is None:
        return previous
    return previous.masked_fill(~follows_real(padding_mask, hidden.shape[1])[..., None], 0)


def follows_real(
    padding_mask: Bool[Tensor, "batch key"], length: int
) -> Bool[Tensor, "batch {length}"]:
    """Tell for each of the last `length` tokens whether the one before it is a real one."""
    return nn.functional.pad(padding_mask, (1, 0))[:, -length - 1 : -1]


def token_positions(
    length: int, padding_mask: Bool[Tensor, "batch key"] | None
) -> Int[Tensor, "#batch key"]:
    """Count 0, 1, 2 … from each sequence's first real token; padding before it gets 0."""
    if padding_mask is None:
        return torch.arange(length)[None]
    return (padding_mask.cumsum(-1) - 1).clamp(min=0)


def build_encoding(config: TransformerConfig, parts: Parts) -> nn.Module | None:
    """Choose what is added to the embeddings for their positions, once; None if nothing is."""
    if config.position == "sinusoidal":
        make_table = parts.get("sinusoidal_table", sinusoidal_table)
        return SinusoidalEncoding(config.context_length, config.d_model, make_table)
    if config.position == "learned":
        return LearnedEncoding(config.context_length, config.d_model)
    return None


def build_block(
    config: TransformerConfig, parts: Parts, *, causal: bool, cross_attention: bool
) -> nn.Module:
    """Choose the parts of one block, once."""
    norm = parts.get("norm", NORMS[config.norm])

    def residual() -> Residual:
        return RESIDUALS[config.norm_order](
            norm(config.d_model, config.norm_epsilon), config.dropout
        )

    def attention(*, causal: bool) -> MultiHeadAttention:
        return MultiHeadAttention(
            config.d_model,
            config.num_heads,
            queries_per_key=config.queries_per_key,
            bias=config.bias,
            causal=causal,
            normalize_query_key=config.normalize_query_key,
            attention=parts.get("attention", scaled_dot_product_attention),
            split=parts.get("split_heads", split_heads),
            merge=parts.get("merge_heads", merge_heads),
        )

    def block(attention: MultiHeadAttention) -> nn.Module:
        return parts.get("block", TransformerBlock)(
            attention=attention,
            attention_residual=residual(),
            feed_forward=_build_feed_forward(config, parts),
            feed_forward_residual=residual(),
        )

    if not cross_attention:
        return block(attention(causal=causal))
    return CrossAttentionBlock(
        attention=attention(causal=causal),
        attention_residual=residual(),
        memory_block=block(attention(causal=False)),
    )


def _build_feed_forward(config: TransformerConfig, parts: Parts) -> nn.Module:
    if config.feed_forward == "swiglu" and "feed_forward" not in parts:
        return GatedFeedForward(config.d_model, config.d_feed_forward, bias=config.bias)
    build = parts.get("feed_forward", FeedForward)
    return build(config.d_model, config.d_feed_forward, config.feed_forward, bias=config.bias)
