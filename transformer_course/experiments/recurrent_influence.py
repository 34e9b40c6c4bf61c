"""Lesson 01's claim C3: whom does a place listen to, by gradient and by swapping what is read?

Two maps of the same model. The Jacobian asks what an endless small change of a letter's vector
would do; the swap puts another letter there and looks. They agree where a model is smooth, and part
where a state has latched: it holds what it read, and no small change moves it.

Builds on: recurrent_readers.  Lacks: pictures (recurrent_plots).
Source: Bengio et al. 1994, abstract: latching for long against learning by gradients.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.device import one_thread
from transformer_course.experiments.recurrent_readers import (
    FIRST_LETTERS,
    OTHER_LETTERS,
    Distances,
    Readers,
    recall,
    sample_letters,
    teach,
)

DISTANCE = 23
"""Of the maps: from the first of 24 letters to the last."""
TOO_FAR = 50
"""Of the one that fails: at this distance alone an RNN does not learn."""
NEAR = 3
NUM_SEQUENCES = 8
NUM_STEPS = 300

UNTRAINED_RNN, TRAINED_RNN, FAILED_RNN = "RNN, untrained", "RNN, trained", "RNN that failed"
UNTRAINED_ATTENTION, TRAINED_ATTENTION = "attention, untrained", "attention, trained"


@dataclass(frozen=True, kw_only=True)
class InfluenceMap:
    """Shares of influence: a row for each place that is asked, a column for each letter read.

    Attributes:
        jacobian: By the length of the Jacobian, the scores by a letter's vector.
        swap: By how far the scores move when the letter is swapped for another of its kind.
        accuracy: Share of first letters that the model names at the last place.
    """

    jacobian: Float[Tensor, "asked read"]
    swap: Float[Tensor, "asked read"]
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Influence:
    """The maps of five models, by name."""

    maps: Mapping[str, InfluenceMap]


def measure_influence(seed: int = 0, *, num_steps: int = NUM_STEPS) -> Influence:
    """Map an RNN and an attention layer, untrained and trained, and an RNN that failed.

    The two that are trained get distances of 1 to 23; the one that failed gets 50 alone.

    Args:
        seed: Of weights, batches and sequences.
        num_steps: The most optimiser steps that each gets.
    """
    mixed = Distances(shortest=1, longest=DISTANCE)
    only_far = Distances(shortest=TOO_FAR, longest=TOO_FAR)
    models: Mapping[str, tuple[str, Distances | None]] = {
        UNTRAINED_RNN: ("RNN", None),
        TRAINED_RNN: ("RNN", mixed),
        FAILED_RNN: ("RNN", only_far),
        UNTRAINED_ATTENTION: ("attention", None),
        TRAINED_ATTENTION: ("attention", mixed),
    }
    maps = {}
    for name, (kind, distances) in models.items():
        generator = torch.Generator().manual_seed(seed)
        readers = Readers(kind, None, generator)
        if distances is not None:
            teach(readers, distances, generator, num_steps)
        maps[name] = map_influence(readers, seed)
    return Influence(maps=maps)


def map_influence(readers: Readers, seed: int = 0) -> InfluenceMap:
    """Draw up both maps of one model: the mean over eight sequences."""
    generator = torch.Generator().manual_seed(2_000_000 + seed)
    ids = sample_letters((NUM_SEQUENCES,), DISTANCE, generator)
    with one_thread():
        return InfluenceMap(
            jacobian=_mean_shares(jacobian_norms(readers, ids)),
            swap=_mean_shares(swap_effects(readers, ids)),
            accuracy=recall(readers, DISTANCE, seed)[0],
        )


def jacobian_norms(
    readers: Readers, ids: Int[Tensor, "batch length"]
) -> Float[Tensor, "batch length length"]:
    """Return the length of the Jacobian of each place's scores by each letter's vector.

    Each sequence stands there once for each place, and each copy is asked at its own place: one
    way back a score then gives a whole map.
    """
    batch, length = ids.shape
    inputs = readers.embed(ids).detach().repeat_interleave(length, 0).requires_grad_()
    places = torch.arange(length).repeat(batch)
    scores = readers.score(inputs)[torch.arange(batch * length), places]
    squares = torch.zeros(batch * length, length)
    for score in scores.sum(0):
        (gradient,) = torch.autograd.grad(score, inputs, retain_graph=True)
        squares += gradient.square().sum(-1)
    return squares.sqrt().view(batch, length, length)


@torch.inference_mode()
def swap_effects(
    readers: Readers, ids: Int[Tensor, "batch length"]
) -> Float[Tensor, "batch length length"]:
    """Return how far each place's scores move when a letter is swapped, the mean over others."""
    before = readers(ids)
    columns = [_swap(readers, ids, before, place) for place in range(ids.shape[1])]
    return torch.stack(columns, -1)


def _swap(
    readers: Readers, ids: Int[Tensor, "batch length"], before: Tensor, place: int
) -> Float[Tensor, "batch length"]:
    """Put each other letter of its kind at one place of every sequence."""
    first_other = len(FIRST_LETTERS) if place else 0
    count = len(OTHER_LETTERS) if place else len(FIRST_LETTERS)
    moved = torch.zeros_like(before[..., 0])
    for shift in range(1, count):
        changed = ids.clone()
        changed[:, place] = first_other + (ids[:, place] - first_other + shift) % count
        moved += (readers(changed) - before).norm(dim=-1)
    return moved / (count - 1)


def _mean_shares(influence: Float[Tensor, "batch length length"]) -> Float[Tensor, "length length"]:
    """Turn each row into shares of 1, and average over sequences."""
    total = influence.sum(-1, keepdim=True)
    return (influence / total.masked_fill(total == 0, 1)).mean(0)


@claim_of("C3", measure_influence)
def maps_say_whom_a_place_knows(found: Influence) -> Finding:
    """Judge what the last of 24 places knows: its neighbours, all alike, or the first letter."""
    rows = {name: (one.jacobian[-1], one.swap[-1]) for name, one in found.maps.items()}
    near = {name: [row[-NEAR:].sum().item() for row in pair] for name, pair in rows.items()}
    first = {name: [row[0].item() for row in pair] for name, pair in rows.items()}
    right = {name: one.accuracy for name, one in found.maps.items()}
    bounds = (
        above(min(near[UNTRAINED_RNN]), 0.7),
        below(max(near[UNTRAINED_ATTENTION]), 0.4),
        above(min(first[TRAINED_ATTENTION]), 0.3),
        above(first[TRAINED_RNN][1], 0.5),
        above(min(near[FAILED_RNN]), 0.5),
        below(max(first[FAILED_RNN]), 0.1),
        above(min(right[TRAINED_RNN], right[TRAINED_ATTENTION]), 0.9),
        below(right[FAILED_RNN], 0.4),
    )
    return Finding(
        f"of what moves the last of 24 places, the nearest three have: untrained RNN {bounds[0]}, "
        f"untrained attention {bounds[1]}; trained, the first letter has: attention {bounds[2]}, "
        f"RNN {bounds[3]} by swapping (both recall {bounds[6]})",
        f"an RNN that failed (recall {bounds[7]}): nearest three {bounds[4]}, first {bounds[5]}",
        all(bound.holds for bound in bounds),
    )


@claim_of("C3", measure_influence)
def the_jacobian_is_not_memory(found: Influence) -> Finding:
    """Judge whether the two maps part for the trained RNN, and agree for the untrained one."""
    trained, untrained = found.maps[TRAINED_RNN], found.maps[UNTRAINED_RNN]
    gap = (trained.swap[-1, 0] - trained.jacobian[-1, 0]).item()
    apart = (untrained.swap[-1] - untrained.jacobian[-1]).abs().max().item()
    bounds = above(gap, 0.3), below(apart, 0.2), above(trained.accuracy, 0.9)
    return Finding(
        f"a trained RNN (recall {bounds[2]}): swapping gives the first letter a share that is "
        f"{bounds[0]} larger than by Jacobian",
        f"untrained, the two maps' last rows differ {bounds[1]} at most",
        all(bound.holds for bound in bounds),
    )
