"""What the widget of lesson 05 computes: attention among the words of a sentence, and its finding.

Builds on: attention, positional, attention_words, attention_candidate.  Lacks: pictures, controls.
Source: Vaswani et al. 2017, section 3.2.1; Su et al. 2021, section 3.4.2 (RoPE);
Press et al. 2022, section 3 (ALiBi).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from transformer_course.attention import causal_mask
from transformer_course.positional import AlibiBias, rotate
from transformer_course.widgets.attention_candidate import call_attention
from transformer_course.widgets.attention_words import (
    ANSWERS,
    ASKS,
    FEATURES,
    HANDS_OUT,
    Matrix,
    is_known,
    named,
    quoted,
    signed,
    vector,
)

TURN_DEGREES = 15
"""By how much RoPE turns a query or key for each place: its one pair of numbers stands for a pair
that turns slowly in a wide head."""

ALIBI_HEADS = 8
"""ALiBi's slope is that of the first of as many heads, 1/2: the steepest."""

ROUNDING = 1e-3


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
    query, key = _times(words, ASKS), _times(words, ANSWERS)
    if positions != ROPE:
        return query, key
    angles = torch.arange(len(words))[:, None] * math.radians(TURN_DEGREES)
    cosine, sine = angles.cos(), angles.sin()
    return rotate(query, cosine, sine), rotate(key, cosine, sine)


def _times(words: tuple[str, ...], matrix: Matrix) -> Float[Tensor, "word 2"]:
    # The type is named: a table of whole numbers would become one of integers.
    vectors = torch.tensor([vector(word) for word in words], dtype=torch.float32)
    return vectors @ torch.tensor(matrix, dtype=torch.float32)


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
    value = _times(setting.words, HANDS_OUT)
    mask = MASKS[setting.mask](len(setting.words))
    # Copies: a function that changes what it is given must not change what is drawn.
    options = _options(setting, mask.clone())
    given = (query.clone(), key.clone(), value)
    output, weights = call_attention(attention, given, options, setting.words, mask)
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
    shown = [f"{weight:.2f}" for weight in scene.weights[chosen].tolist()]
    top = [place for place, weight in enumerate(shown) if weight == max(shown)]
    names = ["itself" if place == chosen else named(words[place], place) for place in top]
    asks = f"{named(words[chosen], chosen)} looks"
    if len(top) == 1:
        return f"{asks} most at {names[0]}: {max(shown)}."
    whom = f"{len(top)} words" if len(top) > 3 else " and ".join(names)
    return f"{asks} at {whom} alike: {max(shown)} each."


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
    because = " and ".join(reasons) or "this attention tells equal words apart"
    return f"{rows} differ by up to {difference:.2f}: {because}."


def _receives(scene: Scene) -> str:
    amounts = zip(FEATURES, scene.output[scene.setting.chosen].tolist(), strict=False)
    parts = ", ".join(f"{name} {signed(amount)}" for name, amount in amounts)
    return f"What it receives: {parts}."
