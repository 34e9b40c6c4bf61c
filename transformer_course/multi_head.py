"""Multi-head attention: several attentions side by side, each in its own slice of the width.

The readable form and the one that models use stand side by side and give the same numbers.

Builds on: attention, positional.  Lacks: norm, residual and feed-forward (blocks).
Source: Vaswani et al. 2017, section 3.2.2; grouped heads: Ainslie et al. 2023, section 2.2;
normalised queries and keys: Henry et al. 2020, section 3; silenced heads: Michel et al. 2019,
section 2.3.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from transformer_course.attention import (
    causal_mask,
    fused_attention,
    scaled_dot_product_attention,
)
from transformer_course.positional import Rotation

AttentionFunction = Callable[..., tuple[Tensor, Tensor]]
SplitFunction = Callable[[Tensor, int], Tensor]
MergeFunction = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class MultiHeadOutput:
    """What multi-head attention returns.

    Attributes:
        output: The heads' answers, merged and projected.
        weights: Who looked at whom, exactly as used; None unless asked for.
    """

    output: Float[Tensor, "batch query d_model"]
    weights: Float[Tensor, "batch head query key"] | None


class LayerCache:
    """The keys and values that one layer has computed so far, so that no token is computed twice.

    Memory for `capacity` tokens is taken once, at the first append.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._stored: Float[Tensor, "2 batch head capacity d_head"] | None = None

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store the newest keys and values and return all of them, oldest first.

        Raises:
            ValueError: If more tokens come than there is room for, or of another batch size.
        """
        end = self.length + key.shape[-2]
        if end > self.capacity:
            raise ValueError(
                f"{end} tokens do not fit a cache of {self.capacity}; build it with capacity={end}"
            )
        if self._stored is None:
            batch, heads, _, d_head = key.shape
            self._stored = key.new_empty(2, batch, heads, self.capacity, d_head)
        if key.shape[0] != self._stored.shape[1]:
            raise ValueError(
                f"batch of {key.shape[0]} does not continue a cache of {self._stored.shape[1]} "
                "sequences; start a new cache for other sequences"
            )
        self._stored[0, :, :, self.length : end] = key
        self._stored[1, :, :, self.length : end] = value
        self.length = end
        return self._stored[0, :, :, :end], self._stored[1, :, :, :end]


def split_heads(
    vectors: Float[Tensor, "batch length width"], num_heads: int
) -> Float[Tensor, "batch {num_heads} length d_head"]:
    """Cut the width into `num_heads` equal slices, one a head.

    Raises:
        ValueError: If the vectors are not of rank 3, or their width does not divide evenly.
    """
    check_rank(vectors, "vectors", ("batch", "length", "width"))
    check_divides("width", vectors.shape[-1], num_heads)
    return vectors.unflatten(2, (num_heads, -1)).transpose(1, 2)


def merge_heads(
    heads: Float[Tensor, "batch head length d_head"],
) -> Float[Tensor, "batch length width"]:
    """Put the heads' slices side by side again: the inverse of `split_heads`.

    Raises:
        ValueError: If the heads are not of rank 4.
    """
    check_rank(heads, "heads", ("batch", "head", "length", "d_head"))
    return heads.transpose(1, 2).flatten(2)


def silence_head(
    output_weight: Float[Tensor, "d_model width"], head: int, num_heads: int
) -> Float[Tensor, "d_model width"]:
    """Return the output projection's weight with one head's columns at 0.

    Column number c multiplies number c of the merged heads, so that a head speaks through its own
    slice of the columns and through no other. Without them the layer computes what it would
    compute if this head handed over zeros.

    Args:
        output_weight: The weight of the output projection, as nn.Linear keeps it; stays as it is.
        head: Number of the head, from 0.
        num_heads: How many there are.

    Raises:
        ValueError: If the heads do not divide the columns, or there is no such head.
    """
    check_head(output_weight.shape[1], head, num_heads)
    d_head = output_weight.shape[1] // num_heads
    silenced = output_weight.clone()
    silenced[:, head * d_head : (head + 1) * d_head] = 0
    return silenced


class MultiHeadSelfAttention(nn.Module):
    """Multi-head self-attention in its shortest form, to be read and written.

    It has the weights of a `MultiHeadAttention`, under the same names, and gives the same numbers.
    What it lacks is what models need besides: padding, positions, a cache, groups, a memory.

    Args:
        d_model: Width of inputs and outputs.
        num_heads: Number of heads; each is d_model / num_heads wide.
        causal: Whether a position may look only at itself and its past.

    Raises:
        ValueError: If the heads do not divide the width.
    """

    def __init__(self, d_model: int, num_heads: int, causal: bool = False) -> None:  # noqa: FBT001, FBT002 (a learner's signature)
        super().__init__()
        check_heads(d_model, num_heads, 1)
        self.num_heads = num_heads
        self.causal = causal
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(
        self, inputs: Float[Tensor, "batch length d_model"]
    ) -> tuple[Float[Tensor, "batch length d_model"], Float[Tensor, "batch head length length"]]:
        """Split, attend, merge; return the output and who looked at whom, head by head."""
        query = split_heads(self.query(inputs), self.num_heads)
        key = split_heads(self.key(inputs), self.num_heads)
        value = split_heads(self.value(inputs), self.num_heads)
        mask = causal_mask(inputs.shape[1]) if self.causal else None
        mixed, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(merge_heads(mixed)), weights


class MultiHeadAttention(nn.Module):
    """Self-attention, or cross-attention when a memory is given, with any number of heads.

    Args:
        d_model: Width of inputs and outputs.
        num_heads: Number of query heads; each is d_model / num_heads wide.
        queries_per_key: How many query heads share one key–value head (1: none do).
        bias: Whether the four projections add a bias.
        causal: Whether a position may look only at itself and its past.
        normalize_query_key: Whether queries and keys are normalised, so that a score is their
            correlation times √d_head and cannot run away.
        attention: The function that mixes values, in place of the course's own; with the
            signature and the results of `scaled_dot_product_attention`.
        split: What cuts the width into heads, in place of `split_heads`.
        merge: What puts the heads together again, in place of `merge_heads`.

    Raises:
        ValueError: If the heads do not divide the width, or the groups the heads.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        queries_per_key: int = 1,
        bias: bool = True,
        causal: bool = False,
        normalize_query_key: bool = False,
        attention: AttentionFunction = scaled_dot_product_attention,
        split: SplitFunction = split_heads,
        merge: MergeFunction = merge_heads,
    ) -> None:
        super().__init__()
        check_heads(d_model, num_heads, queries_per_key)
        self.num_heads = num_heads
        self.num_key_value_heads = num_heads // queries_per_key
        self.queries_per_key = queries_per_key
        self.causal = causal
        self.attention = attention
        self.split = split
        self.merge = merge
        d_head = d_model // num_heads
        key_value_width = self.num_key_value_heads * d_head
        self.query = nn.Linear(d_model, d_model, bias=bias)
        self.key = nn.Linear(d_model, key_value_width, bias=bias)
        self.value = nn.Linear(d_model, key_value_width, bias=bias)
        self.output = nn.Linear(d_model, d_model, bias=bias)
        self.normalize: nn.Module = (
            nn.LayerNorm(d_head, elementwise_affine=False) if normalize_query_key else nn.Identity()
        )

    def forward(
        self,
        inputs: Float[Tensor, "batch query d_model"],
        memory: Float[Tensor, "batch memory d_model"] | None = None,
        *,
        key_mask: Bool[Tensor, "batch key"] | None = None,
        bias: Float[Tensor, "#batch head query key"] | None = None,
        rotation: Rotation | None = None,
        cache: LayerCache | None = None,
        need_weights: bool = False,
    ) -> MultiHeadOutput:
        """Let every input position gather from the positions it may look at.

        Args:
            inputs: Where the queries come from, and keys and values too unless memory is given.
            memory: Where keys and values come from in cross-attention.
            key_mask: True where a key is a real token, False where it is padding.
            bias: Added to the scaled scores.
            rotation: Turns queries and keys by the angles of their positions.
            cache: Earlier keys and values of this layer; the new ones are added to it.
            need_weights: Whether to return the weights, at the price of the fused kernel.
        """
        source = inputs if memory is None else memory
        query = self.normalize(self.split(self.query(inputs), self.num_heads))
        key = self.normalize(self.split(self.key(source), self.num_key_value_heads))
        value = self.split(self.value(source), self.num_key_value_heads)
        if rotation is not None:
            query, key = rotation.apply(query), rotation.apply(key)
        if cache is not None:
            key, value = cache.append(key, value)
        if self.queries_per_key > 1:
            key = key.repeat_interleave(self.queries_per_key, dim=1)
            value = value.repeat_interleave(self.queries_per_key, dim=1)
        mask = self._mask(query.shape[-2], key.shape[-2], key_mask, inputs.device)
        mixed, weights = self._attend(query, key, value, mask, bias, need_weights)
        return MultiHeadOutput(self.output(self.merge(mixed)), weights)

    def _mask(
        self, queries: int, keys: int, key_mask: Tensor | None, device: torch.device
    ) -> Tensor | None:
        """Join the rule about the future with the rule about padding."""
        # A single newest query may look at everything there is: no mask to build.
        future = causal_mask(queries, keys - queries).to(device) if self._hides(queries) else None
        if key_mask is None:
            return future
        padding = key_mask[:, None, None, :]
        return padding if future is None else padding & future

    def _hides(self, queries: int) -> bool:
        return self.causal and queries > 1

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        bias: Tensor | None,
        need_weights: bool,  # noqa: FBT001
    ) -> tuple[Tensor, Tensor | None]:
        if need_weights or self.attention is not scaled_dot_product_attention:
            mixed, weights = self.attention(query, key, value, mask=mask, bias=bias)
            return mixed, weights if need_weights else None
        return fused_attention(query, key, value, mask, bias), None


def check_heads(d_model: int, num_heads: int, queries_per_key: int) -> None:
    """Raise a ValueError that names a width or a number of heads that would fit."""
    check_divides("d_model", d_model, num_heads)
    if queries_per_key < 1 or num_heads % queries_per_key:
        fitting = [size for size in range(1, num_heads + 1) if num_heads % size == 0]
        raise ValueError(
            f"num_heads={num_heads} is not divisible by queries_per_key={queries_per_key}; "
            f"choose one of {fitting}"
        )


def check_divides(name: str, width: int, num_heads: int) -> None:
    """Raise a ValueError that names the nearest widths that so many heads divide."""
    if num_heads < 1:
        raise ValueError(f"num_heads={num_heads} makes no heads; choose 1 or more")
    if width % num_heads:
        lower = width - width % num_heads
        shown = f"{name}={width}" if name == "d_model" else f"{name} {width}"
        raise ValueError(
            f"{shown} is not divisible by num_heads={num_heads}; "
            f"choose {lower or num_heads} or {lower + num_heads}"
        )


def check_head(width: int, head: int, num_heads: int) -> None:
    """Raise a ValueError if the heads do not divide the width, or there is no such head."""
    check_divides("width", width, num_heads)
    if head not in range(num_heads):
        raise ValueError(f"head={head} is none of {num_heads}; choose 0 to {num_heads - 1}")


def check_rank(tensor: Tensor, name: str, axes: tuple[str, ...]) -> None:
    """Raise a ValueError that names the axes that were expected."""
    if tensor.ndim != len(axes):
        raise ValueError(
            f"{name} have shape {tuple(tensor.shape)}, expected ({', '.join(axes)}); "
            "add or take away what differs, a batch of one is [None]"
        )
