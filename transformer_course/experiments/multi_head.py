"""Lesson 06's claim C9 on models of this course: heads with roles, and what each of them is worth.

A model that continues repeated text has heads of clear roles; a model of Shakespeare has none.
Heads that start alike stay alike. The promised heads of a real model are sought in
multi_head_minilm.

Source: Olsson et al. 2022 (heads by role); Michel et al. 2019, section 3.2 (most heads of trained
models can go one by one).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.experiments.fitting import fit, one_thread
from transformer_course.experiments.multi_head_repeats import (
    TRAINING,
    RepeatedText,
    build_repeater,
    load_repeater,
    repeat_loss,
    repeated_text,
    sample_repeats,
)
from transformer_course.experiments.multi_head_scores import (
    ROLES,
    SilenceFunction,
    ablation_costs,
    attention_layers,
    best,
    role_chances,
    role_scores,
    without_heads,
)
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer
from transformer_course.multi_head import silence_head

NUM_TEXTS = 64
INDUCTION = 0.5
"""A head that puts more than this where induction looks is called an induction head here."""


@dataclass(frozen=True, kw_only=True)
class HeadTable:
    """Where a model's heads look, and what it costs to go without each.

    Attributes:
        scores: By role, the mean weight on what the role looks at.
        chances: By role, what looking back everywhere alike would score.
        costs: By how much the loss rises without each head, in nats.
        loss: The loss with all heads.
    """

    scores: Mapping[str, Float[Tensor, "layer head"]]
    chances: Mapping[str, float]
    costs: Float[Tensor, "layer head"]
    loss: float

    def highest(self, role: str) -> float:
        """Return the best score that any head reaches in a role."""
        return self.scores[role].max().item()

    def heads_above(self, role: str, limit: float) -> list[tuple[int, int]]:
        """Return the heads, by layer and number, that score above a limit in a role."""
        return [(layer, head) for layer, head in (self.scores[role] > limit).nonzero().tolist()]


@torch.no_grad()
def head_table(
    model: Transformer,
    inputs: Int[Tensor, "batch length"],
    targets: Int[Tensor, "batch length"],
    silence: SilenceFunction = silence_head,
) -> HeadTable:
    """Score a model's heads by role and ablate each in turn.

    Args:
        model: One that looks back only.
        inputs: Texts.
        targets: What is to come after each token.
        silence: What sets a head's columns to 0, in place of `silence_head`.
    """

    def loss() -> float:
        return cross_entropy(model(inputs).logits, targets).item()

    with one_thread():
        weights = model(inputs, need_weights=True).attention_weights
        return HeadTable(
            scores=role_scores(weights, inputs),
            chances=role_chances(inputs),
            costs=ablation_costs(model, loss, silence),
            loss=loss(),
        )


@dataclass(frozen=True, kw_only=True)
class Repeaters:
    """Models that continue repeated text: the trained one, and what it is compared with.

    Attributes:
        trained: Two layers, trained.
        without_induction: The loss of that model without all its induction heads at once.
        untrained: Two layers with the weights that they start from.
        one_layer: One layer, trained as long.
    """

    trained: HeadTable
    without_induction: float
    untrained: HeadTable
    one_layer: HeadTable


def repeats_for_reading(seed: int = 0) -> RepeatedText:
    """Draw the texts that heads are judged by."""
    return repeated_text(NUM_TEXTS, torch.Generator().manual_seed(seed + 1_000))


def read_repeaters(seed: int = 0, silence: SilenceFunction = silence_head) -> Repeaters:
    """Score and ablate the heads of the kept models on fresh texts.

    Args:
        seed: Of the texts, and of the untrained weights.
        silence: What sets a head's columns to 0, in place of `silence_head`.
    """
    text = repeats_for_reading(seed)
    model = load_repeater(2)

    def table(read: Transformer) -> HeadTable:
        return head_table(read, text.inputs, text.targets, silence)

    trained = table(model)
    with without_heads(model, trained.heads_above("induction", INDUCTION), silence):
        without_induction = repeat_loss(model, text)
    return Repeaters(
        trained=trained,
        without_induction=without_induction,
        untrained=table(build_repeater(2, torch.Generator().manual_seed(seed)).eval()),
        one_layer=table(load_repeater(1)),
    )


@claim_of("C9", read_repeaters)
def heads_take_roles(read: Repeaters) -> Finding:
    """Judge whether heads of clear roles are there, and where none can be."""
    trained, untrained, single = read.trained, read.untrained, read.one_layer
    strangers = max(untrained.highest(role) for role in ROLES)
    bounds = (
        above(trained.highest("previous"), 0.6),
        above(trained.highest("induction"), 0.8),
        below(trained.loss, 0.1),
        below(strangers, 0.1),
        below(single.highest("induction"), 0.15),
        above(single.loss, 3),
    )
    return Finding(
        f"repeated text, two layers (loss {bounds[2]}): a head that looks one back {bounds[0]}, "
        f"one that looks behind the earlier match {bounds[1]}",
        f"untrained heads: every score {bounds[3]}; one layer, trained as long: {bounds[4]}, "
        f"loss {bounds[5]}",
        all(bound.holds for bound in bounds),
    )


@claim_of("C9", read_repeaters)
def a_role_is_no_price(read: Repeaters) -> Finding:
    """Judge whether a head's score in a role says what it costs to go without it."""
    trained = read.trained
    dearest, finder = best(trained.costs), best(trained.scores["induction"])
    previous = best(trained.scores["previous"])
    bounds = (
        above(trained.scores["itself"][dearest].item(), 0.9),
        above(trained.costs[dearest].item(), 5),
        above(trained.costs[previous].item(), 5),
        below(trained.costs[finder].item(), 1),
        above(read.without_induction - trained.loss, 5),
        below(read.one_layer.costs.max().item(), 0.3),
    )
    return Finding(
        f"the dearest head (+{bounds[1]} nats) looks at itself ({bounds[0]}); without the head "
        f"that looks one back: +{bounds[2]}; without the best induction head: +{bounds[3]}",
        f"without all induction heads at once: +{bounds[4]}; one layer: no head {bounds[5]}",
        all(bound.holds for bound in bounds),
    )


TWIN_BATCH = 8
NUDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Twins:
    """How far heads that started alike are apart, at most, in any number of their q, k and v.

    Attributes:
        alike: All of a head alike, its columns of the output projection included, after all steps.
        nudged: The same, but one number of one head was moved by 10⁻⁶ before.
        other_output_once: Only the columns of the output projection differ, after one step,
        other_output: and after all.
    """

    alike: float
    nudged: float
    other_output_once: float
    other_output: float


def make_twins(model: Transformer, *, output: bool) -> None:
    """Give every head of a layer the numbers of its first.

    Args:
        model: Not yet trained.
        output: Whether also to those columns of the output projection that it speaks through.
    """
    with torch.no_grad():
        for layer in attention_layers(model):
            d_head = layer.query.out_features // layer.num_heads
            for projection in (layer.query, layer.key, layer.value):
                projection.weight.copy_(projection.weight[:d_head].repeat(layer.num_heads, 1))
            if output:
                columns = layer.output.weight[:, :d_head]
                layer.output.weight.copy_(columns.repeat(1, layer.num_heads))


def largest_difference(model: Transformer) -> float:
    """Return how far any head's numbers for q, k and v are from those of its layer's first head."""
    differences = []
    for layer in attention_layers(model):
        for projection in (layer.query, layer.key, layer.value):
            heads = projection.weight.detach().unflatten(0, (layer.num_heads, -1))
            differences.append((heads - heads[:1]).abs().max().item())
    return max(differences)


def train_twins(seed: int = 0, num_steps: int = 100) -> Twins:
    """Train models whose heads start alike, and see whether they part.

    Args:
        seed: Of the weights that they start from and of the batches.
        num_steps: Optimiser steps.
    """

    def trained(num_steps: int, *, output: bool, nudge: float = 0.0) -> float:
        generator = torch.Generator().manual_seed(seed)
        model = build_repeater(2, generator)
        make_twins(model, output=output)
        with torch.no_grad():
            attention_layers(model)[0].query.weight[0, 0] += nudge
        training = replace(
            TRAINING, num_steps=num_steps, batch_size=TWIN_BATCH, warmup_steps=min(20, num_steps)
        )
        fit(model, sample_repeats, training, generator)
        return largest_difference(model)

    return Twins(
        alike=trained(num_steps, output=True),
        nudged=trained(num_steps, output=True, nudge=NUDGE),
        other_output_once=trained(1, output=False),
        other_output=trained(num_steps, output=False),
    )


@claim_of("C9", train_twins)
def heads_part_by_their_start(twins: Twins) -> Finding:
    """Judge whether heads become different by themselves, or because they start so."""
    bounds = (
        below(twins.alike, 1e-6),
        above(twins.nudged, 0.001),
        above(twins.other_output_once, 1e-4),
        above(twins.other_output, 0.01),
    )
    return Finding(
        f"heads that start alike are as alike after training (difference {bounds[0]})",
        f"one number moved by 10⁻⁶ before: {bounds[1]}; output columns drawn apart: {bounds[2]} "
        f"after one step, {bounds[3]} in the end",
        all(bound.holds for bound in bounds),
    )
