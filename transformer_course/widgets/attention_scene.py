"""What the widget of lesson 05 computes: attention among the words of a sentence, and its finding.

Builds on: attention, positional, attention_words.  Lacks: pictures (attention_picture), controls.
Source: Vaswani et al. 2017, section 3.2.1; Su et al. 2021, section 3.4.2 (RoPE);
Press et al. 2022, section 3 (ALiBi).
"""

import inspect
import math
import textwrap
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from transformer_course.attention import causal_mask
from transformer_course.engine.guard import TimeUp, time_limit
from transformer_course.positional import AlibiBias, rotate
from transformer_course.widgets.attention_words import (
    ANSWERS,
    ASKS,
    FEATURES,
    HANDS_OUT,
    is_known,
    named,
    quoted,
    vector,
)

TURN_DEGREES = 15
"""By how much RoPE turns a query or key for each place: its one pair of numbers stands for a pair
that turns slowly in a wide head."""

ALIBI_HEADS = 8
"""ALiBi's slope is that of the first of as many heads, 1/2: the steepest."""

SECONDS = 5.0
"""As long may an attention take that is handed in."""

ROUNDING = 1e-3
ALIKE = 0.005
"""Weights that differ by less are called alike: they look the same to two digits."""


def _see_all(length: int) -> Bool[Tensor, "{length} {length}"]:
    return torch.ones(length, length, dtype=torch.bool)


def _see_near(length: int) -> Bool[Tensor, "{length} {length}"]:
    places = torch.arange(length)
    return (places[:, None] - places).abs() <= 2


MASKS: Mapping[str, Callable[[int], Tensor]] = {
    "none": _see_all,
    "causal: no word ahead": causal_mask,
    "window: 2 words each side": _see_near,
}
NONE, CAUSAL, WINDOW = MASKS

POSITIONS = NONE, ROPE, ALIBI = ("none", "RoPE", "ALiBi")


class UnfitAttentionError(ValueError):
    """What was handed in as attention raised, or did not return weights; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the controls say.

    Attributes:
        words: The sentence, 2 to 16 of them.
        chosen: Which word's query is looked at, counted from 0.
        temperature: The scores are divided by it, and what ALiBi adds to them too.
        mask: A name in `MASKS`.
        positions: A name in `POSITIONS`.
        moved: Angle in degrees and length of the chosen query, if not its own.
    """

    words: tuple[str, ...]
    chosen: int = 0
    temperature: float = 1.0
    mask: str = NONE
    positions: str = NONE
    moved: tuple[float, float] | None = None


@dataclass(frozen=True)
class Scene:
    """What went into attention and what came out: everything that is drawn.

    Attributes:
        setting: What the controls said.
        query: The queries as attention met them: turned by RoPE, the chosen one moved.
        key: The keys, turned by RoPE.
        mask: True where a query (row) may attend to a key (column).
        output: What attention returned for each word: its mix of water and money.
        weights: What attention returned.
    """

    setting: Setting
    query: Float[Tensor, "word 2"]
    key: Float[Tensor, "word 2"]
    mask: Bool[Tensor, "word word"]
    output: Float[Tensor, "word 2"]
    weights: Float[Tensor, "word word"]


def queries_and_keys(
    words: tuple[str, ...], positions: str
) -> tuple[Float[Tensor, "word 2"], Float[Tensor, "word 2"]]:
    """Compute every word's own query and key; RoPE turns both by the word's place."""
    vectors = torch.tensor([vector(word) for word in words])
    query, key = vectors @ torch.tensor(ASKS), vectors @ torch.tensor(ANSWERS)
    if positions != ROPE:
        return query, key
    angles = torch.arange(len(words))[:, None] * math.radians(TURN_DEGREES)
    cosine, sine = angles.cos(), angles.sin()
    return rotate(query, cosine, sine), rotate(key, cosine, sine)


def own_query(setting: Setting) -> tuple[float, float]:
    """Return angle in degrees and length of the chosen word's own query."""
    x, y = queries_and_keys(setting.words, setting.positions)[0][setting.chosen].tolist()
    return math.degrees(math.atan2(y, x)), math.hypot(x, y)


def attend(setting: Setting, attention: Callable[..., object]) -> Scene:
    """Hand the setting to an attention function, and keep what it got and returned.

    It is called with a mask, a bias or a scale only where the controls ask for one: left alone,
    it does what it does by itself.

    Args:
        setting: What the controls say.
        attention: Takes query, key and value and, by name, `mask`, `bias` and `scale`, as
            `scaled_dot_product_attention` does; returns output and weights.

    Raises:
        UnfitAttentionError: If the function raises, takes too long or returns something else.
    """
    query, key = queries_and_keys(setting.words, setting.positions)
    if setting.moved is not None:
        angle, length = math.radians(setting.moved[0]), setting.moved[1]
        query[setting.chosen] = length * torch.tensor([math.cos(angle), math.sin(angle)])
    value = torch.tensor([vector(word) for word in setting.words]) @ torch.tensor(HANDS_OUT)
    mask = MASKS[setting.mask](len(setting.words))
    # Copies: a function that changes what it is given must not change what is drawn.
    options = _options(setting, mask.clone())
    given = (query.clone(), key.clone(), value)
    output, weights = _output_and_weights(_call(attention, given, options), value)
    _check_weights(setting.words, weights, mask)
    return Scene(setting, query, key, mask, output, weights)


def _options(setting: Setting, mask: Tensor) -> dict[str, Tensor | float]:
    options: dict[str, Tensor | float] = {}
    if setting.mask != NONE:
        options["mask"] = mask
    if setting.positions == ALIBI:
        places = torch.arange(len(setting.words))[None]
        options["bias"] = AlibiBias(ALIBI_HEADS)(places, places)[0, 0] / setting.temperature
    if not math.isclose(setting.temperature, 1):
        options["scale"] = 1 / (math.sqrt(2) * setting.temperature)
    return options


def _call(
    attention: Callable[..., object],
    given: tuple[Tensor, Tensor, Tensor],
    options: Mapping[str, Tensor | float],
) -> object:
    try:
        with time_limit(SECONDS):
            return attention(*given, **options)
    except TimeUp:
        raise UnfitAttentionError(
            f"your attention took over {SECONDS:.0f} seconds; look for a loop without an end"
        ) from None
    except Exception as error:
        message = textwrap.shorten(str(error), 200, placeholder=" …") or "no message"
        raise UnfitAttentionError(
            f"your attention stopped{_where(error, attention)}: {type(error).__name__}: {message}"
        ) from error


def _where(error: Exception, attention: Callable[..., object]) -> str:
    """Name the function's own line that led to the error, where it has one."""
    function = inspect.unwrap(attention)
    if not inspect.isfunction(function):
        return ""
    own = [
        frame.line
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == function.__code__.co_filename and frame.line
    ]
    return f" in its line `{own[-1]}`" if own else ""


def _output_and_weights(returned: object, value: Tensor) -> tuple[Tensor, Tensor]:
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        found = "nothing" if returned is None else f"one {type(returned).__name__}"
        if isinstance(returned, tuple | list):
            found = f"{len(returned)} things"
        raise UnfitAttentionError(
            f"your attention returned {found}, expected two: the output and the weights; "
            "end with `return output, weights`"
        )
    try:
        output, weights = (torch.as_tensor(part).detach().cpu().float() for part in returned)
    except (TypeError, ValueError, RuntimeError):
        kinds = " and ".join(type(part).__name__ for part in returned)
        raise UnfitAttentionError(
            f"your attention returned {kinds}, expected two tables of numbers; return two tensors"
        ) from None
    for name, table, width in (
        ("output", output, value.shape[1]),
        ("weights", weights, len(value)),
    ):
        if tuple(table.shape) != (len(value), width):
            raise UnfitAttentionError(
                f"the {name} of your attention has the shape {tuple(table.shape)}, expected "
                f"{(len(value), width)}; give one row for each word that asks"
            )
    return output, weights


def _check_weights(
    words: tuple[str, ...],
    weights: Float[Tensor, "word word"],
    mask: Bool[Tensor, "word word"],
) -> None:
    """Raise an error that names the first word whose row is no row of weights."""
    for place, (word, row, allowed) in enumerate(zip(words, weights, mask, strict=True)):
        problem = _problem(row, allowed)
        if problem:
            raise UnfitAttentionError(
                f"your attention returned no weights: the row of {named(word, place)} {problem}"
            )


def _problem(row: Float[Tensor, " word"], allowed: Bool[Tensor, " word"]) -> str:
    low, high = row.min().item(), row.max().item()
    if not row.isfinite().all():
        return "has numbers that are not finite; does a softmax divide by 0?"
    if low < 0 or high > 1 + 1e-6:
        return f"runs from {low:.2f} to {high:.2f}, expected 0 to 1; return what softmax gave"
    if row[~allowed].any():
        return f"gives {row[~allowed].max().item():.2f} where the mask is False, expected 0"
    if abs(row.sum().item() - 1) > ROUNDING:
        return f"sums to {row.sum().item():.2f}, expected 1; softmax runs over the keys"
    return ""


def describe(scene: Scene) -> list[str]:
    """Say in sentences what there is to see of the chosen word."""
    sentences = [_looks_at(scene), _compared_with_twins(scene), _receives(scene)]
    unknown = list(dict.fromkeys(word for word in scene.setting.words if not is_known(word)))
    if unknown:
        names = [quoted(word) for word in unknown[:3]]
        more = [f"{len(unknown) - 3} more"] if len(unknown) > 3 else []
        sentences.append(f"Not in our table, so made of letters: {', '.join([*names, *more])}.")
    return [sentence for sentence in sentences if sentence]


def _looks_at(scene: Scene) -> str:
    words, chosen = scene.setting.words, scene.setting.chosen
    row = scene.weights[chosen]
    top = (row > row.max() - ALIKE).nonzero().flatten().tolist()
    asks, weight = named(words[chosen], chosen), f"{row.max().item():.2f}"
    if len(top) == 1:
        (place,) = top
        whom = "itself" if place == chosen else named(words[place], place)
        return f"{asks} looks most at {whom}: {weight}."
    if len(top) > 3:
        return f"{asks} looks at {len(top)} words alike: {weight} each."
    names = " and ".join(named(words[place], place) for place in top)
    return f"{asks} looks at {names} alike: {weight} each."


def _compared_with_twins(scene: Scene) -> str:
    """Compare the chosen word's row with those of the same word elsewhere."""
    setting = scene.setting
    word = setting.words[setting.chosen]
    twins = [
        place
        for place, other in enumerate(setting.words)
        if other.casefold() == word.casefold() and place != setting.chosen
    ]
    if not twins:
        return ""
    difference = (scene.weights[twins] - scene.weights[setting.chosen]).abs().max().item()
    rows = f"The {len(twins) + 1} rows of {quoted(word)}"
    if difference < ROUNDING:
        return f"{rows} are the same: one vector, one query, one row."
    reasons = [
        *(["its query was moved"] if setting.moved else []),
        *(["the mask depends on the place"] if setting.mask != NONE else []),
        *([f"{setting.positions} tells places apart"] if setting.positions != NONE else []),
    ]
    because = " and ".join(reasons) or "this attention treats equal words differently"
    return f"{rows} differ by up to {difference:.2f}: {because}."


def _receives(scene: Scene) -> str:
    amounts = zip(FEATURES, scene.output[scene.setting.chosen].tolist(), strict=False)
    parts = ", ".join(f"{name} {_signed(amount)}" for name, amount in amounts)
    return f"What it receives: {parts}."


def _signed(number: float) -> str:
    return f"{round(number, 2) + 0:.2f}".replace("-", "−")
