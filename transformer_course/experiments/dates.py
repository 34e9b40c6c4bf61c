"""Claim C11, two texts: an encoder reads a date in words, a decoder writes it as 1998-03-03.

Cross-attention is the only way from one to the other, so what it looks at can be measured: where a
digit needs a word, and where it needs none. Beside it stand the same decoder with another sentence
before it, and a matrix that only counts words.

Source: Vaswani et al. 2017, section 3.2.3 (encoder–decoder attention); Bahdanau et al. 2015,
section 5.2.1 (alignment).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from transformer_course.claims import Finding, above, below, claim_of
from transformer_course.config import TransformerConfig
from transformer_course.experiments.fitting import Answer, count_parameters, fit
from transformer_course.model import Transformer, TransformerOutput
from transformer_course.training import Batch, Step, TrainingConfig, training_step

FIRST, LAST = date(1900, 1, 1), date(1999, 12, 31)
HELD_OUT_EVERY = 10
"""Every tenth day is asked for only after training."""

CHARACTERS = "0123456789-"
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = tuple(str(day) for day in range(1, 32))
ENDINGS = {day: ending for days, ending in (((1, 21, 31), "st"), ((2, 22), "nd"), ((3, 23), "rd"))
           for day in days}  # fmt: skip
ORDINALS = tuple(f"{day}{ENDINGS.get(day, 'th')}" for day in range(1, 32))
YEARS = tuple(str(year) for year in range(FIRST.year, LAST.year + 1))
PADDING, START = "<padding>", "<start>"
WORDS = (",", "the", "of", *DAYS, *ORDINALS, *MONTHS, *WEEKDAYS, *YEARS)
TOKENS = tuple(dict.fromkeys((*CHARACTERS, PADDING, START, *WORDS)))
IDS = {token: number for number, token in enumerate(TOKENS)}

WORDINGS = (
    "{month} {day} , {year}",
    "{day} {month} {year}",
    "the {ordinal} of {month} {year}",
    "{weekday} , {day} {month} {year}",
    "{year} , the {ordinal} of {month}",
)
SLOTS = ("month", "day", "ordinal", "weekday", "year", ",", "the", "of", PADDING)
SOURCE_LENGTH = max(len(wording.split()) for wording in WORDINGS)
ISO_LENGTH = len("1998-03-03")

KINDS = ("year", "month", "day", "other")
NEEDS = ("year",) * 4 + ("other",) + ("month",) * 2 + ("other",) + ("day",) * 2
"""What each character of the answer is about; the first two, 19, are the same in all."""
FREE, TOLD = (0, 1), (2, 3, 5, 6, 8, 9)

TRAINING = TrainingConfig(
    num_steps=200, batch_size=128, learning_rate=3e-3, weight_decay=0.0, warmup_steps=15
)
NUM_QUESTIONS = 1_000
COUNTING_RATE = 3e-2
"""A single matrix bears a higher learning rate, and would be far from done without."""


@dataclass(frozen=True)
class Calendar:
    """All dates of the century as token ids.

    Attributes:
        slots: What stands in each of `SLOTS`, a row a date.
        iso: The answers, a row a date.
        held_out: Which dates are left out of training.
    """

    slots: Int[Tensor, "date slot"]
    iso: Int[Tensor, "date character"]
    held_out: Bool[Tensor, " date"]


@cache
def calendar() -> Calendar:
    """Write down every day from 1900 to 1999."""
    days = [FIRST + timedelta(number) for number in range((LAST - FIRST).days + 1)]
    return Calendar(
        slots=torch.tensor([_slots(day) for day in days]),
        iso=torch.tensor([[IDS[sign] for sign in day.isoformat()] for day in days]),
        held_out=torch.arange(len(days)) % HELD_OUT_EVERY == 0,
    )


def _slots(day: date) -> list[int]:
    words = {
        "month": MONTHS[day.month - 1],
        "day": DAYS[day.day - 1],
        "ordinal": ORDINALS[day.day - 1],
        "weekday": WEEKDAYS[day.weekday()],
        "year": str(day.year),
    }
    return [IDS[words.get(slot, slot)] for slot in SLOTS]


def sample_dates(batch_size: int, generator: torch.Generator, *, held_out: bool = False) -> Batch:
    """Draw dates, each in one of five wordings.

    Args:
        batch_size: How many.
        generator: Draws dates and wordings.
        held_out: Whether to draw from the dates that are kept out of training.

    Returns:
        Rows of words, padding, a start and all characters but the last; and the characters.
    """
    dates = calendar()
    (allowed,) = (dates.held_out == held_out).nonzero(as_tuple=True)
    drawn = allowed[torch.randint(len(allowed), (batch_size,), generator=generator)]
    wording = torch.randint(len(WORDINGS), (batch_size,), generator=generator)
    source = dates.slots[drawn].gather(1, _wording_slots()[wording])
    iso = dates.iso[drawn]
    start = torch.full((batch_size, 1), IDS[START])
    return Batch(torch.cat((source, start, iso[:, :-1]), dim=1), iso)


@cache
def _wording_slots() -> Int[Tensor, "wording word"]:
    """Return which slot fills each place of each wording."""
    rows = [[SLOTS.index(word.strip("{}")) for word in wording.split()] for wording in WORDINGS]
    fill = SLOTS.index(PADDING)
    return torch.tensor([row + [fill] * (SOURCE_LENGTH - len(row)) for row in rows])


class Translator(nn.Module):
    """An encoder–decoder that is given both of its texts in one row, as training hands them over.

    Args:
        parts: Replacements, as `Transformer` takes them.
        generator: Draws the first weights.
    """

    def __init__(self, parts: Mapping[str, Any] | None, generator: torch.Generator) -> None:
        super().__init__()
        config = TransformerConfig(
            vocab_size=len(TOKENS),
            context_length=ISO_LENGTH,
            d_model=64,
            num_layers=1,
            num_heads=1,
            d_feed_forward=128,
            architecture="encoder_decoder",
            initialisation="silent",
        )
        self.transformer = Transformer(config, parts=parts, generator=generator)

    def forward(
        self, rows: Int[Tensor, "batch length"], *, need_weights: bool = False
    ) -> TransformerOutput:
        """Read the words that stand first in each row, then what is written so far."""
        source, written = rows[:, :SOURCE_LENGTH], rows[:, SOURCE_LENGTH:]
        memory = self.transformer.encode(source, padding_mask=source != IDS[PADDING])
        return self.transformer(written, memory=memory, need_weights=need_weights)


class WordCounts(nn.Module):
    """The control: which words there are, in any order, times one matrix; no attention."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Linear(len(TOKENS), ISO_LENGTH * len(CHARACTERS))
        nn.init.zeros_(self.matrix.weight)
        nn.init.zeros_(self.matrix.bias)

    def forward(self, rows: Int[Tensor, "batch length"]) -> Answer:
        """Score each of the ten characters from the words alone."""
        words = nn.functional.one_hot(rows[:, :SOURCE_LENGTH], len(TOKENS)).sum(1).float()
        return Answer(self.matrix(words).unflatten(-1, (ISO_LENGTH, len(CHARACTERS))))


def train_translator(
    seed: int = 0,
    *,
    num_steps: int = TRAINING.num_steps,
    parts: Mapping[str, Any] | None = None,
    step: Step = training_step,
) -> Translator:
    """Train an encoder–decoder on dates, in seconds.

    Args:
        seed: Of the first weights and the batches.
        num_steps: Optimiser steps.
        parts: Replacements, as `Transformer` takes them.
        step: What does a step, in place of the course's own.
    """
    generator = torch.Generator().manual_seed(seed)
    translator = Translator(parts, generator)
    fit(translator, sample_dates, _training(num_steps), generator, step)
    return translator


def _training(num_steps: int) -> TrainingConfig:
    return replace(
        TRAINING, num_steps=num_steps, warmup_steps=min(TRAINING.warmup_steps, num_steps)
    )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One sentence and what became of it.

    Attributes:
        words: The sentence, without padding.
        written: The ten characters that the decoder wrote, each after those before it.
        weights: How much each character, while it was being written, looked at each word.
    """

    words: tuple[str, ...]
    written: tuple[str, ...]
    weights: Float[Tensor, "character word"]


@torch.inference_mode()
def read_date(translator: Translator, sentence: str) -> Reading:
    """Have a date written down: "March 3, 1998", "the 3rd of March 1998" and the like.

    Raises:
        ValueError: If a word is unknown, or there are too few or too many.
    """
    words = tuple(sentence.replace(",", " , ").split())
    unknown = [word for word in words if word not in WORDS]
    if unknown or not 0 < len(words) <= SOURCE_LENGTH:
        raise ValueError(
            f"{sentence!r} has {len(words)} words, commas included, unknown {unknown}; expected "
            f"1 to {SOURCE_LENGTH} known ones, such as 'the 3rd of March 1998', from "
            f"{YEARS[0]} to {YEARS[-1]}"
        )
    source = [*words, *[PADDING] * (SOURCE_LENGTH - len(words)), START]
    row = torch.tensor([[IDS[word] for word in source]])
    for _ in range(ISO_LENGTH):
        output = translator(row, need_weights=True)
        row = torch.cat((row, output.logits[:, -1:].argmax(-1)), dim=1)
    return Reading(
        words=words,
        written=tuple(TOKENS[number] for number in row[0, -ISO_LENGTH:].tolist()),
        weights=output.cross_attention_weights[-1][0].mean(0)[:, : len(words)],
    )


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How a translator does on dates that it was not trained on.

    Attributes:
        exact: Share of dates with all ten characters right.
        told: Weight on the word that tells a digit, mean over the six that need one.
        free: Weight on the year, mean over the two digits, 19, that are the same in all dates.
        looked_at: Mean weight of each character on the words of each of `KINDS`.
    """

    exact: float
    told: float
    free: float
    looked_at: Float[Tensor, "character kind"]


@torch.inference_mode()
def score(translator: Translator, questions: Batch) -> Scores:
    """Measure accuracy and alignment.

    The decoder is given the right characters so far. It then gets all ten right in the same dates
    as if it were given its own: up to the first mistake the two are one.
    """
    output = translator(questions.inputs, need_weights=True)
    weights = output.cross_attention_weights[-1].mean(1)
    kinds = _kinds()[questions.inputs[:, :SOURCE_LENGTH]]
    looked_at = (weights @ nn.functional.one_hot(kinds, len(KINDS)).float()).mean(0)
    on_needed = looked_at[range(ISO_LENGTH), [KINDS.index(kind) for kind in NEEDS]]
    return Scores(
        exact=_exact(output.logits, questions.targets),
        told=on_needed[list(TOLD)].mean().item(),
        free=on_needed[list(FREE)].mean().item(),
        looked_at=looked_at,
    )


def _kinds() -> Int[Tensor, " vocab"]:
    """Return what each word is about, as its place in `KINDS`."""
    words = {"year": YEARS, "month": MONTHS, "day": (*DAYS, *ORDINALS)}
    kind_of = {word: KINDS.index(kind) for kind, group in words.items() for word in group}
    return torch.tensor([kind_of.get(token, KINDS.index("other")) for token in TOKENS])


def _exact(logits: Tensor, targets: Tensor) -> float:
    return (logits.argmax(-1) == targets).all(-1).double().mean().item()


@dataclass(frozen=True, kw_only=True)
class Dates:
    """The translator on dates held out, and what it is compared with.

    Attributes:
        trained: The trained translator.
        untrained: The same before its first step.
        other_source: Share of dates that are right where the trained translator is given another
            date to read.
        counting: The same share for a matrix over word counts, trained on as many batches.
        num_parameters: Of the translator.
        num_counting_parameters: Of the matrix.
        translator: The trained one, to read more with (`read_date`).
    """

    trained: Scores
    untrained: Scores
    other_source: float
    counting: float
    num_parameters: int
    num_counting_parameters: int
    translator: Translator


def dates_translated(
    seed: int = 0,
    *,
    num_steps: int = TRAINING.num_steps,
    parts: Mapping[str, Any] | None = None,
    step: Step = training_step,
) -> Dates:
    """Train translator and control, and ask both for dates that they were not trained on.

    Args:
        seed: Of weights and batches.
        num_steps: Optimiser steps, of both.
        parts: Replacements in the translator, as `Transformer` takes them.
        step: What does a step, in place of the course's own.
    """
    translator = train_translator(seed, num_steps=num_steps, parts=parts, step=step)
    generator = torch.Generator().manual_seed(seed)
    untrained = Translator(parts, generator).eval()
    counting = WordCounts()
    training = replace(_training(num_steps), learning_rate=COUNTING_RATE)
    fit(counting, sample_dates, training, generator, step)
    questions = sample_dates(
        NUM_QUESTIONS, torch.Generator().manual_seed(seed + 1_000), held_out=True
    )
    other = questions.inputs.clone()
    other[:, :SOURCE_LENGTH] = other[:, :SOURCE_LENGTH].roll(1, 0)
    with torch.inference_mode():
        return Dates(
            trained=score(translator, questions),
            untrained=score(untrained, questions),
            other_source=_exact(translator(other).logits, questions.targets),
            counting=_exact(counting(questions.inputs).logits, questions.targets),
            num_parameters=count_parameters(translator),
            num_counting_parameters=count_parameters(counting),
            translator=translator,
        )


@claim_of("C11", dates_translated)
def cross_attention_finds_the_word(dates: Dates) -> Finding:
    """Judge whether dates are right for what was read, and looked up where they have to be."""
    trained, untrained = dates.trained, dates.untrained
    said = right, needed, other, counting = (
        above(trained.exact, 0.97),
        above(trained.told, 0.65),
        below(dates.other_source, 0.01),
        above(dates.counting, 0.97),
    )
    return Finding.of(
        f"dates: unseen ones wholly right {right}; weight on the word that a digit needs {needed}",
        f"right with another date to read {other}; by a matrix that counts words {counting}",
        said,
        {
            "weight of a digit that needs it, less that of 19 on the year,": above(
                trained.told - trained.free, 0.2
            ),
            "untrained, right": below(untrained.exact, 0.01),
            "untrained, weight on the needed word": below(untrained.told, 0.3),
            "the translator's parameters, over the matrix's,": above(
                dates.num_parameters / dates.num_counting_parameters, 5
            ),
        },
    )
