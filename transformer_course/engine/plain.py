"""Plain data: what a probe hands back, so that the judge never holds anything of the candidate's.

Arrays, numbers, strings, None, and lists and dicts of these; whatever else comes back is kept as
its type's name alone.

Builds on: nothing.  Lacks: the probes (probing).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

TOLERANCES = {"float64": (1e-7, 1e-9), "float32": (1e-4, 1e-5)}
"""Relative and absolute; of two arrays the coarser one's counts, other floats are coarser still."""
COARSEST = (1e-2, 1e-2)
GRADIENT = "gradient"
"""So begin the names under which probes hand back gradients."""


@dataclass(frozen=True)
class Foreign:
    """Stands for an object that is no plain data."""

    type_name: str


@dataclass(frozen=True, eq=False)
class Array:
    """The numbers of a tensor or an array, and which of the two they came in."""

    numbers: npt.NDArray[Any]
    kind: str
    dtype: str


def plain(value: Any) -> Any:
    """Turn a result into plain data, copied so that nothing can change it later."""
    if isinstance(value, Tensor | np.ndarray):
        return _plain_array(value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return Foreign(type(value).__name__)


def _plain_array(value: Tensor | npt.NDArray[Any]) -> Array | Foreign:
    if isinstance(value, Tensor):
        numbers = value.detach().cpu()
        # numpy does not know bfloat16.
        wide = numbers.float() if value.dtype == torch.bfloat16 else numbers
        return Array(wide.numpy().copy(), "tensor", str(value.dtype).removeprefix("torch."))
    if value.dtype == object:
        return Foreign("array of objects")
    return Array(value.copy(), "array", str(value.dtype))


def bare(data: Any) -> Any:
    """Return the data with numpy arrays in the place of `Array`, as properties read them."""
    if isinstance(data, Array):
        return data.numbers
    if isinstance(data, list):
        return [bare(item) for item in data]
    if isinstance(data, dict):
        return {key: bare(item) for key, item in data.items()}
    return data


def same(one: Any, other: Any) -> bool:
    """Tell whether two pieces of plain data agree, within the rounding of their types."""
    if isinstance(one, Array) and isinstance(other, Array):
        return _same_arrays(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float) or isinstance(other, float):
        numbers = all(type(number) in (int, float) for number in (one, other))
        return numbers and bool(np.isclose(one, other, 1e-5, 1e-7, equal_nan=True))
    return type(one) is type(other) and one == other


def _same_arrays(one: Array, other: Array) -> bool:
    if one.numbers.shape != other.numbers.shape:
        return False
    kinds = {one.numbers.dtype.kind, other.numbers.dtype.kind}
    if not kinds <= set("biufc"):
        return len(kinds) == 1 and np.array_equal(one.numbers, other.numbers)
    if kinds > {"b"}:
        # 1 is no True: as a mask or an index it does something else.
        return False
    if "f" not in kinds:
        return bool((one.numbers == other.numbers).all())
    relative, absolute = (
        max(tolerance)
        for tolerance in zip(
            *(_tolerance(array) for array in (one, other)),
            strict=True,
        )
    )
    return bool(np.allclose(one.numbers, other.numbers, relative, absolute, equal_nan=True))


def _tolerance(array: Array) -> tuple[float, float]:
    if array.numbers.dtype.kind != "f":
        return TOLERANCES["float64"]
    return TOLERANCES.get(array.dtype, COARSEST)


def describe(data: Any) -> str:
    """Say in a few words what kind of thing came back, without its values."""
    if isinstance(data, Array):
        article = "an" if data.kind == "array" else "a"
        return f"{article} {data.kind} of shape {data.numbers.shape}"
    if isinstance(data, list):
        counted = f"{len(data)} {_kind_of_items(data)}{'' if len(data) == 1 else 's'}"
        return counted if _is_tuple_of_arrays(data) else f"a list of {counted}"
    if data is None:
        return "nothing"
    kind = _kind(data)
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _kind_of_items(items: list[Any]) -> str:
    kinds = {_kind(item) for item in items}
    return kinds.pop() if len(kinds) == 1 else "thing"


def _is_tuple_of_arrays(data: Any) -> bool:
    """Several arrays are several results; a list of anything else is one."""
    return isinstance(data, list) and any(isinstance(item, Array) for item in data)


def _kind(data: Any) -> str:
    """Name the type as one word."""
    if isinstance(data, Array):
        return data.kind
    if isinstance(data, Foreign):
        return data.type_name
    if isinstance(data, bool):
        return "truth value"
    if isinstance(data, int | float):
        return "number"
    names = {str: "text", bytes: "byte string", type(None): "nothing", np.ndarray: "array"}
    return names.get(type(data), type(data).__name__)


def misfit(found: Any, expected: Any, where: str = "it") -> str | None:
    """Say where the type, shape or dtype of what came back is not the expected one."""
    if _kind(found) != _kind(expected) or _differ_in_count(found, expected):
        return f"{where} {'returns' if where == 'it' else 'is'} {_other_than(found, expected)}"
    if isinstance(found, dict):
        missing = sorted(expected.keys() - found.keys())
        if missing:
            return f"{where} lacks {missing}"
        # Gradients that do not come through are another matter: `lost_gradient`.
        lost = lost_gradient(found, expected) is not None
        pairs = [
            (_told(key, expected), found[key], expected[key])
            for key in expected
            if not (lost and key.startswith(GRADIENT))
        ]
    elif isinstance(found, list) and len(found) == len(expected):
        pairs = [
            (f"result {number}", *pair)
            for number, pair in enumerate(zip(found, expected, strict=True), 1)
        ]
    elif isinstance(found, Array):
        return _array_misfit(found, expected, where)
    else:
        return None
    return next(filter(None, (misfit(one, two, name) for name, one, two in pairs)), None)


def _told(key: str, keys: Iterable[str]) -> str:
    """Say what a probe calls a result, in words that mean something to whoever wrote the answer.

    A probe's names are not the answer's: a lone result is "it"; a key of several words stands as
    it is; only where there are several does a name have to tell them apart.
    """
    results = [one for one in keys if one.isidentifier() and not one.startswith(GRADIENT)]
    if key.startswith(GRADIENT):
        return "the gradient"
    if results == [key]:
        return "it"
    return f"`{key}`" if key.isidentifier() else key


def lost_gradient(found: Any, expected: Any) -> str | None:
    """Say whether gradients are missing altogether, or some of them, in what a probe returned."""
    if not isinstance(found, dict) or not isinstance(expected, dict):
        return None
    pairs = [(found[key], expected[key]) for key in expected if key.startswith(GRADIENT)]
    nothing = any(one is None and two is not None for one, two in pairs)
    some = any(
        one is None and two is not None
        for ones, twos in pairs
        if isinstance(ones, list) and isinstance(twos, list)
        for one, two in zip(ones, twos, strict=False)
    )
    if not nothing and not some:
        return None
    where = "" if nothing else " to some of what goes in"
    return (
        f"no gradient comes through{where}: somewhere the numbers were cut off "
        "(detach, .data, .item(), numpy or no_grad)"
    )


def _other_than(found: Any, expected: Any) -> str:
    """Say what came and what is asked for: a list or a single thing, or things of two kinds."""
    came, kind = describe(found), _kind(expected)
    if isinstance(expected, list) and not _is_tuple_of_arrays(expected):
        items = f" of {_kind_of_items(expected)}s" if expected else ""
        if isinstance(found, str | bytes | int | float):
            came = f"one {_kind(found)}"
        return f"{came}; a list{items} is asked for"
    if isinstance(found, list) and not isinstance(expected, Array | list | dict):
        return f"{came}; one {kind} is asked for"
    lone = isinstance(found, Array) and found.numbers.shape == () and kind == "number"
    return f"{came}, expected {describe(expected)}{' (.item() makes one of it)' if lone else ''}"


def _differ_in_count(found: Any, expected: Any) -> bool:
    """Two results where three are expected are a misfit; a text of other length is just wrong."""
    if not isinstance(found, list) or not isinstance(expected, list):
        return False
    return _is_tuple_of_arrays(expected) and len(found) != len(expected)


def _array_misfit(found: Array, expected: Array, where: str) -> str | None:
    if found.numbers.shape != expected.numbers.shape:
        return f"{where} has shape {found.numbers.shape}, expected {expected.numbers.shape}"
    # numpy widens types of itself, and nothing in numpy minds; torch refuses to mix them.
    wider = found.kind == "array" and found.numbers.dtype.kind == expected.numbers.dtype.kind
    if found.dtype != expected.dtype and not wider:
        fresh = (found.kind, found.dtype, expected.dtype) == ("tensor", "float32", "float64")
        advice = (
            " (`.float()` and new tensors are float32; `.to(x.dtype)` follows x)" if fresh else ""
        )
        whole = found.numbers.dtype.kind in "biu" and expected.dtype == "float32"
        wanted = "a float, such as float32" if whole else expected.dtype
        return f"{where} has dtype {found.dtype}, expected {wanted}{advice}"
    return None
