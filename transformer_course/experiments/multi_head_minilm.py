"""The bank sentence in a real model: two heads that are usually promised, and what is found.

A head that tells the two banks apart by "river" and "financial", and one that sets "crowded"
against "empty": both are looked for among the 72 heads of MiniLM on every other one of some fifty
sentences, and judged on those between, beside sentences in which there is nothing to find.

Source: Michel et al. 2019, section 2.3, for going without a head; Clark et al. 2019, section 4,
for heads that follow one relation.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.device import one_thread
from transformer_course.experiments.multi_head_hints import Hints, hint_weights
from transformer_course.experiments.multi_head_scores import SilenceFunction, best, without_heads
from transformer_course.experiments.multi_head_sentences import (
    Batch,
    batch,
    contrasts,
    minilm,
    read,
    two_senses,
)
from transformer_course.heads import mean_pooling
from transformer_course.multi_head import silence_head
from transformer_course.pretrained import PretrainedEncoder

ContrastWeights = Float[Tensor, "sentence layer head"]


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """How much each head looks from a sentence's second adjective to its first.

    Attributes:
        opposite: Where the two are opposites, with "but" between the halves,
        with_and: and with "and".
        alike: Where they mean much the same.
        unrelated: Where they are of different kinds.
    """

    opposite: ContrastWeights
    with_and: ContrastWeights
    alike: ContrastWeights
    unrelated: ContrastWeights

    def mean(self, kind: str, head: tuple[int, int]) -> float:
        """Return a head's mean weight of a kind."""
        return getattr(self, kind)[:, head[0], head[1]].mean().item()

    def halves(self) -> tuple["Contrasts", "Contrasts"]:
        """Return every other sentence, to search in, and those between, to judge by."""
        parts = vars(self).items()
        search, judge = (
            Contrasts(**{name: numbers[first::2] for name, numbers in parts}) for first in (0, 1)
        )
        return search, judge


def contrast_weights(encoder: PretrainedEncoder) -> Contrasts:
    """Read every sentence with an opposite, with "and", with a synonym, and with another word."""
    sentences = contrasts()

    def looks(kind: str, link: str) -> ContrastWeights:
        seconds = [getattr(sentence, kind) for sentence in sentences]
        texts = batch(
            encoder, [s.text(second, link) for s, second in zip(sentences, seconds, strict=True)]
        )
        weights = torch.stack(read(encoder, texts).attention_weights, dim=1)
        return torch.stack(
            [
                weights[row, :, :, texts.places(row, second)[-1], texts.places(row, s.first)[0]]
                for row, (s, second) in enumerate(zip(sentences, seconds, strict=True))
            ]
        )

    return Contrasts(
        opposite=looks("opposite", "but"),
        with_and=looks("opposite", "and"),
        alike=looks("alike", "and"),
        unrelated=looks("unrelated", "and"),
    )


@torch.inference_mode()
def sentence_changes(
    encoder: PretrainedEncoder, texts: Batch, silence: SilenceFunction = silence_head
) -> Float[Tensor, "layer head"]:
    """Return how far each text's vector turns without each head: 1 − cosine, the mean over texts.

    The layers below the head are computed once: nothing in them changes.
    """
    model = encoder.model
    states = read(encoder, texts).hidden_states
    whole = normalize(mean_pooling(states[-1], texts.real), dim=-1)
    blocks: Any = model.get_submodule("encoder.blocks")
    changes = torch.zeros(len(blocks), model.config.num_heads)
    for layer, head in torch.cartesian_prod(*map(torch.arange, changes.shape)).tolist():
        hidden = states[layer]
        with without_heads(model, [(layer, head)], silence):
            for block in blocks[layer:]:
                hidden, *_ = block(hidden, key_mask=texts.real)
        vectors = normalize(mean_pooling(hidden, texts.real), dim=-1)
        changes[layer, head] = 1 - (vectors * whole).sum(-1).mean()
    return changes


@dataclass(frozen=True, kw_only=True)
class PromisedHeads:
    """What the search for two promised heads came to, judged on sentences not searched in.

    Attributes:
        hints: Weights from ambiguous words to hints.
        contrasts: Weights from one adjective to another.
        changes: How far sentence vectors turn without each head.
        apart: The head that looks most from a word to its own hint, beyond what it gives to the
            other hint and to a neutral word in the same place.
        opposed: The head that looks most at an opposite, beyond what it gives an unrelated word.
        leaning: The head that prefers, by however little, hints to other hints and neutral words
            in the most sentences.
    """

    hints: Hints
    contrasts: Contrasts
    changes: Float[Tensor, "layer head"]
    apart: tuple[int, int]
    opposed: tuple[int, int]
    leaning: tuple[int, int]

    def rank(self, head: tuple[int, int]) -> int:
        """Return a head's place in the order of what going without it changes, from 1."""
        return int((self.changes > self.changes[head]).sum()) + 1


def search_heads(
    seed: int = 0,  # noqa: ARG001 (nothing is drawn)
    encoder: PretrainedEncoder | None = None,
    silence: SilenceFunction = silence_head,
) -> PromisedHeads:
    """Look for both heads in every other sentence, and take the weights of those between.

    Args:
        seed: Changes nothing.
        encoder: MiniLM, if it is loaded already.
        silence: What sets a head's columns to 0, in place of `silence_head`.
    """
    encoder = minilm() if encoder is None else encoder
    searched_hints, judged_hints = hint_weights(encoder).halves()
    searched_contrasts, judged_contrasts = contrast_weights(encoder).halves()
    gain = searched_hints.own - torch.maximum(searched_hints.other, searched_hints.neutral)
    opposition = searched_contrasts.opposite - searched_contrasts.unrelated
    texts = batch(encoder, [one.text(one.two_senses) for one in two_senses()])
    with one_thread():
        changes = sentence_changes(encoder, texts, silence)
    return PromisedHeads(
        hints=judged_hints,
        contrasts=judged_contrasts,
        changes=changes,
        apart=best(gain.mean((0, 3))),
        opposed=best(opposition.mean(0)),
        leaning=best(searched_hints.preferring()),
    )


@claim_of("C9", search_heads)
def no_head_tells_the_banks_apart(found: PromisedHeads) -> Finding:
    """Judge whether the best candidate knows senses, or looks one place back."""
    head, hints = found.apart, found.hints
    bounds = (
        above(hints.mean("own", head, hints.beside), 0.4),
        below(hints.mean("own", head, ~hints.beside), 0.05),
        above(hints.mean("neutral", head, hints.beside), 0.15),
        below(max(hints.right(each) for each in _all_heads(found)), 0.8),
    )
    return Finding(
        f"the best of 72 heads gives a hint right before its word {bounds[0]}, elsewhere "
        f"{bounds[1]}",
        f"a neutral word right before it {bounds[2]}; share of sentences that any head gets "
        f"clearly right: {bounds[3]}",
        all(bound.holds for bound in bounds),
    )


@claim_of("C9", search_heads)
def a_head_leans_a_little(found: PromisedHeads) -> Finding:
    """Judge what is left of the promise if any preference counts, however small."""
    hints, head = found.hints, found.leaning
    near = torch.minimum(hints.leaning(), hints.leaning_to_neutral())
    bounds = (
        above(hints.preferring()[head].item(), 0.8),
        below(hints.mean("own", head), 0.1),
        above(near.max().item(), 0.9),
    )
    return Finding(
        f"by however little, one head prefers hints to other hints and to neutral words in a "
        f"share {bounds[0]}; its mean weight is {bounds[1]}",
        f"with neutral words in the hints' places some head is “right” in a share {bounds[2]}",
        all(bound.holds for bound in bounds),
    )


@claim_of("C9", search_heads)
def a_head_links_words_of_a_kind(found: PromisedHeads) -> Finding:
    """Judge whether the best candidate sees a contrast, or words of one kind."""
    head, looks = found.opposed, found.contrasts
    opposite, with_and = looks.mean("opposite", head), looks.mean("with_and", head)
    bounds = (
        above(opposite, 0.25),
        above(looks.mean("alike", head), 0.15),
        below(looks.mean("unrelated", head), 0.1),
        below(abs(opposite - with_and), 0.05),
    )
    return Finding(
        f"the best of 72 heads gives an opposite {bounds[0]}, but a synonym {bounds[1]} as well",
        f"an adjective of another kind {bounds[2]}; “and” for “but” changes {bounds[3]}",
        all(bound.holds for bound in bounds),
    )


@claim_of("C9", search_heads)
def a_fine_map_may_do_nothing(found: PromisedHeads) -> Finding:
    """Judge whether the head with the finest map matters to the vectors that are used."""
    own, others = found.changes[found.apart].item(), found.changes.flatten()
    bounds = (
        below(own, 0.001),
        above(found.rank(found.apart), 50),
        above(others.max().item(), 0.02),
    )
    return Finding(
        f"without the best candidate for the banks vectors turn by {bounds[0]}; its rank of 72 "
        f"is {bounds[1]}",
        f"without the head that turns them most: {bounds[2]}",
        all(bound.holds for bound in bounds),
    )


def _all_heads(found: PromisedHeads) -> list[tuple[int, int]]:
    layers, heads = found.changes.shape
    return [(layer, head) for layer in range(layers) for head in range(heads)]
