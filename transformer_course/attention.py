"""Scaled dot-product attention: each query takes a weighted mean of the values.

The readable path and the fast ones stand side by side and give the same numbers: written out in
torch, the same in numpy, and torch's fused kernel, which never stores the weights.

Builds on: positional.  Lacks: several heads (multi_head), learned projections (multi_head).
Source: Vaswani et al. 2017, section 3.2.1, equation 1.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def causal_mask(length: int, past: int = 0) -> Bool[Tensor, "{length} {past+length}"]:
    """Allow each query to look at itself and at what came before, never ahead.

    Args:
        length: Number of queries.
        past: Number of keys that came before the first query (those a cache holds).

    Returns:
        True where the query (row) may attend to the key (column).
    """
    return torch.ones(length, past + length, dtype=torch.bool).tril(past)


def masked_softmax(
    scores: Float[Tensor, "*batch query key"],
    mask: Bool[Tensor, "*#batch #query key"] | None = None,
) -> Float[Tensor, "*batch query key"]:
    """Turn scores into weights over the keys that sum to 1, exactly 0 where the mask is False.

    A query that may look at no key at all gets zeros, where a plain softmax would give NaN.
    """
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    # Softmax is the same after subtracting any constant; the largest score keeps exp in range.
    largest = scores.detach().amax(-1, keepdim=True)
    exponentials = (scores - largest.masked_fill(largest == -math.inf, 0.0)).exp()
    total = exponentials.sum(-1, keepdim=True)
    return exponentials / total.masked_fill(total == 0, 1.0)


def scaled_dot_product_attention(
    query: Float[Tensor, "*batch query d_head"],
    key: Float[Tensor, "*batch key d_head"],
    value: Float[Tensor, "*batch key d_value"],
    mask: Bool[Tensor, "*#batch #query key"] | None = None,
    bias: Float[Tensor, "*#batch #query key"] | None = None,
    scale: float | None = None,
) -> tuple[Float[Tensor, "*batch query d_value"], Float[Tensor, "*batch query key"]]:
    """Compute softmax(query · keyᵀ · scale + bias) · value, written out for reading.

    Args:
        query: What each position asks for.
        key: What each position can be asked for.
        value: What each position answers.
        mask: True where a query may attend to a key; leave out to attend everywhere.
        bias: Added to the scaled scores (ALiBi enters here).
        scale: Factor on the scores; 1/√d_head if left out, which keeps the variance of the scores
            of random queries and keys at 1, so that softmax starts out neither flat nor frozen.

    Returns:
        The output and the weights. A query without any allowed key gets zeros in both.

    Raises:
        ValueError: If the shapes do not fit one another or the mask is not boolean.
    """
    check_attention_shapes(query, key, value, mask)
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1])
    scores = query @ key.transpose(-2, -1) * scale
    if bias is not None:
        scores = scores + bias
    weights = masked_softmax(scores, mask)
    return weights @ value, weights


def fused_attention(
    query: Float[Tensor, "*batch query d_head"],
    key: Float[Tensor, "*batch key d_head"],
    value: Float[Tensor, "*batch key d_value"],
    mask: Bool[Tensor, "*#batch #query key"] | None = None,
    bias: Float[Tensor, "*#batch #query key"] | None = None,
) -> Float[Tensor, "*batch query d_value"]:
    """Compute the same output with torch's fused kernel.

    It walks over the keys in blocks and keeps a running softmax, so the (query, key) table of
    weights is never written to memory: quicker, and the reason why it cannot return the weights.

    Raises:
        ValueError: If the shapes do not fit one another or the mask is not boolean.
    """
    check_attention_shapes(query, key, value, mask)
    if bias is not None:
        mask = bias if mask is None else bias.masked_fill(~mask, -math.inf)
    return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def scaled_dot_product_attention_numpy(
    query: npt.NDArray[np.floating],
    key: npt.NDArray[np.floating],
    value: npt.NDArray[np.floating],
    mask: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Compute attention in numpy: the same formula for those who have not met torch.

    Arguments and results as in `scaled_dot_product_attention`, for arrays.
    """
    scores = query @ np.swapaxes(key, -2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    largest = scores.max(axis=-1, keepdims=True)
    exponentials = np.exp(scores - np.where(np.isneginf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    weights = exponentials / np.where(total == 0, 1, total)
    return weights @ value, weights


def check_attention_shapes(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> None:
    """Raise a ValueError that names the two shapes that do not fit."""
    given = f"query {_shape(query)}, key {_shape(key)}, value {_shape(value)}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"{given}: each needs at least the axes (length, width); add what lacks")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"{given}: query width {query.shape[-1]} differs from key width {key.shape[-1]}; "
            "project both to the same d_head"
        )
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"{given}: {key.shape[-2]} keys but {value.shape[-2]} values; "
            "every key needs exactly one value"
        )
    if mask is None:
        return
    if mask.dtype != torch.bool:
        raise ValueError(
            f"mask has dtype {mask.dtype}, expected torch.bool with True where a query may attend; "
            "for numbers to add to the scores use bias="
        )
    table = (query.shape[-2], key.shape[-2])
    if mask.ndim < 2 or mask.shape[-1] != table[1] or mask.shape[-2] not in (1, table[0]):
        raise ValueError(
            f"mask {_shape(mask)} does not fit {table[0]} queries and {table[1]} keys; "
            f"its last two axes must be {table}"
        )


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
