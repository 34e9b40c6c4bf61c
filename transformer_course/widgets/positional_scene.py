"""What the widget of lesson 04 knows: a table of sinusoids, one chosen row, and what is like it.

Builds on: positional.  Lacks: a picture (positional_picture), controls (positional).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from transformer_course.positional import sinusoidal_table

NUM_PLACES = 64
NEAR = 3
"""Places as near as this are alike in any table worth the name; what is like one beyond them?"""

TableFunction = Callable[[int, int, float], Tensor]


class UnfitTableError(ValueError):
    """What was handed over makes no table of sinusoids; says in words why."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the controls say.

    Attributes:
        d_model: Numbers in a row, an even number.
        place: The chosen row.
        base: Ratio of the slowest pair's wavelength to the fastest's, nearly.
    """

    d_model: int
    place: int
    base: float


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What there is to see.

    Attributes:
        setting: What was asked for.
        table: A row for each of 64 places.
        likeness: The chosen row's dot product with each row, over the number of pairs: 1 is the
            same row.
    """

    setting: Setting
    table: Float[Tensor, "place width"]
    likeness: Float[Tensor, " place"]

    @property
    def double(self) -> int:
        """The place beyond the near ones whose row is most like the chosen one."""
        distances = (torch.arange(NUM_PLACES) - self.setting.place).abs()
        return int(self.likeness.masked_fill(distances <= NEAR, -math.inf).argmax())


def look(setting: Setting, make_table: TableFunction = sinusoidal_table) -> Scene:
    """Make the table, and compare the chosen row with all rows.

    Raises:
        UnfitTableError: If the function stops, or returns no table of this size.
    """
    try:
        table = make_table(NUM_PLACES, setting.d_model, setting.base)
    except Exception as error:
        raise UnfitTableError(f"your table stopped: {type(error).__name__}: {error}") from error
    wanted = (NUM_PLACES, setting.d_model)
    if not isinstance(table, Tensor) or tuple(table.shape) != wanted:
        given = tuple(table.shape) if isinstance(table, Tensor) else type(table).__name__
        raise UnfitTableError(f"your table is {given}, expected a tensor of shape {wanted}")
    table = table.double()
    likeness = table @ table[setting.place] / (setting.d_model // 2)
    return Scene(setting=setting, table=table, likeness=likeness)


def describe(scene: Scene) -> tuple[str, ...]:
    """Say in sentences what there is to see."""
    setting, double = scene.setting, scene.double
    pairs = setting.d_model // 2
    slowest = 2 * math.pi * setting.base ** (1 - 1 / pairs)
    hands = (
        "One hand: once round in 6.3 places"
        if pairs == 1
        else f"{pairs} hands: the fastest goes round in 6.3 places, the slowest in {slowest:,.0f}"
    )
    return (
        f"{hands}.",
        f"Most like place {setting.place}, more than {NEAR} places away: place {double}, with "
        f"{scene.likeness[double].item():.2f} (1.00 would be the same row).".replace("-", "−"),
    )
