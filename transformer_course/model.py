"""The transformer: a stack of blocks with a head, an encoder, a decoder or both, by one class.

Builds on: stack, heads.  Lacks: a way to learn (training) and to speak (generation).
Source: Vaswani et al. 2017, section 3; initialisation: Radford et al. 2019, section 2.3.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from transformer_course.config import TransformerConfig
from transformer_course.embeddings import TokenEmbedding
from transformer_course.heads import ClassificationHead, LanguageModelHead
from transformer_course.positional import LearnedEncoding
from transformer_course.stack import KeyValueCache, Memory, Parts, StackOutput, TransformerStack

PLUGGABLE = (
    "attention",
    "block",
    "distance_bias",
    "embedding",
    "feed_forward",
    "merge_heads",
    "norm",
    "pooling",
    "rotate",
    "sinusoidal_table",
    "split_heads",
)
"""The parts that can be replaced: `Transformer(config, parts={"attention": my_attention})`."""


@dataclass(frozen=True, kw_only=True)
class TransformerOutput(StackOutput):
    """What the model returns: the stack's output and the head's logits (None without a head)."""

    logits: Tensor | None


class Transformer(nn.Module):
    """A decoder-only, encoder-only or encoder–decoder transformer.

    Args:
        config: Sizes and choices.
        parts: Replacements by name. Functions like those of the package: "attention"
            (`scaled_dot_product_attention`), "rotate", "sinusoidal_table", "distance_bias",
            "split_heads", "merge_heads" and "pooling" (`mean_pooling`). Classes, built and called
            like the package's: "block" (`TransformerBlock`), "embedding" (`TokenEmbedding`),
            "feed_forward" (`FeedForward`) and "norm" (`LayerNorm`). A part that is plugged in is
            the one that is called, everywhere.
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
        self.head = _build_head(config, parts, self._answering_stack().embedding.weight)
        initialise_weights(self, generator)

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
    ) -> TransformerOutput:
        """Run the model.

        Args:
            ids: Token ids.
            padding_mask: True for real tokens; with a cache it covers the cached ones too.
                Positions are counted from each sequence's first real token.
            token_types: Segment of each token; 0 if left out.
            memory: The encoder's answer (`encode`), which an encoder–decoder needs.
            cache: What was read before (`new_cache`): `ids` then hold only what is new.
            need_weights: Whether to return the attention weights.
            need_hidden_states: Whether to return the vectors after every layer.

        Raises:
            ValueError: If ids are not of rank 2, outside the vocabulary or longer than the
                context, the mask does not fit them, or memory or token types are missing or not
                wanted.
        """
        if (memory is None) == (self.encoder is not None and self.decoder is not None):
            raise ValueError(
                f"memory is {'missing' if memory is None else 'given'}; a model of architecture "
                "'encoder_decoder' needs memory=model.encode(source_ids), any other takes none"
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

    def new_cache(self, capacity: int) -> KeyValueCache:
        """Return an empty cache with room for `capacity` tokens.

        Raises:
            ValueError: If the model is an encoder: what it said of earlier tokens changes with
                every new one, so that nothing can be kept.
        """
        if self.decoder is None:
            raise ValueError(
                "architecture='encoder' looks both ways and can keep nothing of what it has read; "
                "give it the whole text at once"
            )
        return KeyValueCache(self.config.num_layers, capacity)

    def num_parameters(self) -> int:
        """Count the numbers that training changes; shared tables count once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def _answering_stack(self) -> TransformerStack:
        stack = self.encoder if self.decoder is None else self.decoder
        if stack is None:
            raise RuntimeError("a Transformer has an encoder, a decoder, or both")
        return stack


def _build_head(
    config: TransformerConfig, parts: Parts, table: nn.Parameter
) -> LanguageModelHead | ClassificationHead | None:
    if config.head == "language_model":
        tied_to = table if config.tie_embedding else None
        return LanguageModelHead(config.d_model, config.vocab_size, tied_to=tied_to)
    if config.head == "classification":
        pooling = parts.get("pooling", config.pooling)
        return ClassificationHead(config.d_model, config.num_classes, pooling)
    return None


def initialise_weights(model: Transformer, generator: torch.Generator | None) -> None:
    """Draw every table and matrix anew; biases and the table of pairs start at 0.

    The last matrix of each sublayer writes into the residual stream, which adds up all of them.
    By the choice "small" (GPT-2's) all start with a standard deviation of 0.02, these smaller by
    √(number of sublayers), so that the sum starts out no larger than one of them. By the choice
    "silent" these start at 0: every block begins by changing nothing and earns its say. The
    others are then half as large as would keep the size of what passes through them.
    """
    silent = model.config.initialisation == "silent"
    sublayers = 2 * model.config.num_layers
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            std = 0.5 / math.sqrt(module.in_features) if silent else 0.02
            if name.endswith(("attention.output", "feed_forward.contract")):
                std = 0.0 if silent else std / math.sqrt(sublayers)
            nn.init.normal_(module.weight, std=std, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, TokenEmbedding | LearnedEncoding):
            std = 0.1 if silent else 0.02
            nn.init.normal_(module.weight, std=std, generator=generator)


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Switch dropout off, and leave the model as it was."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
