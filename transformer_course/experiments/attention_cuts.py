"""Lesson 05's claim C8, trained: what a map of attention shows, and what it does not.

One head of one layer learns to look numbers up. It then answers the same questions with links cut:
the one with the highest weight, the one with the lowest, or any.

Source: Jain and Wallace 2019 and Wiegreffe and Pinter 2019 (whether attention explains); Xiao et
al. 2024, section 3.1 (weight that has nowhere better to go).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.experiments.fitting import fit
from transformer_course.model import Transformer
from transformer_course.multi_head import AttentionFunction
from transformer_course.training import Batch, TrainingConfig

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eva")
NUMBERS = ("1", "2", "3", "4")
NUM_ENTRIES = 3
TOKENS = (
    *(f"{name} {number}" for name in NAMES for number in NUMBERS),
    *(f"{name}?" for name in NAMES),
)
ANSWERS = ("not listed", *NUMBERS)
NUM_QUESTIONS = 1_000
TRAINING = TrainingConfig(
    num_steps=500, batch_size=128, learning_rate=3e-3, weight_decay=0.0, warmup_steps=25
)


def sample_questions(batch_size: int, generator: torch.Generator) -> Batch:
    """Draw phone books of three entries, "Ann 2", each with a question, "Ben?".

    Returns:
        The tokens, the question last; and the answer's number in `ANSWERS`: half of the names that
        are asked for are not listed.
    """
    names = torch.rand(batch_size, len(NAMES), generator=generator).argsort(1)
    numbers = torch.randint(len(NUMBERS), (batch_size, NUM_ENTRIES), generator=generator)
    listed = torch.rand(batch_size, generator=generator) < 0.5
    place = torch.randint(NUM_ENTRIES, (batch_size,), generator=generator)
    # The entries take the first names of each row; the one after them is in no entry.
    asked = names.gather(1, torch.where(listed, place, NUM_ENTRIES)[:, None])
    entries = names[:, :NUM_ENTRIES] * len(NUMBERS) + numbers
    number = numbers.gather(1, place[:, None]).squeeze(1)
    return Batch(
        torch.cat((entries, len(NAMES) * len(NUMBERS) + asked), dim=1),
        torch.where(listed, 1 + number, 0),
    )


@dataclass(frozen=True)
class Cutting:
    """Attention with some links cut: their weight is computed and shown, but nothing arrives.

    The other weights stay as they were: raising them to sum to 1 again would be a second change.

    Attributes:
        kept: True where a query may still receive from a key.
        attention: Computes the weights.
    """

    kept: Bool[Tensor, "batch 1 1 key"]
    attention: AttentionFunction

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, **options: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attend, then leave out what would arrive over the links that are cut."""
        _, weights = self.attention(query, key, value, **options)
        return (weights * self.kept) @ value, weights


def _transformer(
    attention: AttentionFunction, generator: torch.Generator | None = None
) -> Transformer:
    config = TransformerConfig(
        vocab_size=len(TOKENS),
        context_length=NUM_ENTRIES + 1,
        d_model=64,
        num_layers=1,
        num_heads=1,
        d_feed_forward=128,
        architecture="encoder",
        position="none",  # the order of the entries means nothing
        head="classification",
        num_classes=len(ANSWERS),
        pooling="last",
    )
    return Transformer(config, parts={"attention": attention}, generator=generator)


class PhoneBook:
    """A model that looks numbers up, trained when it is built, in about a second.

    Args:
        seed: Of the first weights and the batches.
        attention: The function that mixes values, in place of the course's own.
        num_steps: Optimiser steps.
    """

    def __init__(
        self,
        seed: int = 0,
        attention: AttentionFunction = scaled_dot_product_attention,
        num_steps: int = TRAINING.num_steps,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.attention = attention
        self.model = _transformer(attention, generator)
        training = replace(
            TRAINING, num_steps=num_steps, warmup_steps=min(TRAINING.warmup_steps, num_steps)
        )
        fit(self.model, sample_questions, training, generator)

    @torch.inference_mode()
    def probabilities(
        self, ids: Int[Tensor, "batch length"], cut: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch answers"]:
        """Return the probability of each answer.

        Args:
            ids: Phone books with their questions.
            cut: The place in each book from which nothing may arrive.
        """
        model = self.model
        if cut is not None:
            places = torch.arange(ids.shape[1])
            kept = (places != cut[:, None])[:, None, None]
            model = _transformer(Cutting(kept, self.attention))
            model.load_state_dict(self.model.state_dict())
            model.eval()
        return model(ids).logits.softmax(-1)

    @torch.inference_mode()
    def weights(self, ids: Int[Tensor, "batch length"]) -> Float[Tensor, "batch query key"]:
        """Return who looks at whom."""
        return self.model(ids, need_weights=True).attention_weights[0][:, 0]

    @torch.inference_mode()
    def delivered(self, ids: Int[Tensor, "batch length"]) -> Float[Tensor, "batch key"]:
        """Return the length of the vector that arrives at the question from each place."""
        output = self.model(ids, need_weights=True, need_hidden_states=True)
        block: Any = self.model.get_submodule("encoder.blocks.0")
        value = block.attention.value(block.attention_residual.before(output.hidden_states[0]))
        arriving = (value @ block.attention.output.weight.T).norm(dim=-1)
        return output.attention_weights[0][:, 0, -1] * arriving


@dataclass(frozen=True, kw_only=True)
class Page:
    """One phone book with its question, and what each link to the question is worth.

    Attributes:
        tokens: The entries, then the question.
        weights: Who looks at whom.
        answer: What the model answers.
        probability: How sure it is of that.
        without: How sure it is of the same answer with the link to each token cut.
        delivered: The length of the vector that arrives at the question from each token.
    """

    tokens: Sequence[str]
    weights: Float[Tensor, "query key"]
    answer: str
    probability: float
    without: Sequence[float]
    delivered: Sequence[float]


def read_page(book: PhoneBook, tokens: Sequence[str]) -> Page:
    """Ask the model: three entries and a question, as `["Ann 2", "Ben 4", "Eva 1", "Ben?"]`.

    Raises:
        ValueError: If a token is unknown, or there are not three entries and then a question.
    """
    unknown = [token for token in tokens if token not in TOKENS]
    kinds = "".join("?" if token.endswith("?") else "e" for token in tokens)
    if unknown or kinds != "e" * NUM_ENTRIES + "?":
        raise ValueError(
            f"{list(tokens)} is no page: expected {NUM_ENTRIES} entries and a question, such as "
            f"{[*TOKENS[1:12:5], TOKENS[-2]]}, of the names {', '.join(NAMES)} and the "
            f"numbers {', '.join(NUMBERS)}"
        )
    ids = torch.tensor([[TOKENS.index(token) for token in tokens]])
    (probabilities,) = book.probabilities(ids)
    answer = int(probabilities.argmax())
    length = len(tokens)
    without = book.probabilities(ids.expand(length, length), torch.arange(length))[:, answer]
    return Page(
        tokens=tokens,
        weights=book.weights(ids)[0],
        answer=ANSWERS[answer],
        probability=probabilities[answer].item(),
        without=without.tolist(),
        delivered=book.delivered(ids)[0].tolist(),
    )


@dataclass(frozen=True, kw_only=True)
class CutEffects:
    """Many questions of one kind, answered with and without links.

    Attributes:
        top_weight: Mean highest weight.
        delivered: Mean length of the vector that arrives over the link of highest weight.
        right: Share of right answers with all links.
        right_without: The same with one link cut: the "strongest", the "weakest" or a "random" one.
    """

    top_weight: float
    delivered: float
    right: float
    right_without: Mapping[str, float]


@dataclass(frozen=True)
class Cuts:
    """The effects of cuts on questions for names that are listed and for names that are not."""

    listed: CutEffects
    not_listed: CutEffects


def cut_links(book: PhoneBook, seed: int = 0) -> Cuts:
    """Ask 1,000 questions, and ask them again with one link cut in each."""
    generator = torch.Generator().manual_seed(seed + 1_000)
    ids, answers = sample_questions(NUM_QUESTIONS, generator)
    weights = book.weights(ids)[:, -1]
    strongest = weights.argmax(-1)
    cuts = {
        "strongest": strongest,
        "weakest": weights.argmin(-1),
        "random": torch.randint(ids.shape[1], strongest.shape, generator=generator),
    }
    delivered = book.delivered(ids).gather(1, strongest[:, None])[:, 0]
    right = book.probabilities(ids).argmax(-1) == answers
    right_without = {
        name: book.probabilities(ids, cut).argmax(-1) == answers for name, cut in cuts.items()
    }

    def effects(chosen: Bool[Tensor, " batch"]) -> CutEffects:
        return CutEffects(
            top_weight=weights[chosen].amax(-1).mean().item(),
            delivered=delivered[chosen].mean().item(),
            right=_share(right[chosen]),
            right_without={name: _share(kept[chosen]) for name, kept in right_without.items()},
        )

    return Cuts(listed=effects(answers > 0), not_listed=effects(answers == 0))


def _share(true: Bool[Tensor, " batch"]) -> float:
    return true.double().mean().item()


def trained_and_cut(seed: int = 0) -> Cuts:
    """Train a phone book and cut its links."""
    return cut_links(PhoneBook(seed), seed)


@claim_of("C8", trained_and_cut)
def a_map_is_no_explanation(cuts: Cuts) -> Finding:
    """Judge whether two sharp rows of a map can mean all and nothing."""
    listed, other = cuts.listed, cuts.not_listed
    weakest = [kind.right_without["weakest"] for kind in (listed, other)]
    said = lost, kept, by_chance = (
        below(listed.right_without["strongest"], 0.1),
        above(other.right_without["strongest"], 0.8),
        above(listed.right_without["random"], 0.6),
    )
    return Finding.of(
        f"strongest link cut, right answers: listed names {lost}, missing names {kept}",
        f"a random link cut: listed names {by_chance}",
        said,
        {
            "mean weight of that link": above(min(listed.top_weight, other.top_weight), 0.8),
            "right with all links": above(min(listed.right, other.right), 0.98),
            "right with the weakest cut": above(min(weakest), 0.98),
            "what arrives for missing names, over that for listed ones,": below(
                other.delivered / listed.delivered, 0.7
            ),
        },
    )
