"""Lesson 04's claim C7 under a causal mask: what models without any positions know of order.

Builds on: positional_order, whose task they learn; positional_links.  Lacks: schemes for positions.
Source: Haviv et al. 2022 (causal models without positions).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.experiments.positional import ridge
from transformer_course.experiments.positional_links import LinksChanged, change_links
from transformer_course.experiments.positional_order import (
    LENGTHS,
    NUM_QUESTIONS,
    TRAINING,
    build_reader,
    sample_sentences,
    share_right,
    shares_right,
    trained_reader,
)
from transformer_course.model import Transformer


@dataclass(frozen=True, kw_only=True)
class PlacesRead:
    """What a linear probe reads off the vectors after the first layer: where each word stands.

    Attributes:
        explained: Share of the variance of the place that it explains in fresh sentences, R².
        means: What it reads on average, by true place.
    """

    explained: float
    means: Float[Tensor, " place"]


@dataclass(frozen=True, kw_only=True)
class CausalOrder:
    """What models without any positions know of order.

    Attributes:
        two_layers: Share of right answers of a causal model of two layers, one for each length.
        one_layer: The same of one layer, at the length of training.
        unmasked: The first model, its mask taken away, at the length of training.
        causal_places: What a probe reads after the first of two layers.
        bidirectional_places: The same in a model that looks both ways.
        links: The first model again, links of its first layer cut.
    """

    two_layers: Sequence[float]
    one_layer: float
    unmasked: float
    causal_places: PlacesRead
    bidirectional_places: PlacesRead
    links: LinksChanged


def order_from_the_mask(
    seed: int = 0, *, num_steps: int = TRAINING.num_steps, num_questions: int = NUM_QUESTIONS
) -> CausalOrder:
    """Train models without positions, take the mask away from one, and links."""
    causal, one_layer, both_ways = (
        trained_reader("none", seed, num_steps=num_steps, causal=is_causal, num_layers=layers)
        for is_causal, layers in ((True, 2), (True, 1), (False, 2))
    )
    unmasked = build_reader("none")
    unmasked.load_state_dict(
        {name.replace("decoder.", "encoder."): w for name, w in causal.state_dict().items()}
    )
    length = LENGTHS[0]
    return CausalOrder(
        two_layers=shares_right(causal, seed, num_questions),
        one_layer=share_right(one_layer, length, seed, num_questions),
        unmasked=share_right(unmasked.eval(), length, seed, num_questions),
        causal_places=read_places(causal, seed),
        bidirectional_places=read_places(both_ways, seed),
        links=change_links(causal, seed, num_questions),
    )


@torch.inference_mode()
def read_places(model: Transformer, seed: int, num_sentences: int = 400) -> PlacesRead:
    """Fit a linear probe of the place on half of the sentences, and read the other half with it.

    The question is left out: it stands at one place only, which its own vector would give away.
    """
    generator = torch.Generator().manual_seed(seed + 2_000)
    ids, _ = sample_sentences(num_sentences, generator, LENGTHS[0])
    vectors = model(ids, need_hidden_states=True).hidden_states[1][:, :-1].double()
    places = torch.arange(vectors.shape[1], dtype=torch.float64).expand(vectors.shape[:2])
    with_one = torch.cat((vectors, torch.ones_like(vectors[..., :1])), dim=-1)
    fitted, fresh = with_one.tensor_split(2)
    half = len(fitted)
    weights = ridge(fitted.flatten(0, 1), places[:half].flatten()[:, None])
    read = (fresh @ weights)[..., 0]
    error, spread = (read - places[half:]).square().mean(), places.var(correction=0)
    return PlacesRead(explained=(1 - error / spread).item(), means=read.mean(0))


@claim_of("C7", order_from_the_mask)
def a_causal_mask_gives_order_away(order: CausalOrder) -> Finding:
    """Judge whether looking back only tells order without positions, and what it takes."""
    two, one = above(order.two_layers[0], 0.98), below(abs(order.one_layer - 0.5), 0.01)
    unmasked = below(abs(order.unmasked - 0.5), 0.01)
    causal = above(order.causal_places.explained, 0.35)
    both_ways = below(order.bidirectional_places.explained, 0.02)
    return Finding(
        f"causal, two layers, no positions: right {two}; a probe reads the place of a word after "
        f"the first (R² {causal})",
        f"one causal layer: one half (difference {one}); the two without their mask: one half "
        f"(difference {unmasked}); trained without a mask: R² {both_ways}",
        all(bound.holds for bound in (two, one, unmasked, causal, both_ways)),
    )


@claim_of("C7", order_from_the_mask)
def the_later_word_has_seen_the_earlier(order: CausalOrder) -> Finding:
    """Judge whether order comes of one link of the first layer, and not of the two words' 1/n."""
    links = order.links
    cut, whole = below(links.later_to_earlier, 0.9), above(links.untouched, 0.98)
    another, exchanged = above(links.another, 0.98), above(links.exchanged, 0.98)
    return Finding(
        "the same two layers, one link of the first cut, from the later of the two words to the "
        f"earlier: right {cut}",
        f"nothing cut: {whole}; another link of the later word cut: {another}; the two words' "
        f"shares scaled as if each saw as many words as the other: {exchanged}",
        all(bound.holds for bound in (cut, whole, another, exchanged)),
    )
