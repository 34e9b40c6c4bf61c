"""What lesson 04 asks for, first half: how fast each pair turns, and the table of sinusoids.

Builds on: positional, engine.  Lacks: what acts inside attention (positional_encoding_inside).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING

pair_frequencies = Exercise(
    "positional.pair_frequencies",
    lesson="04",
    level=1,
    minutes=6,
    stub="""def pair_frequencies(d_model, base=10_000.0):
    # → torch tensor (d_model / 2,): how many radians each pair turns from one place to the next,
    # base^(−2i/d_model) for pair i = 0, 1, 2 …; an odd d_model raises a ValueError
    ...
""",
    start="Begin with d_model = 4: two pairs, i = 0 and i = 1. What are their two exponents?",
    hints=(
        "For d_model = 4 the exponents are 0 and −2/4, and the frequencies 1 and 1/100. What are "
        "the three exponents for d_model = 6?",
        "torch.arange(0, d_model, 2) counts 0, 2, 4 …: these are the 2i of all pairs. An odd "
        "d_model leaves one number over: before anything else, `raise ValueError(…)` there.",
        "Divide the 2i by d_model, and raise base to minus that: one power for the whole tensor.",
    ),
    unlocks="Your table of sinusoids may call it from now on.",
    mistakes=(
        Mistake(
            "the exponents are half as large",
            "Pair i has the exponent −2i/d_model. For d_model = 4, what is pair 1's?",
            {"torch.arange(0, d_model, 2, ": "torch.arange(0, d_model // 2, "},
            source="trap 13",
        ),
        Mistake(
            "the exponents are twice as large",
            "There are d_model / 2 pairs, and the exponent divides by d_model. For d_model = 4, "
            "what is pair 1's?",
            {"/ d_model\n": "/ (d_model / 2)\n"},
            source="trap 13",
        ),
        Mistake(
            "each pair turns faster than the one before",
            "The first pair is the fastest. Which sign has the exponent?",
            {"base**-exponents": "base**exponents"},
            source="trap 13",
        ),
        Mistake(
            "each pair turns half as fast as the one before",
            "The factor from pair to pair is base^(−2/d_model). Is that a half, for d_model = 4?",
            {"base**-exponents": "0.5 ** torch.arange(len(exponents))"},
            source="trap 13",
        ),
        Mistake(
            "these are wavelengths, not frequencies",
            "A wavelength says after how many places a pair has gone round once. How far does it "
            "go in one place?",
            {"base**-exponents": "2 * math.pi * base**exponents"},
            source="trap 13",
        ),
        Mistake(
            "the last pair turns by exactly 1/base",
            "What divides the exponent: d_model, or d_model − 2? (One well-known library has the "
            "latter, the paper does not.)",
            {"/ d_model\n": "/ max(d_model - 2, 1)\n"},
            source="github.com/tensorflow/tensor2tensor/issues/1423",
        ),
        Mistake(
            "`base` is never used",
            "With base = 100 the pairs have to come out faster than with 10,000.",
            {"base**-exponents": "10_000**-exponents"},
            source="trap 13",
        ),
        Mistake(
            "pairs are counted from 1",
            "How much is base to the power 0? The first pair turns by that.",
            {"torch.arange(0, d_model, 2, ": "torch.arange(2, d_model + 2, 2, "},
            source="trap 13",
        ),
        Mistake(
            "an odd d_model is not refused",
            "Of 3 numbers, which one is the partner of the last?",
            {"if d_model % 2:": "if d_model < 1:"},
            source="trap 13",
        ),
    ),
)


def in_float32(result: Any) -> Any:
    """Round a tensor of whatever floats: more digits than these are welcome, and not asked for."""
    floats = isinstance(result, torch.Tensor) and result.is_floating_point()
    return result.float() if floats else result


def _result_or_refusal(candidate: Any, given: dict[str, Any]) -> Any:
    """Call the candidate; where d_model is odd, note whether it raises a ValueError.

    The odd case stands last among the inputs: of two slips the one in the numbers is told first.
    """
    if given["d_model"] % 2 == 0:
        return in_float32(candidate(**given))
    try:
        result = candidate(**given)
    except ValueError:
        return {"refused": True}
    return None if result is None else {"refused": False}


def _odd_is_refused(given: SimpleNamespace, found: Any) -> str | None:
    if given.d_model % 2 == 0 or found["refused"]:
        return None
    return f"an odd width, d_model={given.d_model}, was taken, and no ValueError raised"


@pair_frequencies.inputs
def _widths(_: Generator) -> dict[str, dict[str, Any]]:
    return {
        "one pair": {"d_model": 2},
        "two pairs": {"d_model": 4},
        "six pairs": {"d_model": 12},
        "five pairs, base 100": {"d_model": 10, "base": 100.0},
        "three numbers, an odd width": {"d_model": 3},
    }


@pair_frequencies.probe
def _frequencies(candidate: Any, **given: Any) -> Any:
    return _result_or_refusal(candidate, given)


@pair_frequencies.property("an odd d_model is refused")
def _odd_frequencies(given: SimpleNamespace, found: Any) -> str | None:
    return _odd_is_refused(given, found)


@pair_frequencies.property("the first pair turns by 1 radian")
def _first_pair(given: SimpleNamespace, found: Any) -> str | None:
    if given.d_model % 2 or abs(found[0] - 1) <= ROUNDING:
        return None
    return f"the first pair turns by {found[0]:.3g} radians a place"


@pair_frequencies.property("each pair is slower than the one before")
def _slower(given: SimpleNamespace, found: Any) -> str | None:
    if given.d_model % 2 or (np.diff(found) < 0).all():
        return None
    place = int(np.argmax(np.diff(found) >= 0))
    return f"pair {place} turns by {found[place]:.3g}, pair {place + 1} by {found[place + 1]:.3g}"


sinusoidal_table = Exercise(
    "positional.sinusoidal_table",
    lesson="04",
    level=2,
    minutes=10,
    stub="""def sinusoidal_table(length, d_model, base=10_000.0):
    # → torch tensor (length, d_model), a row for each place, counted from 0: columns 2i and 2i + 1
    # hold sine and cosine of place · base^(−2i/d_model); an odd d_model raises a ValueError
    ...
""",
    start="Begin with two columns: the sine and the cosine of the places 0, 1, 2 themselves.",
    hints=(
        "Which table has a row for each place and a column for each pair? It holds the angles: "
        "place times frequency.",
        "torch.arange(length)[:, None] is a column of places; times a row of frequencies it gives "
        "all angles. pair_frequencies(d_model, base) stands ready to be called.",
        "sin and cos of the angles are two tables. torch.stack((…, …), dim=-1) puts each sine "
        "beside its cosine, on a new last axis; .flatten(-2) makes one row of them.",
    ),
    unlocks="From now on the sinusoidal model of section 6 reads its places off your table.",
    lends=("positional.pair_frequencies",),
    mistakes=(
        Mistake(
            "sines everywhere, no cosine",
            "What stands in the columns 1, 3, 5 …? At place 0 they hold 1.",
            {"angles.cos()": "angles.sin()"},
            source="trap 13",
        ),
        Mistake(
            "the cosine stands before its sine",
            "At place 0, is the first number 0 or 1?",
            {"(angles.sin(), angles.cos())": "(angles.cos(), angles.sin())"},
            source="trap 13",
        ),
        Mistake(
            "all sines stand before all cosines",
            "Both ways of writing exist. Here each sine stands beside its cosine: which columns "
            "hold pair 0?",
            {"torch.stack(": "torch.cat(", ".flatten(-2)": ""},
            source="github.com/tensorflow/tensor2tensor/issues/391",
        ),
        Mistake(
            "the two numbers of a pair stand on an axis of their own",
            "A row of d_model numbers is asked for. Which two axes have to become one?",
            {".flatten(-2)": ""},
            source="trap 7",
        ),
        Mistake(
            "`base` is never used",
            "With base = 100 all hands but the first turn faster. Is your base handed on to "
            "pair_frequencies?",
            {"pair_frequencies(d_model, base)": "pair_frequencies(d_model)"},
            source="trap 13",
        ),
        Mistake(
            "the exponents are half as large",
            "Pair i has the exponent −2i/d_model. For d_model = 6, what is pair 1's?",
            {"pair_frequencies(d_model, base)": "pair_frequencies(d_model, base**0.5)"},
            source="trap 13",
        ),
        Mistake(
            "places are counted from 1",
            "What is the sine of 0? The first row has to begin with it.",
            {"torch.arange(length)": "torch.arange(1, length + 1)"},
            source="trap 22",
        ),
        Mistake(
            "places and speeds are multiplied one by one",
            "Each place meets each speed: a row for each place, a column for each hand. How does a "
            "row of places become a column?",
            {"torch.arange(length)[:, None]": "torch.arange(length)"},
            source="trap 7",
        ),
        Mistake(
            "places and speeds are multiplied one by one, and a pair keeps an axis of its own",
            "Each place meets each speed: a row for each place, a column for each hand. How does a "
            "row of places become a column?",
            {"torch.arange(length)[:, None]": "torch.arange(length)", ".flatten(-2)": ""},
            source="trap 7",
        ),
        Mistake(
            "angles are taken for degrees",
            "Sine and cosine of torch and numpy take radians. What is sin 1 there?",
            {
                "positions * pair_frequencies(d_model, base)": (
                    "torch.deg2rad(positions * pair_frequencies(d_model, base))"
                )
            },
            source="trap 13",
        ),
        Mistake(
            "each pair turns half as fast as the one before",
            "The factor from pair to pair is base^(−2/d_model). Is that a half, for d_model = 6?",
            {
                "pair_frequencies(d_model, base)": (
                    "0.5 ** torch.arange(len(pair_frequencies(d_model, base)))"
                )
            },
            source="trap 13",
        ),
        Mistake(
            "the exponents are twice as large",
            "Pair i has the exponent −2i/d_model. For d_model = 6, what is pair 1's?",
            {"pair_frequencies(d_model, base)": "pair_frequencies(d_model, base**2)"},
            source="trap 13",
        ),
        Mistake(
            "column 2i + 1 counts as a pair of its own",
            "Columns 2 and 3 are both pair 1. Whose number is i in −2i/d_model: the column's?",
            {
                "pair_frequencies(d_model, base)": "pair_frequencies(d_model, base**2)",
                "angles.cos()": "(angles * base ** (-2 / d_model)).cos()",
            },
            source="github.com/jadore801120/attention-is-all-you-need-pytorch/issues/32",
        ),
        Mistake(
            "a sine and its cosine turn at different speeds",
            "Columns 2i and 2i + 1 share one angle. Is the exponent counted by columns or by "
            "pairs?",
            {"angles.cos()": "(angles * base ** (-1 / d_model)).cos()"},
            source="github.com/maxjcohen/transformer/issues/62",
        ),
        Mistake(
            "an odd d_model is not refused",
            "Of 3 columns, where is the cosine of the last sine?",
            {
                "pair_frequencies(d_model, base)": (
                    "base ** (-torch.arange(0, d_model, 2) / d_model)"
                )
            },
            source="trap 13",
        ),
    ),
)


@sinusoidal_table.inputs
def _sizes(_: Generator) -> dict[str, dict[str, Any]]:
    return {
        "three places, one pair": {"length": 3, "d_model": 2},
        "one place, two pairs": {"length": 1, "d_model": 4},
        "five places, three pairs": {"length": 5, "d_model": 6},
        "eleven places, four pairs, base 100": {"length": 11, "d_model": 8, "base": 100.0},
        "two places, three numbers, an odd width": {"length": 2, "d_model": 3},
    }


@sinusoidal_table.probe
def _table(candidate: Any, **given: Any) -> Any:
    return _result_or_refusal(candidate, given)


@sinusoidal_table.property("an odd d_model is refused")
def _odd_table(given: SimpleNamespace, found: Any) -> str | None:
    return _odd_is_refused(given, found)


@sinusoidal_table.property("the first row is 0, 1, 0, 1 …")
def _first_row(given: SimpleNamespace, found: Any) -> str | None:
    if given.d_model % 2:
        return None
    wanted = np.tile([0, 1], given.d_model // 2)
    if np.abs(found[0] - wanted).max() <= ROUNDING:
        return None
    return f"row 0 begins {', '.join(f'{number:.2f}' for number in found[0, :4])}"


@sinusoidal_table.property("every pair has the length 1")
def _length_one(given: SimpleNamespace, found: Any) -> str | None:
    if given.d_model % 2:
        return None
    lengths = np.hypot(found[:, ::2], found[:, 1::2])
    row, pair = np.unravel_index(np.abs(lengths - 1).argmax(), lengths.shape)
    if abs(lengths[row, pair] - 1) <= ROUNDING:
        return None
    numbers = ", ".join(f"{number:.2f}" for number in found[row, 2 * pair : 2 * pair + 2])
    return f"row {row}, pair {pair} holds ({numbers}): squared and added up, not 1"
