"""The transformer: embeddings, positions, a stack of blocks and a head, by one configuration.

One class is a decoder (GPT, Llama), an encoder (BERT) or both (translation). What the parts are
is decided while the model is built; `forward` only calls them in order.

Builds on: config, embeddings, positional, multi_head, heads, blocks.
Lacks: a way to learn (training) and to speak (generation).
Source: Vaswani et al. 2017, section 3; initialisation: Radford et al. 2019, section 2.3.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.blocks import (
    FeedForward,
    GatedFeedForward,
    LayerNorm,
    PostNorm,
    PreNorm,
    Residual,
    RMSNorm,
    TransformerBlock,
)
from transformer_course.config import TransformerConfig
from transformer_course.embeddings import TokenEmbedding
from transformer_course.heads import ClassificationHead, LanguageModelHead
from transformer_course.multi_head import LayerCache, MultiHeadAttention
from transformer_course.positional import (
    AlibiBias,
    LearnedEncoding,
    RotaryEmbedding,
    SinusoidalEncoding,
)

Parts = Mapping[str, Callable[..., Any]]

NORMS: Parts = {"layer_norm": LayerNorm, "rms_norm": RMSNorm}
RESIDUALS: Mapping[str, type[Residual]] = {"pre": PreNorm, "post": PostNorm}
ENCODINGS: Parts = {"sinusoidal": SinusoidalEncoding, "learned": LearnedEncoding}
ROTARY_LAYOUTS = {"rotary": "half", "rotary_interleaved": "interleaved"}
PLUGGABLE = ("attention", "feed_forward", "norm")
"""The parts that can be replaced: `Transformer(config, parts={"attention": my_attention})`."""


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
class TransformerOutput(StackOutput):
    """What the model returns: the stack's output and the head's logits (None without a head)."""

    logits: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What an encoder hands to a decoder: its output, and which positions of it are real."""

    hidden: Float[Tensor, "batch memory d_model"]
    padding_mask: Bool[Tensor, "batch memory"] | None
    encoder: StackOutput


class Transformer(nn.Module):
    """A decoder-only, encoder-only or encoder–decoder transformer.

    Args:
        config: Sizes and choices.
        parts: Replacements by name: "attention" (a function like `scaled_dot_product_attention`),
            "feed_forward" and "norm" (classes whose instances map vectors to vectors, built with
            the arguments of `FeedForward` and `LayerNorm`). A part that is plugged in is the one
            that is called, everywhere.
        generator: Where the initial weights are drawn from.

    Raises:
        ValueError: If a part's name is not one that can be replaced.
    """

    def __init__(
        self,
        config: TransformerConfig,
        *,
        parts: Parts | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        parts = {} if parts is None else parts
        unknown = sorted(set(parts) - set(PLUGGABLE))
        if unknown:
            raise ValueError(f"parts {unknown} are unknown; choose from {list(PLUGGABLE)}")
        self.config = config
        self.encoder = None
        self.decoder = None
        if config.architecture != "decoder":
            self.encoder = TransformerStack(config, parts, causal=False, cross_attention=False)
        if config.architecture != "encoder":
            crossing = config.architecture == "encoder_decoder"
            self.decoder = TransformerStack(config, parts, causal=True, cross_attention=crossing)
        self.head = _build_head(config, self._answering_stack().embedding.weight)
        initialise_weights(self, generator)

    def forward(
        self,
        ids: Int[Tensor, "batch length"],
        *,
        padding_mask: Bool[Tensor, "batch key"] | None = None,
        token_types: Int[Tensor, "batch length"] | None = None,
        memory: Memory | None = None,
        cache: Sequence[LayerCache] | None = None,
        need_weights: bool = False,
        need_hidden_states: bool = False,
    ) -> TransformerOutput:
        """Run the model.

        Args:
            ids: Token ids.
            padding_mask: True for real tokens; with a cache it covers the cached ones too.
                Positions are counted from each sequence's first real token.
            token_types: Segment of each token; 0 if left out.
            memory: The encoder's answer (`encode`), which an encoder–decoder needs.
            cache: One `LayerCache` a layer: `ids` then hold only what is new.
            need_weights: Whether to return the attention weights.
            need_hidden_states: Whether to return the vectors after every layer.

        Raises:
            ValueError: If ids are not of rank 2, outside the vocabulary or longer than the
                context, or memory is missing or not wanted.
        """
        if (memory is not None) != (self.config.architecture == "encoder_decoder"):
            raise ValueError(
                f"memory is {'given' if memory is not None else 'missing'}, but this model is "
                f"of architecture {self.config.architecture!r}; only an encoder_decoder takes "
                "memory=model.encode(source_ids)"
            )
        stack_output = self._answering_stack()(
            ids,
            padding_mask=padding_mask,
            token_types=token_types,
            memory=memory,
            cache=cache,
            need_weights=need_weights,
            need_hidden_states=need_hidden_states,
        )
        new_tokens = None if padding_mask is None else padding_mask[:, -ids.shape[1] :]
        logits = None if self.head is None else self.head(stack_output.hidden, new_tokens)
        return TransformerOutput(**vars(stack_output), logits=logits)

    def encode(
        self,
        source_ids: Int[Tensor, "batch memory"],
        *,
        padding_mask: Bool[Tensor, "batch memory"] | None = None,
        need_weights: bool = False,
    ) -> Memory:
        """Read the source once, for the decoder to look at as often as it likes."""
        if self.config.architecture != "encoder_decoder" or self.encoder is None:
            raise ValueError(
                f"architecture={self.config.architecture!r} has no encoder beside its decoder; "
                "build the model with architecture='encoder_decoder'"
            )
        output = self.encoder(source_ids, padding_mask=padding_mask, need_weights=need_weights)
        return Memory(hidden=output.hidden, padding_mask=padding_mask, encoder=output)

    def new_cache(self, capacity: int) -> list[LayerCache]:
        """Return an empty cache of `capacity` tokens for each layer."""
        return [LayerCache(capacity) for _ in range(self.config.num_layers)]

    def num_parameters(self) -> int:
        """Count the numbers that training changes; shared tables count once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def _answering_stack(self) -> "TransformerStack":
        stack = self.encoder if self.decoder is None else self.decoder
        if stack is None:
            raise RuntimeError("a Transformer has an encoder, a decoder, or both")
        return stack


class TransformerStack(nn.Module):
    """Embeddings, positions, blocks and the last norm: everything but the head."""

    def __init__(
        self, config: TransformerConfig, parts: Parts, *, causal: bool, cross_attention: bool
    ) -> None:
        super().__init__()
        self.context_length = config.context_length
        self.embedding = TokenEmbedding(config.vocab_size, config.d_model)
        self.token_type_embedding = (
            TokenEmbedding(config.num_token_types, config.d_model)
            if config.num_token_types
            else None
        )
        # Of the schemes for positions at most one is there: each enters at another place.
        self.encoding = (
            ENCODINGS[config.position](config.context_length, config.d_model)
            if config.position in ENCODINGS
            else None
        )
        self.rotary = (
            RotaryEmbedding(config.d_head, config.rotary_base, ROTARY_LAYOUTS[config.position])
            if config.position in ROTARY_LAYOUTS
            else None
        )
        self.alibi = AlibiBias(config.num_heads) if config.position == "alibi" else None
        norm = parts.get("norm", NORMS[config.norm])
        self.embedding_norm = (
            norm(config.d_model, config.norm_epsilon) if config.embedding_norm else nn.Identity()
        )
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
        cache: Sequence[LayerCache] | None = None,
        need_weights: bool = False,
        need_hidden_states: bool = False,
    ) -> StackOutput:
        """Run the stack; arguments as in `Transformer.forward`."""
        past = cache[0].length if cache else 0
        self._check(ids, past, padding_mask)
        key_positions = token_positions(past + ids.shape[1], padding_mask).to(ids.device)
        positions = key_positions[:, past:]
        hidden = self.embed(ids, positions, token_types)
        rotation = None if self.rotary is None else self.rotary(positions, hidden.dtype)
        bias = None if self.alibi is None else self.alibi(positions, key_positions)
        states, weights, cross_weights = [hidden], [], []
        for layer, block in enumerate(self.blocks):
            output = block(
                hidden,
                key_mask=padding_mask,
                bias=bias,
                rotation=rotation,
                cache=cache[layer] if cache else None,
                memory=None if memory is None else memory.hidden,
                memory_mask=None if memory is None else memory.padding_mask,
                need_weights=need_weights,
            )
            hidden = output.hidden
            states.append(hidden)
            weights.append(output.weights)
            cross_weights.append(output.cross_weights)
        return StackOutput(
            hidden=self.final_norm(hidden),
            hidden_states=tuple(states) if need_hidden_states else (),
            attention_weights=tuple(w for w in weights if w is not None),
            cross_attention_weights=tuple(w for w in cross_weights if w is not None),
        )

    def embed(
        self, ids: Tensor, positions: Tensor, token_types: Tensor | None
    ) -> Float[Tensor, "batch length d_model"]:
        """Return what enters the first block."""
        hidden = self.embedding(ids)
        if self.token_type_embedding is not None:
            types = torch.zeros_like(ids) if token_types is None else token_types
            hidden = hidden + self.token_type_embedding(types)
        if self.encoding is not None:
            hidden = self.encoding(hidden, positions)
        return self.dropout(self.embedding_norm(hidden))

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
        if padding_mask is not None and tuple(padding_mask.shape) != (ids.shape[0], total):
            raise ValueError(
                f"padding_mask has shape {tuple(padding_mask.shape)}, expected "
                f"{(ids.shape[0], total)}: one entry a token, cached ones included"
            )


def token_positions(
    length: int, padding_mask: Bool[Tensor, "batch key"] | None
) -> Int[Tensor, "#batch key"]:
    """Count 0, 1, 2 … from each sequence's first real token; padding before it gets 0."""
    if padding_mask is None:
        return torch.arange(length)[None]
    return (padding_mask.cumsum(-1) - 1).clamp(min=0)


def build_block(
    config: TransformerConfig, parts: Parts, *, causal: bool, cross_attention: bool
) -> TransformerBlock:
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
        )

    return TransformerBlock(
        attention=attention(causal=causal),
        attention_residual=residual(),
        feed_forward=_build_feed_forward(config, parts),
        feed_forward_residual=residual(),
        cross_attention=attention(causal=False) if cross_attention else None,
        cross_attention_residual=residual() if cross_attention else None,
    )


def _build_feed_forward(config: TransformerConfig, parts: Parts) -> nn.Module:
    if config.feed_forward == "swiglu" and "feed_forward" not in parts:
        return GatedFeedForward(config.d_model, config.d_feed_forward, bias=config.bias)
    build = parts.get("feed_forward", FeedForward)
    return build(config.d_model, config.d_feed_forward, config.feed_forward, bias=config.bias)


def _build_head(
    config: TransformerConfig, table: nn.Parameter
) -> LanguageModelHead | ClassificationHead | None:
    if config.head == "language_model":
        tied_to = table if config.tie_embedding else None
        return LanguageModelHead(config.d_model, config.vocab_size, tied_to=tied_to)
    if config.head == "classification":
        return ClassificationHead(config.d_model, config.num_classes, config.pooling)
    return None


def initialise_weights(model: Transformer, generator: torch.Generator | None) -> None:
    """Draw every table and matrix anew, with a standard deviation of 0.02, biases at 0.

    The last matrix of each sublayer writes into the residual stream, which adds up all of them;
    these start smaller by √(number of sublayers), so that the sum starts out no larger than one.
    """
    sublayers = 2 * model.config.num_layers
    for name, module in model.named_modules():
        writes = name.endswith(("attention.output", "feed_forward.contract"))
        std = 0.02 / math.sqrt(sublayers) if writes else 0.02
        if isinstance(module, nn.Linear | TokenEmbedding | LearnedEncoding):
            nn.init.normal_(module.weight, std=std, generator=generator)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
