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
from transformer_course.experiments.fitting import Answer, fit
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
TOKENS = tuple(
    dict.fromkeys(
        (*CHARACTERS, PADDING, START, ",", "the", "of", *DAYS, *ORDINALS, *MONTHS, *WEEKDAYS)
        + YEARS
    )
)
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
    num_steps=150, batch_size=128, learning_rate=3e-3, weight_decay=0.0, warmup_steps=15
)


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
