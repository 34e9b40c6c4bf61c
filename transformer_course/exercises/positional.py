"""What lesson 05 asks for last: rotary positions.

Builds on: positional, engine.  Lacks: the lesson on positions itself (04).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING, gradient

rotate = Exercise(
    "positional.rotate",
    lesson="05",
    level=2,
    minutes=8,
    stub="""def rotate(vectors, cosine, sine):
    # vectors (…, length, d_head): number k of the first half pairs with number k of the second
    # cosine, sine (…, length, d_head / 2): of the angle for each position and pair
    # → the vectors, each pair turned by its angle
    ...
""",
    start="Cut the vectors into their two halves: these are the pairs' first and second numbers.",
    hints=(
        "A point (a, b) that is turned by the angle φ becomes (a cos φ − b sin φ, …). What is the "
        "other number?",
        "vectors.chunk(2, dim=-1) gives both halves; every operation then runs over all "
        "positions and pairs at once.",
        "torch.cat puts the two turned halves side by side again, along the last axis. The second "
        "one is a sin φ + b cos φ.",
    ),
    unlocks="From now on lesson 08's model tells its positions with your rotation.",
    mistakes=(
        Mistake(
            "both terms have the same sign, and lengths change",
            "A turn keeps lengths. What does (1, 0) become, and what (0, 1)?",
            {"first * cosine - second * sine": "first * cosine + second * sine"},
            source="trap 16",
        ),
        Mistake(
            "it turns the wrong way round",
            "By 90°, (1, 0) has to become (0, 1), not (0, −1).",
            {
                "first * cosine - second * sine": "first * cosine + second * sine",
                "first * sine + second * cosine": "second * cosine - first * sine",
            },
            source="trap 16",
        ),
        Mistake(
            "sine and cosine are swapped",
            "At position 0 the angle is 0, and nothing may change. What is cos 0?",
            {
                "first * cosine - second * sine": "first * sine - second * cosine",
                "first * sine + second * cosine": "first * cosine + second * sine",
            },
            source="trap 16",
        ),
        Mistake(
            "neighbours are paired, not halves",
            "Both ways of pairing exist. In this function, which number does number 0 go with?",
            {
                "first, second = vectors.chunk(2, dim=-1)": (
                    "first, second = vectors[..., ::2], vectors[..., 1::2]"
                ),
                "return torch.cat(": "return torch.stack(",
                "dim=-1)\n": "dim=-1).flatten(-2)\n",
            },
            source="trap 16",
        ),
        Mistake(
            "the halves change places",
            "Which half does the first turned number belong to?",
            {"first, second = vectors.chunk": "second, first = vectors.chunk"},
            source="trap 16",
        ),
        Mistake(
            "only the first half is turned",
            "What becomes of the second numbers? Look at their formula again.",
            {"first * sine + second * cosine": "second"},
            source="trap 16",
        ),
        Mistake(
            "the first numbers are overwritten before the second ones are made",
            "Both formulas need the old a. Which a does your second line meet?",
            {
                "first * sine + second * cosine": (
                    "(first * cosine - second * sine) * sine + second * cosine"
                )
            },
            source="trap 16",
        ),
    ),
)


@rotate.inputs
def _vectors_and_angles(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(vectors: Any, angles: Any, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
        numbers = (vectors, np.cos(angles), np.sin(angles))
        names = ("vectors", "cosine", "sine")
        return {n: torch.tensor(x, dtype=dtype) for n, x in zip(names, numbers, strict=True)}

    positions = np.arange(4)[:, None] * np.array([1.0, 0.1, 0.01])
    return {
        "(1, 0) by 90°": case([[1.0, 0.0]], [[np.pi / 2]]),
        "one vector of two pairs": case(rng.normal(size=(1, 4)), rng.normal(size=(1, 2))),
        "four positions": case(rng.normal(size=(4, 6)), positions),
        "a batch of 2 × 3": case(rng.normal(size=(2, 3, 4, 6)), positions, torch.float32),
    }


@rotate.probe
def _turned_and_gradient(candidate: Any, *, vectors: Any, cosine: Any, sine: Any) -> dict[str, Any]:
    leaf = vectors.clone().requires_grad_()
    turned = candidate(leaf, cosine, sine)
    return {"turned": turned, "gradient": gradient(turned, leaf)}


@rotate.property("lengths stay")
def _lengths_stay(given: SimpleNamespace, found: Any) -> str | None:
    before, after = (np.linalg.norm(x, axis=-1) for x in (given.vectors, found["turned"]))
    worst = np.unravel_index(np.abs(after - before).argmax(), before.shape)
    if np.abs(after - before).max() <= ROUNDING:
        return None
    return f"a vector of length {before[worst]:.2f} has the length {after[worst]:.2f} afterwards"


@rotate.property("the angle 0 changes nothing")
def _angle_zero(given: SimpleNamespace, found: Any) -> str | None:
    still = (given.cosine == 1).all(-1)
    moved = np.abs(found["turned"] - given.vectors)[..., still, :]
    if not moved.size or moved.max() <= ROUNDING:
        return None
    return f"position 0 has moved by {moved.max():.2f}"


@rotate.workload
def _rotation_in_training(candidate: Any) -> Any:
    vectors = torch.ones(12, 4, 64, 32, requires_grad=True)
    cosine = sine = torch.full((64, 16), 0.5**0.5)
    return candidate(vectors, cosine, sine).sum()
