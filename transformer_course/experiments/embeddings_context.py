"""Lesson 03's half of claim C6: a table gives one word one vector, wherever it stands.

The other half, how context arrives through attention, is lesson 06's.

Source: traps 18; Devlin et al. 2019, section 3 (what BERT adds up at its input).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.model import Transformer
from transformer_course.pretrained import PretrainedEncoder, load_minilm

BANKS = "The bank of the river was crowded, but the financial bank was empty."
BANK = "bank"


@dataclass(frozen=True, kw_only=True)
class TwoBanks:
    """How alike the two “bank”s of one sentence are.

    Attributes:
        lookup_difference: The largest difference between the two rows that are looked up.
        trained: Their cosine in MiniLM, at its input and after each of its layers.
        untrained: The same in a model of the same shape whose weights were just drawn.
        twice: The largest difference of one “bank” between two readings of the sentence.
    """

    lookup_difference: float
    trained: tuple[float, ...]
    untrained: tuple[float, ...]
    twice: float


def two_banks(seed: int = 0, encoder: PretrainedEncoder | None = None) -> TwoBanks:
    """Have MiniLM and an untrained model of its shape read the sentence."""
    encoder = encoder or load_minilm()
    generator = torch.Generator().manual_seed(seed)
    fresh = Transformer(encoder.model.config, generator=generator).eval()
    untrained = PretrainedEncoder(model=fresh, tokenizer=encoder.tokenizer)
    first, second = _places(encoder)
    table = encoder.model.get_submodule("encoder.embedding")
    ids = torch.tensor([encoder.tokenizer.encode(BANKS).ids])
    looked_up = table(ids)[0].detach()
    once, again = (_hidden(encoder)[-1][first] for _ in range(2))
    return TwoBanks(
        lookup_difference=(looked_up[first] - looked_up[second]).abs().max().item(),
        trained=_cosines(encoder, first, second),
        untrained=_cosines(untrained, first, second),
        twice=(once - again).abs().max().item(),
    )


def _places(encoder: PretrainedEncoder) -> tuple[int, int]:
    tokens = encoder.tokenizer.encode(BANKS).tokens
    first, second = (place for place, token in enumerate(tokens) if token == BANK)
    return first, second


def _hidden(encoder: PretrainedEncoder) -> list[Tensor]:
    return [hidden[0] for hidden in encoder.read(BANKS).output.hidden_states]


def _cosines(encoder: PretrainedEncoder, first: int, second: int) -> tuple[float, ...]:
    return tuple(
        cosine_similarity(hidden[first], hidden[second], dim=0).item()
        for hidden in _hidden(encoder)
    )


@claim_of("C6", two_banks)
def one_row_for_two_banks(banks: TwoBanks) -> Finding:
    """Judge whether the lookup tells the two apart (it must not), and the layers do."""
    bounds = (
        below(banks.lookup_difference, 1e-12),
        above(banks.trained[0], 0.95),
        below(banks.trained[2], 0.87),
        below(min(banks.untrained), 0.99),
        below(banks.twice, 1e-5),
    )
    return Finding(
        f"both “bank”s are one row of the table (difference {bounds[0]}); in MiniLM their cosine "
        f"is {bounds[1]} with positions, {bounds[2]} after two layers",
        f"in an untrained model it is {bounds[3]}, too: to differ is not yet to mean; one sentence "
        f"read twice: difference {bounds[4]}",
        all(bound.holds for bound in bounds),
    )
