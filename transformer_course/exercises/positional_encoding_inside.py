"""What lesson 04 asks for, second half: a turned pair (RoPE) and a price of distance (ALiBi).

Builds on: positional, engine.  Lacks: queries and keys of many pairs, lesson 05's (positional).
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from transformer_course.engine.exercise import Exercise, Mistake
from transformer_course.engine.properties import ROUNDING
from transformer_course.exercises.positional_encoding import in_float32

turn_pair = Exercise(
    "positional.turn_pair",
    lesson="04",
    level=2,
    minutes=8,
    stub="""def turn_pair(pair, positions, frequency):
    # pair: tensor of two numbers (a, b); positions: whole numbers, a tensor of any shape (…)
    # frequency: radians from one place to the next
    # → (…, 2): at each place (a, b) turned counterclockwise by the angle place · frequency
    ...
""",
    start="Begin with (1, 0), turned by a quarter: it has to become (0, 1).",
    hints=(
        "A point (a, b) that is turned by the angle φ becomes (a cos φ − b sin φ, …). The other "
        "number has a sine and a cosine, too: what must (1, 0) become, and what (0, 1)?",
        "The angles are positions · frequency, a tensor as large as positions. One line makes all "
        "the first numbers, one all the second ones; both need the old a and b.",
        "The second numbers are a sin φ + b cos φ. torch.stack((…, …), dim=-1) puts the two "
        "beside each other.",
    ),
    unlocks="You have RoPE for one pair; lesson 05 does it to all pairs of queries and keys.",
    mistakes=(
        Mistake(
            "both terms have the same sign, and lengths change",
            "A turn keeps lengths. What does (1, 0) become, and what (0, 1)?",
            {"angles.cos() - second": "angles.cos() + second"},
            source="trap 16",
        ),
        Mistake(
            "it turns clockwise",
            "By a quarter, (1, 0) has to become (0, 1), not (0, −1).",
            {
                "angles.cos() - second": "angles.cos() + second",
                "turned_second = first": "turned_second = -first",
            },
            source="trap 16",
        ),
        Mistake(
            "the second number is made of the first one as turned already",
            "Both new numbers are made of the old a and b. Which a does your second line read?",
            {"turned_second = first": "turned_second = turned_first"},
            source="trap 16",
        ),
        Mistake(
            "the angle is the same at every place",
            "At place 3 the pair has turned three times as far as at place 1.",
            {"positions * frequency": "0 * positions + frequency"},
            source="trap 16",
        ),
        Mistake(
            "places are counted from 1",
            "What is left of the angle at place 0?",
            {"positions * frequency": "(positions + 1) * frequency"},
            source="trap 22",
        ),
        Mistake(
            "the place is divided by the frequency",
            "A frequency says how far the pair turns in one place. And in two?",
            {"positions * frequency": "positions / frequency"},
            source="trap 13",
        ),
        Mistake(
            "`frequency` is never used",
            "At frequency 0.5, place 2 turns the pair by 1 radian. By how much does yours?",
            {"positions * frequency": "positions"},
            source="trap 13",
        ),
        Mistake(
            "angles are taken for degrees",
            "Sine and cosine of torch take radians: π is half a turn.",
            {"positions * frequency": "torch.deg2rad(positions * frequency)"},
            source="trap 13",
        ),
        Mistake(
            "the two numbers stand on the first axis, not on the last",
            "A row for each place, two columns: along which axis do you stack?",
            {"dim=-1)": "dim=0)"},
            source="trap 7",
        ),
        Mistake(
            "sine and cosine are added to the pair",
            "That is what sinusoids do. Here the pair itself turns, and keeps its length.",
            {
                "first * angles.cos() - second * angles.sin()": "first + angles.sin()",
                "first * angles.sin() + second * angles.cos()": "second + angles.cos()",
            },
            source="trap 16",
        ),
    ),
)


@turn_pair.inputs
def _pairs(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(pair: Any, positions: Any, frequency: float) -> dict[str, Any]:
        numbers = torch.tensor(pair, dtype=torch.float32)
        return {"pair": numbers, "positions": torch.tensor(positions), "frequency": frequency}

    return {
        "(1, 0), a quarter a place": case([1.0, 0.0], [0, 1, 2], np.pi / 2),
        "(3, 4) at seven places": case([3.0, 4.0], list(range(7)), 0.3),
        "a random pair, slowly": case(rng.normal(size=2), [0, 5, 11, 40], 0.01),
        "places in two rows": case(rng.normal(size=2), [[0, 1, 2], [7, 8, 9]], 1.0),
        "one place, without an axis": case([2.0, -1.0], 3, 0.5),
    }


@turn_pair.probe
def _turned(candidate: Any, **given: Any) -> Any:
    return in_float32(candidate(**given))


@turn_pair.property("place 0 changes nothing")
def _still_at_the_start(given: SimpleNamespace, found: Any) -> str | None:
    moved = np.abs(found - given.pair)[given.positions == 0]
    if not moved.size or moved.max() <= ROUNDING:
        return None
    return f"at place 0 the pair has moved by {moved.max():.2f}"


@turn_pair.property("the length stays")
def _length_stays(given: SimpleNamespace, found: Any) -> str | None:
    wanted, lengths = np.hypot(*given.pair), np.hypot(found[..., 0], found[..., 1])
    worst = np.unravel_index(np.abs(lengths - wanted).argmax(), lengths.shape)
    if abs(lengths[worst] - wanted) <= ROUNDING:
        return None
    return (
        f"a pair of length {wanted:.2f} has the length {lengths[worst]:.2f} at place "
        f"{given.positions[worst]}"
    )


distance_bias = Exercise(
    "positional.distance_bias",
    lesson="04",
    level=2,
    minutes=7,
    stub="""def distance_bias(query_positions, key_positions, slope):
    # query_positions (…, queries): where the words stand that look; key_positions (…, keys):
    # where those stand that are looked at; slope: a number, or a tensor broadcast to the result
    # → (…, queries, keys): −slope for each step between the two, in either direction
    ...
""",
    start="Begin with two lists of places, [0, 1, 2] both: which nine distances are there?",
    hints=(
        "Write the distances for places 0, 1, 2 on paper: a row for each word that looks, a column "
        "for each that is looked at.",
        "A column of places minus a row of places gives all differences. [..., :, None] makes the "
        "one, [..., None, :] the other, whatever axes stand in front.",
        "A step ahead costs as much as a step back: .abs(). Then times −slope.",
    ),
    unlocks="From now on the ALiBi model of section 6 pays for distance by your function.",
    mistakes=(
        Mistake(
            "what is far away gains",
            "This is added to scores. Whose score has to fall, that of the near or of the far?",
            {"return -slope": "return slope"},
            source="trap 15",
        ),
        Mistake(
            "what lies ahead gains",
            "A step ahead costs as much as a step back. What is 1 − 3?",
            {"steps.abs()": "steps"},
            source="trap 12",
        ),
        Mistake(
            "what lies behind gains",
            "A step back costs as much as a step ahead. What is 1 − 3?",
            {"steps.abs()": "-steps"},
            source="trap 12",
        ),
        Mistake(
            "`slope` is never used",
            "A step costs 0.5 at slope 0.5, and 2 at slope 2.",
            {"-slope * ": "-"},
            source="trap 15",
        ),
        Mistake(
            "what lies ahead costs nothing",
            "Here words look both ways. What does a step ahead cost?",
            {"steps.abs()": "steps.clamp(min=0)"},
            source="trap 12",
        ),
        Mistake(
            "distances are squared",
            "Three steps cost three times as much as one.",
            {"steps.abs()": "steps.square()"},
            source="trap 15",
        ),
        Mistake(
            "a word pays a step for looking at itself",
            "How far is a word from itself?",
            {"steps.abs()": "(steps.abs() + 1)"},
            source="trap 22",
        ),
        Mistake(
            "each word looks at one word only",
            "Three words that look at three make nine distances. How do a column and a row meet?",
            {
                "query_positions[..., :, None] - key_positions[..., None, :]": (
                    "query_positions - key_positions"
                )
            },
            source="trap 7",
        ),
        Mistake(
            "rows are the words that are looked at",
            "Rows are the words that look, columns those that are looked at: two queries and five "
            "keys make (2, 5).",
            {
                "query_positions[..., :, None]": "query_positions[..., None, :]",
                "key_positions[..., None, :]": "key_positions[..., :, None]",
            },
            source="trap 7",
        ),
        Mistake(
            "the distance is divided by the slope",
            "A steeper slope makes distance dearer. What does a step cost at slope 0.5?",
            {"-slope * ": "-1 / slope * "},
            source="trap 15",
        ),
    ),
)


@distance_bias.inputs
def _places(rng: Generator) -> dict[str, dict[str, Any]]:
    def case(query_positions: Any, key_positions: Any, slope: Any) -> dict[str, Any]:
        places = {"query_positions": query_positions, "key_positions": key_positions}
        return {**{n: torch.as_tensor(p) for n, p in places.items()}, "slope": slope}

    slopes = torch.tensor(rng.uniform(0.1, 0.4, (5, 1, 1)), dtype=torch.float32)
    several = case(np.arange(6).reshape(2, 1, 3), np.arange(8).reshape(2, 1, 4), slopes)
    return {
        "three words": case([0, 1, 2], [0, 1, 2], 0.5),
        "two words that look at five": case([3, 4], [0, 1, 2, 3, 4], 0.25),
        "one word among 64": case([30], [0, 7, 18, 29, 30, 31, 44, 63], 2.0),
        "two texts, five slopes": several,
    }


@distance_bias.probe
def _bias(candidate: Any, **given: Any) -> Any:
    bias = candidate(**given)
    # Whole numbers come from an answer without the slope: that is what to say, not the dtype.
    return bias.float() if isinstance(bias, torch.Tensor) else bias


@distance_bias.property("looking at oneself costs nothing")
def _own_place(given: SimpleNamespace, found: Any) -> str | None:
    own = given.query_positions[..., :, None] == given.key_positions[..., None, :]
    paid = np.abs(np.where(np.broadcast_to(own, found.shape), found, 0)).max()
    return None if paid <= ROUNDING else f"a word that looks at itself pays {paid:.2f}"


@distance_bias.property("nothing gains")
def _no_gain(_: SimpleNamespace, found: Any) -> str | None:
    return None if found.max() <= ROUNDING else f"a bias is {found.max():+.2f}, and none is above 0"
