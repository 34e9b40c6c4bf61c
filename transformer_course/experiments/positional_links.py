"""Lesson 04's claim C7 under a causal mask: by which link a model without positions tells order.

That a place can be read off a word's vector does not say that the model uses it. So one link of the
first layer is cut, or the shares of two words are exchanged, and the same questions are asked.

Builds on: positional_order.  Lacks: the models that are asked (positional_mask).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.experiments.multi_head_scores import attention_layers
from transformer_course.experiments.positional_order import (
    LENGTHS,
    NAMED,
    NUM_QUESTIONS,
    sample_sentences,
    with_twins,
)
from transformer_course.model import Transformer
from transformer_course.training import Batch


@dataclass(frozen=True, kw_only=True)
class LinksChanged:
    """Share of right answers with the first layer as it was learned, and changed in one way.

    Attributes:
        untouched: Nothing changed.
        later_to_earlier: The link from the later of the two named words to the earlier one is cut.
        another: Another link of the later word is cut, any of those to itself and to what it sees.
        exchanged: All weights of the later word are those of one that sees as many words as the
            earlier one does, and the other way round: n₂/n₁ times as much, and n₁/n₂, where n₁ and
            n₂ are how many words each of the two sees, itself included.
    """

    untouched: float
    later_to_earlier: float
    another: float
    exchanged: float


@dataclass(frozen=True)
class Scaling:
    """Attention with its weights multiplied before anything arrives; a factor of 0 cuts a link.

    The other weights stay as they were: raising them to sum to 1 again would be a second change.
    """

    factors: Float[Tensor, "batch 1 query key"]

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Attend with the weights as they are multiplied."""
        _, weights = scaled_dot_product_attention(query, key, value, mask, bias)
        weights = weights * self.factors
        return weights @ value, weights


def change_links(
    model: Transformer, seed: int = 0, num_questions: int = NUM_QUESTIONS
) -> LinksChanged:
    """Ask a causal model questions and their twins, and ask again with its first layer changed."""
    generator = torch.Generator().manual_seed(seed + 3_000)
    questions = with_twins(sample_sentences(num_questions // 2, generator, LENGTHS[0]))
    factors = link_factors(questions.inputs, generator)
    return LinksChanged(**{name: _share_right(model, questions, f) for name, f in factors.items()})


def link_factors(
    ids: Int[Tensor, "batch length"], generator: torch.Generator
) -> Mapping[str, Float[Tensor, "batch 1 query key"]]:
    """Return what the first layer's weights are multiplied by, for each field of `LinksChanged`.

    Args:
        ids: Sentences that name the river and the money once each.
        generator: Draws the other link that is cut in each.
    """
    batch, length = ids.shape
    rows = torch.arange(batch)
    earlier, later = (ids < len(NAMED)).nonzero()[:, 1].view(batch, len(NAMED)).unbind(1)
    places = torch.arange(length)
    others = (places <= later[:, None]) & (places != earlier[:, None])
    another = torch.rand(batch, length, generator=generator).where(others, -1).argmax(1)
    factors = {
        name: torch.ones(batch, 1, length, length)
        for name in ("untouched", "later_to_earlier", "another", "exchanged")
    }
    factors["later_to_earlier"][rows, 0, later, earlier] = 0
    factors["another"][rows, 0, later, another] = 0
    ratio = ((later + 1) / (earlier + 1))[:, None]
    factors["exchanged"][rows, 0, later] = ratio.expand(-1, length)
    factors["exchanged"][rows, 0, earlier] = 1 / ratio.expand(-1, length)
    return factors


@torch.inference_mode()
def _share_right(model: Transformer, questions: Batch, factors: Tensor) -> float:
    first = attention_layers(model)[0]
    before = first.attention
    first.attention = Scaling(factors)
    try:
        answers = model(questions.inputs).logits.argmax(-1)
    finally:
        first.attention = before
    return (answers == questions.targets).double().mean().item()
