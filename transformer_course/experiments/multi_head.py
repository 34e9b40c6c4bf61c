"""Lesson 06's claim C9 on models of this course: heads with roles, and what each of them is worth.

A model that continues repeated text has heads of clear roles; a model of Shakespeare has none.
Where heads come from is measured in multi_head_twins, and the promised heads of a real model are
sought in multi_head_minilm.

Source: Olsson et al. 2022 (heads by role); Michel et al. 2019, section 3.2 (most heads of trained
models can go one by one).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.checkpoints import load_model
from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.data import load_shakespeare, shakespeare_text, small_split
from transformer_course.device import one_thread
from transformer_course.experiments.multi_head_repeats import (
    FOLDER,
    RepeatedText,
    build_repeater,
    load_repeater,
    repeat_loss,
    repeated_text,
)
from transformer_course.experiments.multi_head_scores import (
    ROLES,
    SilenceFunction,
    ablation_costs,
    best,
    role_chances,
    role_scores,
    without_heads,
)
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer
from transformer_course.multi_head import silence_head
from transformer_course.tokenization import load_tokenizer

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
        f"repeated text, two layers (loss {bounds[2]}): best score for one token back "
        f"{bounds[0]}, for induction {bounds[1]}",
        f"untrained heads: every score {bounds[3]}; one layer: induction {bounds[4]}, loss "
        f"{bounds[5]}",
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
        f"rise of the loss without a head that looks at itself ({bounds[0]}): {bounds[1]} nats; "
        f"without the one that looks one back: {bounds[2]}; without the best for induction: "
        f"{bounds[3]}",
        f"without all for induction: {bounds[4]}; in one layer, without any one: {bounds[5]}",
        all(bound.holds for bound in bounds),
    )


WRITER = FOLDER / "shakespeare"
"""A model of Shakespeare that comes with the course, and its tokenizer beside it."""

NUM_WINDOWS = 32


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A model of Shakespeare, on a play that it has not read.

    Attributes:
        table: Its heads.
        layers: By how much the loss rises without all heads of a layer at once.
    """

    table: HeadTable
    layers: Float[Tensor, " layer"]


def read_writer(seed: int = 0, silence: SilenceFunction = silence_head) -> Writer:
    """Score and ablate the heads of the kept model of Shakespeare on a play it has not read.

    Args:
        seed: Where in the play to begin to read.
        silence: What sets a head's columns to 0, in place of `silence_head`.
    """
    model = load_model(WRITER.with_suffix(".safetensors"))
    text = shakespeare_text(small_split(load_shakespeare()).test)
    length = NUM_WINDOWS * model.config.context_length + 1
    ids = load_tokenizer(WRITER.with_suffix(".json")).encode(text[1_000 * seed :][: 8 * length])
    windows = torch.tensor(ids[:length])
    inputs, targets = (part.view(NUM_WINDOWS, -1) for part in (windows[:-1], windows[1:]))
    return writer_heads(model, inputs, targets, silence)


@torch.no_grad()
def writer_heads(
    model: Transformer,
    inputs: Int[Tensor, "batch length"],
    targets: Int[Tensor, "batch length"],
    silence: SilenceFunction = silence_head,
) -> Writer:
    """Score and ablate the heads of any model that writes, one by one and layer by layer."""
    table = head_table(model, inputs, targets, silence)
    num_layers, num_heads = table.costs.shape
    layers = []
    for layer in range(num_layers):
        every = [(layer, head) for head in range(num_heads)]
        with without_heads(model, every, silence), one_thread():
            layers.append(cross_entropy(model(inputs).logits, targets).item() - table.loss)
    return Writer(table=table, layers=torch.tensor(layers))


@claim_of("C9", read_writer)
def heads_of_a_writer_have_no_names(writer: Writer) -> Finding:
    """Judge whether heads take clear roles where the text does not ask for any."""
    table = writer.table
    bounds = (
        below(max(table.highest(role) for role in ROLES), 0.3),
        below(table.costs.max().item(), 0.15),
        below(max(table.chances.values()), 0.05),
        above(writer.layers.min().item(), 0.08),
        below(table.loss, 3.6),
    )
    return Finding(
        f"Shakespeare (loss {bounds[4]}): every score {bounds[0]}; without any one head the "
        f"loss rises by {bounds[1]}",
        f"looking back everywhere alike scores {bounds[2]}; without a whole layer by {bounds[3]}",
        all(bound.holds for bound in bounds),
    )
