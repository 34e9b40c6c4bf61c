"""The sizes and choices that make a `Transformer`: one frozen, self-checking description.

Builds on: multi_head, blocks.  Lacks: the model itself (model).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from transformer_course.blocks import ACTIVATIONS
from transformer_course.heads import POOLINGS
from transformer_course.multi_head import check_heads

CHOICES: Mapping[str, tuple[str, ...]] = {
    "architecture": ("decoder", "encoder", "encoder_decoder"),
    "position": ("none", "sinusoidal", "learned", "rotary", "rotary_interleaved", "alibi"),
    "norm": ("layer_norm", "rms_norm", "plain_layer_norm"),
    "norm_order": ("pre", "post"),
    "feed_forward": (*ACTIVATIONS, "swiglu"),
    "head": ("language_model", "classification", "none"),
    "pooling": tuple(POOLINGS),
    "initialisation": ("small", "silent"),
}


Described = TypeVar("Described", bound="PlainData")


class PlainData:
    """To and from plain dictionaries, for dataclasses that are kept in files."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain data, to be written as JSON."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls: type[Described], values: Mapping[str, Any]) -> Described:
        """Build the object that `to_dict` described.

        Raises:
            ValueError: If fields are missing or unknown, as in a file of another version.
        """
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        if set(values) != known:
            raise ValueError(
                f"this {cls.__name__} was written by another version of the course: missing "
                f"{sorted(known - set(values))}, unknown {sorted(set(values) - known)}; "
                "train again, or use the version that wrote it"
            )
        # JSON knows no tuples.
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(PlainData):
    """What a transformer is made of.

    Attributes:
        vocab_size: Number of tokens.
        context_length: Longest sequence, in tokens.
        d_model: Width of the vectors that run through the model.
        num_layers: Number of blocks (of each stack in an encoder–decoder).
        num_heads: Number of query heads.
        d_feed_forward: Width inside the feed-forward layers.
        architecture: "decoder" (causal), "encoder" (looks both ways) or "encoder_decoder".
        position: How order enters; the two rotary layouts are told apart in `RotaryEmbedding`.
        rotary_base: Base of the rotary frequencies.
        queries_per_key: How many query heads share one key–value head.
        normalize_query_key: Whether queries and keys are brought to one length.
        norm: "layer_norm", "rms_norm", or "plain_layer_norm" (nothing learned).
        norm_order: "pre" (norms before the sublayers, one at the end) or "post" (after the sums).
        norm_epsilon: Added inside the norms' root.
        embedding_norm: Whether the embeddings are normalised before the first block.
        num_token_types: Size of the table of segment types added to the embeddings (0: none).
        pair_embedding_rows: Size of the table of pairs added to the embeddings (0: none).
        mix_previous: Whether each embedding is mixed with the one before it.
        feed_forward: The activation's name, or "swiglu".
        bias: Whether linear layers inside the blocks add a bias.
        dropout: Share of every sublayer's update that training drops.
        head: "language_model", "classification" or "none".
        tie_embedding: Whether the language-model head scores with the embedding's own table.
        num_classes: Number of classes of the classification head.
        pooling: How the classification head sums a sequence up.
        initialisation: "small" or "silent"; see `initialise_weights`.

    Raises:
        ValueError: If a size is not positive, a name is unknown, or two choices do not fit.
    """

    vocab_size: int
    context_length: int
    d_model: int
    num_layers: int
    num_heads: int
    d_feed_forward: int
    architecture: str = "decoder"
    position: str = "learned"
    rotary_base: float = 10_000.0
    queries_per_key: int = 1
    normalize_query_key: bool = False
    norm: str = "layer_norm"
    norm_order: str = "pre"
    norm_epsilon: float = 1e-5
    embedding_norm: bool = False
    num_token_types: int = 0
    pair_embedding_rows: int = 0
    mix_previous: bool = False
    feed_forward: str = "gelu"
    bias: bool = True
    dropout: float = 0.0
    head: str = "language_model"
    tie_embedding: bool = True
    num_classes: int = 0
    pooling: str = "mean"
    initialisation: str = "small"

    def __post_init__(self) -> None:
        self._check_sizes()
        for field, names in CHOICES.items():
            if getattr(self, field) not in names:
                raise ValueError(
                    f"{field}={getattr(self, field)!r} is unknown; choose one of {list(names)}"
                )
        check_heads(self.d_model, self.num_heads, self.queries_per_key)
        if self.position.startswith("rotary") and self.d_head % 2:
            raise ValueError(
                f"d_model={self.d_model} over num_heads={self.num_heads} makes d_head="
                f"{self.d_head}, and rotary embedding turns pairs; choose an even d_head"
            )
        if (self.head == "classification") != (self.num_classes > 0):
            raise ValueError(
                f"num_classes={self.num_classes} does not fit head={self.head!r}; give the number "
                "of classes together with head='classification', and 0 with any other head"
            )

    def _check_sizes(self) -> None:
        for field in (
            "vocab_size",
            "context_length",
            "d_model",
            "num_layers",
            "num_heads",
            "d_feed_forward",
            "queries_per_key",
            "rotary_base",
            "norm_epsilon",
        ):
            if not getattr(self, field) > 0:
                raise ValueError(f"{field}={getattr(self, field)} must be above 0")
        for field in ("num_token_types", "pair_embedding_rows"):
            if getattr(self, field) < 0:
                raise ValueError(f"{field}={getattr(self, field)} must be 0 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} is outside [0, 1); choose 0 to drop nothing")

    @property
    def d_head(self) -> int:
        """Width of one head."""
        return self.d_model // self.num_heads
