"""Claim C6, its second half: context arrives through attention.

Two sentences, one word at the same place: "The river bank was near", "The financial bank was
near". Both "bank"s enter as one and the same vector. What they are afterwards, layer by layer, is
what attention has brought them. But vectors that differ are no proof of meaning: those of a model
that has learned nothing differ, too.

Source: the sentences are this course's own (data/README.md); Ethayarajh 2019, section 4.2, for
cosines of one word's vectors layer by layer.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.experiments.multi_head_sentences import (
    batch,
    minilm,
    read,
    two_senses,
)
from transformer_course.model import Transformer
from transformer_course.pretrained import PretrainedEncoder

SENTENCE = "The {hint} {word} was near."
"""Puts a word at the same place behind any hint, so that it enters as the same vector."""

Cosines = Float[Tensor, "word state"]


@dataclass(frozen=True, kw_only=True)
class WordCosines:
    """How alike one word's vectors in two sentences are, as they enter and after each layer.

    Attributes:
        two_senses: Where the hints are at two senses.
        one_sense: Where they are at one.
        same_sentence: Where both sentences are the same.
    """

    two_senses: Cosines
    one_sense: Cosines
    same_sentence: Cosines

    def told_apart(self) -> float:
        """Return the share of words whose two senses are less alike than one, at the end."""
        return (self.two_senses < self.one_sense)[:, -1].double().mean().item()


@dataclass(frozen=True, kw_only=True)
class ContextArriving:
    """The same word's vectors in a trained model and in one that has learned nothing.

    Attributes:
        trained: In MiniLM.
        untrained: In MiniLM with the numbers of each of its tables and matrices in random order.
    """

    trained: WordCosines
    untrained: WordCosines


def shuffled(encoder: PretrainedEncoder, seed: int) -> PretrainedEncoder:
    """Return a model of the same shape, its numbers as large, that has learned nothing."""
    generator = torch.Generator().manual_seed(seed)
    model = Transformer(encoder.model.config)
    own = dict(encoder.model.named_parameters())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(own[name].flatten()[order].view_as(parameter))
    return replace(encoder, model=model.eval())


def word_cosines(encoder: PretrainedEncoder) -> WordCosines:
    """Compare each ambiguous word with itself behind another hint, layer by layer."""
    words = two_senses()

    def vectors(kind: str, number: int) -> Float[Tensor, "word state d_model"]:
        texts = batch(
            encoder,
            [SENTENCE.format(hint=getattr(one, kind)[number], word=one.word) for one in words],
        )
        states = torch.stack(read(encoder, texts).hidden_states, dim=1)
        places = [texts.places(row, one.word)[0] for row, one in enumerate(words)]
        return torch.stack([states[row, :, place] for row, place in enumerate(places)])

    def cosines(kind: str, first: int, second: int) -> Cosines:
        return cosine_similarity(vectors(kind, first), vectors(kind, second), dim=-1)

    return WordCosines(
        two_senses=cosines("two_senses", 0, 1),
        one_sense=cosines("one_sense", 0, 1),
        same_sentence=cosines("two_senses", 0, 0),
    )


def context_arriving(seed: int = 0, encoder: PretrainedEncoder | None = None) -> ContextArriving:
    """Compare words in two contexts, in MiniLM and in its shuffled double.

    Args:
        seed: Of the order that the double's numbers are brought into.
        encoder: MiniLM, if it is loaded already.
    """
    encoder = minilm() if encoder is None else encoder
    return ContextArriving(
        trained=word_cosines(encoder), untrained=word_cosines(shuffled(encoder, seed))
    )


@claim_of("C6", context_arriving)
def context_arrives_through_attention(context: ContextArriving) -> Finding:
    """Judge whether one vector becomes two, and whether that has to do with senses."""
    trained, untrained = context.trained, context.untrained
    two, one = (cosines.mean(0) for cosines in (trained.two_senses, trained.one_sense))
    differing = untrained.two_senses.mean(0)[-1].item()
    bounds = (
        above(two[0].item(), 0.9999),
        below(two[-1].item(), 0.88),
        above(one[-1].item(), 0.92),
        above(trained.told_apart(), 0.9),
        above(trained.same_sentence.min().item(), 0.9999),
        below(differing, 0.98),
        below(untrained.told_apart(), 0.8),
    )
    return Finding(
        f"cosine of a word behind two hints: {bounds[0]} as it enters; after six layers "
        f"{bounds[1]} in two senses, {bounds[2]} in one; two senses are less alike in a share "
        f"{bounds[3]} of the words",
        f"the same sentence twice {bounds[4]}; numbers shuffled {bounds[5]}, two senses less alike "
        f"in a share {bounds[6]}",
        all(bound.holds for bound in bounds),
    )
