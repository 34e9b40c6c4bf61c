"""Claim C10, the first output: which token comes next in a play that nothing has read.

The loss is told in bits a character, which models of other tokens share. Beside it stand guessing
and counting, on characters and on the model's own tokens. Then: is the model as sure as it is
right?

Source: Guo et al. 2017, section 2 (reliability diagrams); Shannon 1951, section 1 (bits a letter).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.data import Play, load_shakespeare, shakespeare_text, split_plays
from transformer_course.experiments.heads import ngram_losses
from transformer_course.heads import bits_per_character, cross_entropy
from transformer_course.model import Transformer
from transformer_course.tokenization import AnyTokenizer, CharacterTokenizer
from transformer_course.trained import load_trained
from transformer_course.windows import TokenStream

TRUNK = "shakespeare"
"""The model that comes with the course; it has read the 26 training plays of `split_plays`."""

PLAY = "macbeth"
CHARACTER_ORDER, TOKEN_ORDER = 5, 3
"""Among the model's tokens longer n-grams than trigrams are too rare to help."""

NUM_BINS = 10
FEWEST_IN_BIN = 100
"""A share of fewer cases says little: such a bin is left out."""


@dataclass(frozen=True)
class Reading:
    """What a model says of every token of a text but the first.

    Attributes:
        logits: Its scores.
        targets: The tokens that came.
    """

    logits: Float[Tensor, "token vocab"]
    targets: Int[Tensor, " token"]


@torch.inference_mode()
def read_text(model: Transformer, ids: Int[Tensor, " token"]) -> Reading:
    """Have a model read a text in windows that follow one another, each token once."""
    stream = TokenStream(ids, ids, model.config.context_length)
    batches = list(stream.validation_batches())
    return Reading(
        torch.cat([model(batch.inputs).logits.flatten(0, 1) for batch in batches]),
        torch.cat([batch.targets.flatten() for batch in batches]),
    )


def held_out_play(plays: Sequence[Play]) -> Play:
    """Return Macbeth, which is not in the training part of `split_plays`.

    Raises:
        ValueError: If it is not among the plays.
    """
    found = [play for play in plays if play.slug == PLAY]
    if not found:
        raise ValueError(f"{PLAY} is not among {len(plays)} plays; give all of load_shakespeare()")
    return found[0]


def counted_bits(
    train_text: str, text: str, tokenizer: AnyTokenizer, highest_order: int
) -> list[float]:
    """Count n-grams in one text, and return what they make of another, in bits a character.

    Args:
        train_text: Where they are counted.
        text: What they predict.
        tokenizer: What the two are cut into.
        highest_order: Longest n-gram.

    Returns:
        Bits a character by order; entry 0 is guessing among all tokens alike.
    """
    train, ids = (torch.tensor(tokenizer.encode(part)) for part in (train_text, text))
    losses = ngram_losses(train, ids, tokenizer.vocab_size, highest_order)
    return [bits_per_character(loss, len(ids), len(text)) for loss in losses]


@dataclass(frozen=True, kw_only=True)
class NextToken:
    """Bits a character on a play that nothing has read.

    Attributes:
        model: The trunk with its language-model head.
        untrained: The same with weights drawn at random.
        characters: Counting characters, by order; 0 is guessing.
        tokens: Counting the model's tokens, by order.
    """

    model: float
    untrained: float
    characters: Sequence[float]
    tokens: Sequence[float]


def next_token_measured(seed: int = 0) -> NextToken:
    """Read Macbeth with the trunk, and count the 26 plays that it has read.

    Args:
        seed: Of the untrained weights.
    """
    plays = load_shakespeare()
    writer = load_trained(TRUNK)
    text, train_text = (
        shakespeare_text(part) for part in ((held_out_play(plays),), split_plays(plays).train)
    )
    ids = torch.tensor(writer.tokenizer.encode(text))
    untrained = Transformer(writer.model.config, generator=torch.Generator().manual_seed(seed))

    def bits(model: Transformer) -> float:
        reading = read_text(model.eval(), ids)
        loss = cross_entropy(reading.logits, reading.targets).item()
        return bits_per_character(loss, len(ids), len(text))

    return NextToken(
        model=bits(writer.model),
        untrained=bits(untrained),
        characters=counted_bits(
            train_text, text, CharacterTokenizer.train(train_text + text), CHARACTER_ORDER
        ),
        tokens=counted_bits(train_text, text, writer.tokenizer, TOKEN_ORDER),
    )


@claim_of("C10", next_token_measured)
def the_trunk_predicts_better_than_counting(numbers: NextToken) -> Finding:
    """Judge whether the trunk has learned more than counting gives for free."""
    counted = min(numbers.characters[-1], numbers.tokens[-1])
    bounds = (
        below(numbers.model, 2.2),
        above(counted - numbers.model, 0.1),
        above(numbers.untrained - numbers.model, 1.5),
        above(numbers.characters[2], 3.0),
        above(numbers.characters[5], 2.3),
        above(numbers.tokens[3], 2.3),
    )
    return Finding(
        f"next token of a play that nothing has read: {bounds[0]} bits a character, better than "
        f"all counting by {bounds[1]}",
        f"untrained: worse by {bounds[2]}; counted characters: bigram {bounds[3]}, 5-gram "
        f"{bounds[4]}; counted tokens: trigram {bounds[5]}",
        all(bound.holds for bound in bounds),
    )


@dataclass(frozen=True)
class Reliability:
    """How often tokens came that were given a probability, bin by bin.

    Attributes:
        given: The mean probability.
        came: The share of them that were right.
        cases: How many there were; a token of the vocabulary at a place of the text is one.
    """

    given: Sequence[float]
    came: Sequence[float]
    cases: Sequence[int]

    @property
    def largest_gap(self) -> float:
        """The largest difference between the two, in any bin with cases enough."""
        return max(abs(given - came) for given, came in zip(self.given, self.came, strict=True))


def reliability(
    probabilities: Float[Tensor, "token vocab"],
    targets: Int[Tensor, " token"],
    num_bins: int = NUM_BINS,
) -> Reliability:
    """Sort every probability that was given to any token into bins, and count what came.

    Args:
        probabilities: Of all tokens of the vocabulary, at each place of a text.
        targets: The token that came at each place.
        num_bins: Bins of equal width from 0 to 1; those of fewer than 100 cases are left out.

    Raises:
        ValueError: If a probability is outside [0, 1], or no bin has cases enough.
    """
    if not ((probabilities >= 0) & (probabilities <= 1 + 1e-6)).all():
        raise ValueError("a probability is outside [0, 1]; give what softmax returns, not logits")
    edges = torch.linspace(0, 1, num_bins + 1)[1:-1]
    cases, hits = torch.zeros((2, num_bins), dtype=torch.long)
    mass = torch.zeros(num_bins, dtype=torch.float64)
    # Part by part: bins are numbered with eight bytes each, twice what the probabilities take.
    for part, came in zip(probabilities.split(4_096), targets.split(4_096), strict=True):
        bins = torch.bucketize(part, edges).flatten()
        cases += torch.bincount(bins, minlength=num_bins)
        mass += torch.bincount(bins, part.flatten().double(), num_bins)
        right = torch.bucketize(part.gather(1, came[:, None]), edges).flatten()
        hits += torch.bincount(right, minlength=num_bins)
    enough = cases >= FEWEST_IN_BIN
    if not enough.any():
        raise ValueError(
            f"no bin has {FEWEST_IN_BIN} of the {probabilities.numel()} probabilities; "
            "give a longer text"
        )
    return Reliability(
        (mass / cases)[enough].tolist(), (hits / cases)[enough].tolist(), cases[enough].tolist()
    )


FITTING_PLAY, READ_PLAY = "king-john", "hamlet"
"""One that the trunk has not read either, to choose a temperature on; and one that it has."""

TEMPERATURES = tuple(tenth / 10 for tenth in range(7, 21))
FITTED_EVERY = 4


def best_temperature(reading: Reading) -> float:
    """Return the temperature, to a tenth, at which a text's loss is least."""
    logits, targets = reading.logits[::FITTED_EVERY], reading.targets[::FITTED_EVERY]
    return min(TEMPERATURES, key=lambda warmth: cross_entropy(logits / warmth, targets).item())


def sureness(reading: Reading, temperature: float = 1.0) -> Reliability:
    """Measure how sure a model was of a text, and how often it was right to be."""
    return reliability((reading.logits / temperature).softmax(-1), reading.targets)


@dataclass(frozen=True, kw_only=True)
class Sureness:
    """How sure the trunk is, and how right.

    Attributes:
        unread: On Macbeth.
        read: On Hamlet, one of the plays that it was trained on.
        temperature: Where the loss on King John is least.
        warmed: On Macbeth at that temperature.
    """

    unread: Reliability
    read: Reliability
    temperature: float
    warmed: Reliability


def sureness_measured(seed: int = 0) -> Sureness:  # noqa: ARG001
    """Read three plays with the trunk."""
    writer = load_trained(TRUNK)
    plays = {play.slug: play for play in load_shakespeare()}

    def read(slug: str) -> Reading:
        ids = writer.tokenizer.encode(shakespeare_text([plays[slug]]))
        return read_text(writer.model, torch.tensor(ids))

    return compare_sureness(read(PLAY), read(READ_PLAY), read(FITTING_PLAY))


def compare_sureness(unread: Reading, read: Reading, fitting: Reading) -> Sureness:
    """Choose a temperature on one reading, and measure two others."""
    temperature = best_temperature(fitting)
    return Sureness(
        unread=sureness(unread),
        read=sureness(read),
        temperature=temperature,
        warmed=sureness(unread, temperature),
    )


@claim_of("C10", sureness_measured)
def the_trunk_is_surer_than_right(measured: Sureness) -> Finding:
    """Judge whether the trunk promises too much on a new play, and what a temperature mends."""
    bounds = (
        above(measured.unread.largest_gap, 0.1),
        above(measured.temperature, 1.05),
        above(measured.unread.largest_gap - measured.warmed.largest_gap, 0.04),
        below(measured.read.largest_gap, 0.09),
    )
    return Finding(
        f"surer than right on a play that it has not read: largest difference {bounds[0]}; at a "
        f"temperature {bounds[1]}, chosen on another play, it shrinks by {bounds[2]}",
        f"on a play that it has read: {bounds[3]}",
        all(bound.holds for bound in bounds),
    )
