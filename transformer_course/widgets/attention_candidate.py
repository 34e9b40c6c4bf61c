"""An attention function that was handed in: it is called, and what it returns is looked at.

Builds on: the folder engine, attention_words.  Lacks: what it is called with (attention_scene).
"""

import inspect
import textwrap
import traceback
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from transformer_course.engine.guard import TimeUp, within
from transformer_course.widgets.attention_words import named, signed

SECONDS = 5.0
"""As long may an attention take that is handed in."""

ROUNDING = 1e-3


class UnfitAttentionError(ValueError):
    """What was handed in as attention raised, or did not return weights; the message says which."""


def call_attention(
    attention: Callable[..., object],
    given: tuple[Tensor, Tensor, Tensor],
    options: Mapping[str, Tensor | float],
    words: tuple[str, ...],
    mask: Bool[Tensor, "word word"],
) -> tuple[Float[Tensor, "word d_value"], Float[Tensor, "word word"]]:
    """Return the output and the weights that an attention function makes of what it is given.

    Args:
        attention: The function.
        given: Query, key and value; the function may change them.
        options: What it gets by name; it may change these, too.
        words: The sentence, to name rows by.
        mask: True where a weight may be.

    Raises:
        UnfitAttentionError: If the function raises, takes too long or returns something else.
    """
    output, weights = _output_and_weights(_call(attention, given, options), given[2].shape)
    _check_weights(words, weights, mask)
    return output, weights


def _call(
    attention: Callable[..., object],
    given: tuple[Tensor, Tensor, Tensor],
    options: Mapping[str, Tensor | float],
) -> object:
    try:
        return within(SECONDS, lambda: attention(*given, **options))
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


def _output_and_weights(returned: object, expected: torch.Size) -> tuple[Tensor, Tensor]:
    num_words, d_value = expected
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
        ("output", output, d_value),
        ("weights", weights, num_words),
    ):
        if tuple(table.shape) != (num_words, width):
            raise UnfitAttentionError(
                f"the {name} of your attention has the shape {tuple(table.shape)}, expected "
                f"{(num_words, width)}; give one row for each word that asks"
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
        return (
            f"runs from {signed(low)} to {signed(high)}, expected 0 to 1; return what softmax gave"
        )
    if row[~allowed].any():
        return f"gives {row[~allowed].max().item():.2f} where the mask is False, expected 0"
    if abs(row.sum().item() - 1) > ROUNDING:
        return f"sums to {row.sum().item():.2f}, expected 1; softmax runs over the keys"
    return ""
