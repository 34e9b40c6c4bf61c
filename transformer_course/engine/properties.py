"""What many exercises look at: rows that sum to 1, masked weights, gradients.

Builds on: plain.  Lacks: what only one exercise asks for.
"""

from typing import Any

import numpy as np
import torch

from transformer_course.engine.plain import describe, plain

ROUNDING = 1e-4
FINE_ROUNDING = 5e-11
"""What float64 may miss by where scores are large; less than any number added to a total."""


def worst_row(weights: Any, mask: Any) -> str | None:
    """Say which row of weights does not sum to 1, or to 0 where it may look nowhere."""
    sums = weights.sum(-1)
    wanted = np.ones_like(sums) if mask is None else np.broadcast_to(mask.any(-1), sums.shape)
    miss = np.abs(sums - wanted)
    if np.isnan(sums).any():
        row = np.argwhere(np.isnan(sums))[0]
        return f"row {int(row[-1])} holds nan"
    if miss.max() <= (FINE_ROUNDING if sums.dtype == np.float64 else ROUNDING):
        return None
    place = np.unravel_index(miss.argmax(), miss.shape)
    row = f"row {int(place[-1])}"
    if wanted[place] == 0:
        return f"{row} may look nowhere, and yet its weights sum to {sums[place]:.2f}, not to 0"
    if miss.max() <= ROUNDING:
        return (
            f"{row} of the weights misses 1 by {miss.max():.1g}, which is more than rounding in "
            "float64 (a number that is added to every total may do it)"
        )
    return f"{row} of the weights sums to {sums[place]:.2f}"


def leak(weights: Any, mask: Any) -> str | None:
    """Say how much weight lies on keys that are masked."""
    if mask is None:
        return None
    hidden = np.where(np.broadcast_to(mask, weights.shape), 0, np.abs(weights))
    return None if hidden.max() == 0 else f"a masked key has the weight {hidden.max():.2g}"


def gradient(result: Any, *leaves: Any) -> Any:
    """Return how an uneven sum of a result changes with each of the leaves, None if it does not.

    Args:
        result: A tensor, or something that is none, which changes with nothing.
        leaves: Tensors that require gradients.
    """
    if not (isinstance(result, torch.Tensor) and result.requires_grad):
        return None
    uneven = torch.linspace(1, 2, result.numel(), dtype=result.dtype).view(result.shape)
    return list(torch.autograd.grad((result * uneven).sum(), leaves, allow_unused=True))


def other_than(names: tuple[str, ...], result: Any) -> str | None:
    """Say what came back where several results are asked for, if it is not as many as these.

    Left to Python, one result in the place of two would be taken apart along its first axis.
    """
    if isinstance(result, tuple | list) and len(result) == len(names):
        return None
    asked = " and ".join(f"`{name}`" for name in names)
    return f"it returns {describe(plain(result))}; {asked} are asked for"
