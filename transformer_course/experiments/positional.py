"""Lesson 04's claim C7, the arithmetic: a bag of words without positions, and what a sum keeps.

What trained models make of positions is measured in positional_order.

Source: Vaswani et al. 2017, section 3.5; Yun et al. 2020 (equivariance); Hewitt and
Liang 2019, section 2 (probes and their controls).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from transformer_course.attention import causal_mask, scaled_dot_product_attention
from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.model import Transformer
from transformer_course.positional import sinusoidal_table
from transformer_course.pretrained import load_minilm

EXACT = 1e-12
"""What float64 leaves of a difference that is 0 on paper."""


@dataclass(frozen=True, kw_only=True)
class Permuted:
    """By how much an output differs from the permuted one when the input is permuted, at most.

    Attributes:
        attention: Of attention alone.
        encoder: Of a whole transformer of two layers, which looks both ways, without positions.
        with_positions: Of the same with sinusoidal positions.
        causal: Of attention under a causal mask.
    """

    attention: float
    encoder: float
    with_positions: float
    causal: float


def permuted_input(seed: int = 0) -> Permuted:
    """Shuffle 13 random vectors, or words, in float64, and see what becomes of the output."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(13, generator=generator)
    query, key, value = (
        torch.randn((13, 7), generator=generator, dtype=torch.float64) for _ in range(3)
    )

    def attention_error(mask: Tensor | None) -> float:
        plain, _ = scaled_dot_product_attention(query, key, value, mask)
        shuffled, _ = scaled_dot_product_attention(query[order], key[order], value[order], mask)
        return (shuffled - plain[order]).abs().max().item()

    ids = torch.randint(5, (1, 13), generator=generator)
    encoder, with_positions = (
        _encoder_error(position, ids, order, generator) for position in ("none", "sinusoidal")
    )
    return Permuted(
        attention=attention_error(None),
        encoder=encoder,
        with_positions=with_positions,
        causal=attention_error(causal_mask(13)),
    )


@torch.inference_mode()
def _encoder_error(position: str, ids: Tensor, order: Tensor, generator: torch.Generator) -> float:
    config = TransformerConfig(
        vocab_size=5,
        context_length=13,
        d_model=12,
        num_layers=2,
        num_heads=3,
        d_feed_forward=20,
        architecture="encoder",
        position=position,
        head="none",
    )
    model = Transformer(config, generator=generator).double()
    for parameter in model.parameters():  # as large as in a model that has learned something
        nn.init.normal_(parameter, std=0.5, generator=generator)
    plain, shuffled = (model(rows).hidden for rows in (ids, ids[:, order]))
    return (shuffled - plain[:, order]).abs().max().item()


@claim_of("C7", permuted_input)
def without_positions_a_bag_of_words(permuted: Permuted) -> Finding:
    """Judge whether attention that looks both ways does to shuffled words just what it did."""
    attention, encoder = below(permuted.attention, EXACT), below(permuted.encoder, EXACT)
    told, causal = above(permuted.with_positions, 0.4), above(permuted.causal, 2)
    return Finding(
        f"13 words shuffled: the outputs of attention come out shuffled alike (difference "
        f"{attention}), and those of a transformer of two layers (difference {encoder})",
        f"with positions added they differ ({told}); without, but where words look back only, too "
        f"({causal})",
        all(bound.holds for bound in (attention, encoder, told, causal)),
    )


WIDTHS = (4, 16, 64, 256)
NUM_PLACES = 64
NUM_WORDS = 4_000
NUM_SUMS = 4
"""Of each word, at as many places, a probe is fitted."""


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """Share of sums, of words that the probe never met, from which it recovers either part.

    Attributes:
        word: Which of 2,000 words it was.
        place: Which of 64 places.
    """

    word: float
    place: float


@dataclass(frozen=True, kw_only=True)
class SumsProbed:
    """What linear probes recover from the sum of a word's vector and a position's.

    Attributes:
        minilm: Of the rows of a real model, all-MiniLM-L6-v2: words and positions are its own.
        shuffled: The same, the probe fitted on targets that were shuffled.
        by_width: Of random words and sinusoidal positions, by width.
    """

    minilm: Recovered
    shuffled: Recovered
    by_width: Mapping[int, Recovered]


def sums_probed(
    seed: int = 0, *, num_words: int = NUM_WORDS, widths: Sequence[int] = WIDTHS
) -> SumsProbed:
    """Add positions to words, fit probes on half of the words, and try them on the other half."""
    generator = torch.Generator().manual_seed(seed)
    words, places = _minilm_rows(num_words)
    by_width = {}
    for width in widths:
        random_words = torch.randn((num_words, width), generator=generator, dtype=torch.float64)
        # As long as a row of positions: all of these have the length √(width / 2).
        table = sinusoidal_table(NUM_PLACES, width)
        by_width[width] = recover(random_words / 2**0.5, table, generator)
    return SumsProbed(
        minilm=recover(words, places, generator),
        shuffled=recover(words, places, generator, shuffled=True),
        by_width=by_width,
    )


def _minilm_rows(num_words: int) -> tuple[Tensor, Tensor]:
    """Return the model's vectors for its first whole words, and for the first 64 positions."""
    minilm = load_minilm()
    ids = sorted(
        number
        for word, number in minilm.tokenizer.get_vocab().items()
        if word.isascii() and word.isalpha() and len(word) > 2
    )
    weights = minilm.model.state_dict()
    word_rows = weights["encoder.embedding.weight"].double()
    place_rows = weights["encoder.encoding.weight"].double()
    return word_rows[ids[:num_words]], place_rows[:NUM_PLACES]


def recover(
    words: Float[Tensor, "word width"],
    places: Float[Tensor, "place width"],
    generator: torch.Generator,
    *,
    shuffled: bool = False,
) -> Recovered:
    """Fit one linear map from a sum to its word and one to its place, and take what lies nearest.

    Args:
        words: A row for each word; half of them are kept for the test.
        places: A row for each place.
        generator: Draws who stands where, and the halves.
        shuffled: Whether the probe learns from targets in a wrong order.
    """
    met, new = torch.randperm(len(words), generator=generator).tensor_split(2)
    met = met.repeat(NUM_SUMS)
    met_places, new_places = (
        torch.randint(len(places), (len(chosen),), generator=generator) for chosen in (met, new)
    )
    sums, new_sums = (
        torch.cat((words[chosen] + places[at], torch.ones(len(chosen), 1)), dim=1)
        for chosen, at in ((met, met_places), (new, new_places))
    )
    shares = []
    for targets, candidates, wanted in (
        (words[met], words[new], torch.arange(len(new))),
        (places[met_places], places, new_places),
    ):
        if shuffled:
            targets = targets[torch.randperm(len(targets), generator=generator)]
        found = torch.cdist(new_sums @ ridge(sums, targets), candidates).argmin(1)
        shares.append((found == wanted).double().mean().item())
    return Recovered(word=shares[0], place=shares[1])


def ridge(
    inputs: Float[Tensor, "row width"], targets: Float[Tensor, "row target"]
) -> Float[Tensor, "width target"]:
    """Return the linear map that gives the least squared error, kept small where many do."""
    square = inputs.T @ inputs
    square.diagonal().add_(1e-6 * square.diagonal().mean())
    return torch.linalg.solve(square, inputs.T @ targets)


@claim_of("C7", sums_probed)
def a_sum_keeps_both(probed: SumsProbed) -> Finding:
    """Judge whether word and place can both be read off their sum, and where they cannot."""
    narrow, wide = (probed.by_width[width] for width in (min(WIDTHS), max(WIDTHS)))
    read = above(min(probed.minilm.word, probed.minilm.place), 0.99)
    chance = below(max(probed.shuffled.word, probed.shuffled.place), 0.03)
    few, many = below(max(narrow.word, narrow.place), 0.15), above(min(wide.word, wide.place), 0.85)
    return Finding(
        f"MiniLM's word + position, 384 numbers, words that were not met: a linear probe finds "
        f"word and place, each {read}",
        f"fitted on shuffled targets: each {chance}; random words with sinusoids, "
        f"{max(WIDTHS)} numbers: {many}, {min(WIDTHS)} numbers: {few}",
        all(bound.holds for bound in (read, chance, few, many)),
    )
