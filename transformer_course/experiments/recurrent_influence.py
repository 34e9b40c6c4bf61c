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
NUM_STATES = 256
NUM_STEPS = 300

UNTRAINED_RNN, TRAINED_RNN, FAILED_RNN = "RNN, untrained", "RNN, trained", "RNN, taught 50 only"
UNTRAINED_ATTENTION, TRAINED_ATTENTION = "attention, untrained", "attention, trained"


@dataclass(frozen=True, kw_only=True)
class InfluenceMap:
    """Shares of influence: a row for each place that is asked, a column for each letter read.

    Attributes:
        jacobian: By the length of the Jacobian, the scores by a letter's vector.
        swap: By how far the scores move when the letter is swapped for another of its kind.
        accuracy: Share of first letters that the model names at the last place.
        spread: How far its last states lie from the mean of those with the same first letter, as a
            share of the least distance between two of these four means.
    """

    jacobian: Float[Tensor, "asked read"]
    swap: Float[Tensor, "asked read"]
    accuracy: float
    spread: float


@dataclass(frozen=True, kw_only=True)
class Influence:
    """The maps of five models, by name."""

    maps: Mapping[str, InfluenceMap]


def measure_influence(seed: int = 0, *, num_steps: int = NUM_STEPS) -> Influence:
    """Map an RNN and an attention layer, untrained and trained, and an RNN that failed.

    The two that are trained get distances of 1 to 23; the one that fails gets 50 alone.

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
            spread=spread_of_states(readers, seed),
        )


@torch.inference_mode()
def spread_of_states(readers: Readers, seed: int = 0) -> float:
    """Return how far the last states scatter around four means, against how far these are apart."""
    generator = torch.Generator().manual_seed(3_000_000 + seed)
    ids = sample_letters((NUM_STATES,), DISTANCE, generator)
    states, first = readers.states(readers.embed(ids))[:, -1], ids[:, 0]
    means = torch.stack([states[first == one].mean(0) for one in range(len(FIRST_LETTERS))])
    return float((states - means[first]).norm(dim=-1).mean() / torch.pdist(means).min())


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
def untrained_the_saying_holds(found: Influence) -> Finding:
    """Judge whether an untrained RNN knows its neighbours, and attention all letters alike."""
    rnn, attention = (_near(found.maps[name]) for name in (UNTRAINED_RNN, UNTRAINED_ATTENTION))
    bounds = above(min(rnn), 0.7), below(max(attention), 0.4)
    return Finding(
        "untrained, the nearest three of 24 letters have a share of what moves the last place: "
        f"RNN {bounds[0]}",
        f"attention {bounds[1]}",
        all(bound.holds for bound in bounds),
    )


@claim_of("C3", measure_influence)
def trained_both_know_the_first(found: Influence) -> Finding:
    """Judge whether attention and RNN, once trained, answer to the first letter above all."""
    attention, rnn = found.maps[TRAINED_ATTENTION], found.maps[TRAINED_RNN]
    failed = found.maps[FAILED_RNN]
    bounds = (
        above(min(_first(attention)), 0.3),
        above(_first(rnn)[1], 0.5),
        above(min(rnn.accuracy, attention.accuracy), 0.9),
        below(failed.accuracy, 0.4),
        below(max(_first(failed)), 0.1),
        above(min(_near(failed)), 0.5),
    )
    return Finding(
        f"trained (recall {bounds[2]}), the first letter has: attention {bounds[0]}, RNN "
        f"{bounds[1]} by swapping",
        f"an RNN that failed (recall {bounds[3]}): first {bounds[4]}, nearest three {bounds[5]}",
        all(bound.holds for bound in bounds),
    )


def _near(maps: InfluenceMap) -> list[float]:
    """Return the nearest letters' shares at the last place, by Jacobian and by swap."""
    return [shares[-1, -NEAR:].sum().item() for shares in (maps.jacobian, maps.swap)]


def _first(maps: InfluenceMap) -> list[float]:
    """Return the first letter's shares at the last place, by Jacobian and by swap."""
    return [shares[-1, 0].item() for shares in (maps.jacobian, maps.swap)]


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


@claim_of("C3", measure_influence)
def its_state_has_snapped(found: Influence) -> Finding:
    """Judge whether a trained RNN's last states lie in four heaps, one for each first letter."""
    trained, untrained = found.maps[TRAINED_RNN], found.maps[UNTRAINED_RNN]
    bounds = below(trained.spread, 0.2), above(untrained.spread, 1)
    return Finding(
        "a trained RNN's last states lie in four heaps, one a first letter: scatter "
        f"{bounds[0]} of the way to the next heap",
        f"untrained {bounds[1]}",
        all(bound.holds for bound in bounds),
    )


ALL_OF_C3 = (
    untrained_the_saying_holds,
    trained_both_know_the_first,
    the_jacobian_is_not_memory,
    its_state_has_snapped,
)
"""The claims on these maps, in the order in which the lesson makes them."""
