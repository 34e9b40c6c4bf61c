"""Lesson 00, measured: where the 72 heads of MiniLM look from two banks, one of them financial.

The control is a model of the same shape that was never trained.

Builds on: pretrained, first_look.  Lacks: pictures (first_look_plots).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from transformer_course.claims import Finding, above, below
from transformer_course.experiments.first_look import told
from transformer_course.model import Transformer
from transformer_course.pretrained import PretrainedEncoder

BANK_SENTENCE = "The bank of the river was crowded, but the financial bank was empty."


@dataclass(frozen=True, kw_only=True)
class BankHeads:
    """How much weight every head of MiniLM gives from a "bank" to "river".

    Attributes:
        first: From the first "bank", that of the river, one number a head.
        second: From the second "bank", the financial one.
        untrained: From the first, in a model of the same shape that was never trained.
    """

    first: Float[Tensor, "layer head"]
    second: Float[Tensor, "layer head"]
    untrained: Float[Tensor, "layer head"]


def bank_heads(minilm: PretrainedEncoder, seed: int = 0) -> BankHeads:
    """Have the model read the bank sentence, and an untrained one of its shape as well."""
    blank = Transformer(minilm.model.config, generator=torch.Generator().manual_seed(seed)).eval()
    untrained = PretrainedEncoder(model=blank, tokenizer=minilm.tokenizer)
    first, second = river_weights(minilm)
    return BankHeads(first=first, second=second, untrained=river_weights(untrained)[0])


def river_weights(
    encoder: PretrainedEncoder,
) -> tuple[Float[Tensor, "layer head"], Float[Tensor, "layer head"]]:
    """Return the weight from each of the two "bank"s to "river", for every head."""
    reading = encoder.read(BANK_SENTENCE)
    weights = torch.cat(reading.output.attention_weights)
    first, second = (place for place, word in enumerate(reading.tokens) if word == "bank")
    river = reading.tokens.index("river")
    return weights[:, :, first, river], weights[:, :, second, river]


LAYER, HEAD = 0, 4


def one_head_looks_at_the_river(heads: BankHeads) -> Finding:
    """Judge head 0.4 against all heads, and against an untrained model."""
    mine, mean = heads.first[LAYER, HEAD].item(), heads.first.mean().item()
    most_before = heads.untrained.max().item()
    high, low, untrained = above(mine, 0.6), below(mean, 0.1), below(most_before, 0.1)
    return Finding(
        f"head {LAYER}.{HEAD}, from the first “bank” to “river”: {told(mine, high)}",
        f"mean of all {heads.first.numel()} heads: {told(mean, low)}; the largest before "
        f"training: {told(most_before, untrained)}",
        high.holds and low.holds and untrained.holds,
    )


def so_does_the_financial_bank(heads: BankHeads) -> Finding:
    """Judge what the tidy story leaves out: the second "bank" looks at "river" as well."""
    mine, mean = heads.second[LAYER, HEAD].item(), heads.second.mean().item()
    high, low = above(mine, 0.35), below(mean, 0.1)
    less = below(mine, heads.first[LAYER, HEAD].item())
    return Finding.of(
        f"head {LAYER}.{HEAD}, from the financial “bank” to “river”: {told(mine, high)}",
        f"mean of all {heads.second.numel()} heads: {told(mean, low)}",
        (high, low),
        {"the first gives less:": less},
    )
