"""Lesson 05's claim C8, the arithmetic: shares, the root in the scale, order inside attention.

All of it is computed on random numbers, in a second. What a trained map shows, and what it does
not, is measured in attention_cuts.

Source: Vaswani et al. 2017, section 3.2.1 with its footnote on the variance of scores; Su et al.
2021, section 3.4.2 (rotary); Press et al. 2022, section 3 (ALiBi).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from transformer_course.attention import (
    scaled_dot_product_attention,
    scaled_dot_product_attention_numpy,
)
from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.positional import AlibiBias, RotaryEmbedding, sinusoidal_table

EXACT = 1e-12
"""What float64 leaves of a difference that is 0 on paper."""


@dataclass(frozen=True, kw_only=True)
class WeightSums:
    """How far sums of attention weights are from 1.

    Attributes:
        over_keys: The largest difference over the keys, of any query.
        over_queries: The smallest difference over the queries, of any key: nothing makes it small.
    """

    over_keys: float
    over_queries: float


def weight_sums(seed: int = 0) -> WeightSums:
    """Sum the weights of 5 random queries and 11 random keys along both axes."""
    generator = torch.Generator().manual_seed(seed)
    query, key = (_random((length, 7), generator) for length in (5, 11))
    _, weights = scaled_dot_product_attention(query, key, key)
    return WeightSums(
        over_keys=(weights.sum(-1) - 1).abs().max().item(),
        over_queries=(weights.sum(-2) - 1).abs().min().item(),
    )


@claim_of("C8", weight_sums)
def weights_are_shares(sums: WeightSums) -> Finding:
    """Judge whether each query shares out exactly 1 among the keys."""
    exact, other = below(sums.over_keys, EXACT), above(sums.over_queries, 1e-3)
    return Finding(
        f"a second, random example: what a query gives 11 keys sums to 1 (difference {exact})",
        f"what each key gets from 5 queries does not (difference {other})",
        exact.holds and other.holds,
    )


WIDTHS = (4, 16, 64, 256, 512)
NUM_KEYS = 16
SCALINGS: Mapping[str, Callable[[int], float]] = {
    "1": lambda width: 1.0,  # noqa: ARG005
    "1/√d_k": lambda width: width**-0.5,
    "1/d_k": lambda width: 1 / width,
}


@dataclass(frozen=True, kw_only=True)
class Softness:
    """What becomes of scores and softmax as queries and keys grow wider, by scaling.

    Attributes:
        widths: The widths d_k.
        spread: Standard deviation of the scores, one a width.
        top_weight: Mean largest weight over 16 keys; 1/16 is uniform.
        jacobian: Mean Frobenius norm of softmax's Jacobian: how much the weights still answer to
            a change of the scores, and so how much gradient gets through.
    """

    widths: Sequence[int]
    spread: Mapping[str, Sequence[float]]
    top_weight: Mapping[str, Sequence[float]]
    jacobian: Mapping[str, Sequence[float]]


def softness_by_width(seed: int = 0, num_blocks: int = 1_000) -> Softness:
    """Draw queries and keys from a standard normal and put 256 pairs a block through softmax.

    Args:
        seed: Of all that is drawn.
        num_blocks: Blocks of 16 queries and 16 keys, a width.
    """
    generator = torch.Generator().manual_seed(seed)
    spread: dict[str, list[float]] = {name: [] for name in SCALINGS}
    top_weight: dict[str, list[float]] = {name: [] for name in SCALINGS}
    jacobian: dict[str, list[float]] = {name: [] for name in SCALINGS}
    for width in WIDTHS:
        query, key = (
            torch.randn((num_blocks, NUM_KEYS, width), generator=generator) for _ in range(2)
        )
        scores = query @ key.mT
        for name, factor in SCALINGS.items():
            scaled = scores * factor(width)
            weights = scaled.softmax(-1)
            spread[name].append(scaled.std().item())
            top_weight[name].append(weights.amax(-1).mean().item())
            jacobian[name].append(softmax_jacobian_norm(weights).mean().item())
    return Softness(widths=WIDTHS, spread=spread, top_weight=top_weight, jacobian=jacobian)


def softmax_jacobian_norm(weights: Float[Tensor, "*batch key"]) -> Float[Tensor, "*batch"]:
    """Return the Frobenius norm of softmax's Jacobian, diag(w) − w·wᵀ, without building it."""
    square = weights.square().sum(-1)
    # The diagonal holds w − w², what is off it w·w′: squared and summed, this is left.
    return (square - 2 * weights.pow(3).sum(-1) + square.square()).clamp(min=0).sqrt()


@claim_of("C8", softness_by_width)
def the_root_keeps_softmax_soft(softness: Softness) -> Finding:
    """Judge what the three scalings do to the scores and to the gradient."""
    wide = softness.widths.index(64)
    raw, root, over = (
        {
            "spread": softness.spread[name][wide],
            "top": softness.top_weight[name][wide],
            "widest": softness.jacobian[name][-1],
        }
        for name in SCALINGS
    )
    said = soft, sharp, flat = (
        below(root["top"], 0.26),
        above(raw["top"], 0.8),
        below(over["top"], 0.09),
    )
    return Finding.of(
        f"top weight of {NUM_KEYS} random keys at d_k = 64, scores divided by √d_k: {soft}",
        f"unscaled {sharp}; divided by d_k {flat} (all alike: {1 / NUM_KEYS:.4f})",
        said,
        {
            "spread, unscaled:": above(raw["spread"], 7.8),
            "spread with √d_k, distance from 1:": below(abs(root["spread"] - 1), 0.05),
            "Jacobian at d_k = 512, unscaled:": below(raw["widest"], 0.1),
            "Jacobian at d_k = 512 with √d_k:": above(root["widest"], 0.28),
        },
    )


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The largest differences between attention in numpy and attention in torch, in float64.

    Attributes:
        same: Both by the same formula.
        other_scale: numpy's against torch's with the root of twice the width, as of d_model where
            there are two heads: right in every shape, and wrong.
    """

    same: float
    other_scale: float


def numpy_against_torch(seed: int = 0) -> Agreement:
    """Compute masked attention for a batch of 2 × 3, 5 queries and 7 keys, in both libraries."""
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (
        _random((2, 3, length, width), generator) for length, width in ((5, 11), (7, 11), (7, 13))
    )
    mask = torch.rand((3, 5, 7), generator=generator) < 0.7
    by_numpy = scaled_dot_product_attention_numpy(
        query.numpy(), key.numpy(), value.numpy(), mask.numpy()
    )
    width = query.shape[-1]
    same, other = (
        scaled_dot_product_attention(query, key, value, mask, scale=scale)
        for scale in (None, (2 * width) ** -0.5)
    )
    return Agreement(
        same=_largest_difference(by_numpy, same), other_scale=_largest_difference(by_numpy, other)
    )


def _largest_difference(arrays: Sequence[np.ndarray], tensors: Sequence[Tensor]) -> float:
    return max(
        float(np.abs(array - tensor.numpy()).max())
        for array, tensor in zip(arrays, tensors, strict=True)
    )


@claim_of("C8", numpy_against_torch)
def numpy_and_torch_agree(agreement: Agreement) -> Finding:
    """Judge whether the two libraries compute one and the same thing."""
    same, other = below(agreement.same, EXACT), above(agreement.other_scale, 0.01)
    return Finding(
        f"numpy and torch in a second, random example: largest difference {same}",
        f"with the root of another width: {other}",
        same.holds and other.holds,
    )


LENGTH = 12
ORDER_WIDTH = 16
ROTARY_BASE = 10_000.0
ALIBI_HEADS = 4


@dataclass(frozen=True, kw_only=True)
class OrderInside:
    """What rotary embedding and ALiBi make of attention, in float64.

    Attributes:
        offset_error: How much a rotary score changes, at most, when query and key move together.
        sinusoidal_offset_error: The same where sinusoidal positions are added to both.
        norm_error: How much rotation changes a query's length, at most.
        scores: Scores of one query and one key by position, "rotary" and "sinusoidal":
            (query position, key position).
        last_row: What the last of identical tokens sees of all of them, by "plain", "rotary" and
            "alibi".
    """

    offset_error: float
    sinusoidal_offset_error: float
    norm_error: float
    scores: Mapping[str, Float[Tensor, "query key"]]
    last_row: Mapping[str, Float[Tensor, " key"]]


def order_inside_attention(seed: int = 0) -> OrderInside:
    """Put one query and one key at each of 12 positions; then look at 12 identical tokens."""
    generator = torch.Generator().manual_seed(seed)
    query, key = (
        _random((1, 1, 1, ORDER_WIDTH), generator).expand(1, 1, LENGTH, ORDER_WIDTH)
        for _ in range(2)
    )
    positions = torch.arange(LENGTH)[None]
    rotation = RotaryEmbedding(ORDER_WIDTH, ROTARY_BASE)(positions, torch.float64)
    turned = rotation.apply(query)
    table = sinusoidal_table(LENGTH, ORDER_WIDTH).double()
    scores = {
        "rotary": (turned @ rotation.apply(key).mT)[0, 0],
        "sinusoidal": ((query + table) @ (key + table).mT)[0, 0],
    }
    # A token that looks for tokens like itself, as strong in each pair of numbers.
    same = torch.ones((1, 1, LENGTH, ORDER_WIDTH), dtype=torch.float64)
    turned_same = rotation.apply(same)
    # The first head's slope is the steepest.
    bias = AlibiBias(ALIBI_HEADS)(positions, positions)[:, :1].double()
    rows = {
        "plain": scaled_dot_product_attention(same, same, same)[1],
        "rotary": scaled_dot_product_attention(turned_same, turned_same, same)[1],
        "alibi": scaled_dot_product_attention(same, same, same, bias=bias)[1],
    }
    return OrderInside(
        offset_error=_offset_error(scores["rotary"]),
        sinusoidal_offset_error=_offset_error(scores["sinusoidal"]),
        norm_error=(turned.norm(dim=-1) - query.norm(dim=-1)).abs().max().item(),
        scores=scores,
        last_row={name: weights[0, 0, -1] for name, weights in rows.items()},
    )


def _offset_error(scores: Float[Tensor, "query key"]) -> float:
    """Return by how much scores of one step from query to key differ: along the diagonals."""
    return (scores[1:, 1:] - scores[:-1, :-1]).abs().max().item()


@claim_of("C8", order_inside_attention)
def rotary_and_alibi_bring_order(order: OrderInside) -> Finding:
    """Judge whether both tell identical tokens apart, and rotary by the step between them alone."""
    plain, rotary, alibi = (order.last_row[name] for name in ("plain", "rotary", "alibi"))
    apart = above(min(_range(rotary), _range(alibi)), 0.05)
    alike = below(_range(plain), EXACT)
    return Finding.of(
        f"spread of twelve equal tokens' weights, with RoPE and with ALiBi: {apart}",
        f"without positions: {alike}",
        (apart, alike),
        {
            "a RoPE score, both moved a step, changes by": below(order.offset_error, EXACT),
            "RoPE changes a length by": below(order.norm_error, EXACT),
            "with ALiBi a step nearer adds": above(alibi.diff().min().item(), 0.0),
            "with sinusoids a score of one step changes by": above(
                order.sinusoidal_offset_error, 0.1
            ),
        },
    )


def _range(weights: Float[Tensor, " key"]) -> float:
    return (weights.max() - weights.min()).item()


def _random(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)
