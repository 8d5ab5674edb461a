# SPDX-License-Identifier: MIT
"""What users give: a TypeError in one line that names the argument.

The engine's own words for a wrong type are several lines about C++. What runs in every trial asks the engine first and
comes here when that refuses. ``what`` is the argument as the message shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
import math
from numbers import Real
import operator
from typing import Any


def own_study(who: object, study: Any) -> None:
    if not hasattr(study, "_native"):
        name = type(who).__name__
        raise TypeError(
            f"{name} works on studies of bluefin, but got {study!r}. In a study of Optuna it is "
            f"bluefin.integration.Bluefin{'Pruner' if name.endswith('Pruner') else 'Sampler'}({name}(...))."
        )


def text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, but got {value!r}.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:  # half of a surrogate pair
            raise ValueError(f"{what} must be text that UTF-8 can hold, but got {value!r}.") from error
    return value


def integer(what: str, value: Any, limit: int = 2**64) -> int:
    """ValueError for what is not below the limit, with or without its sign."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, but got {value!r}.") from None
    if abs(number) >= limit:
        raise ValueError(f"{what} must be below {limit}, but got {value!r}.")
    return number


def count(what: str, value: Any) -> int:
    """A limit that counts are compared with: a float is as good, and rounded up."""
    if isinstance(value, Real) and not isinstance(value, int):
        if not math.isfinite(value):
            raise ValueError(f"{what} must be finite, but got {value!r}.")
        value = math.ceil(value)
    return integer(what, value)


def number(what: str, value: Any) -> float:
    """Text is no number, whatever is in it."""
    if not isinstance(value, (str, bytes, bytearray)):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise TypeError(f"{what} must be a number, but got {value!r}.")


def flag(what: str, value: Any) -> bool:
    if (isinstance(value, int) or getattr(value, "ndim", None) == 0) and value in (False, True):  # NumPy has its own
        return bool(value)
    raise TypeError(f"{what} must be a bool, but got {value!r}.")


def function(what: str, value: Any) -> Any:
    """None is none."""
    if value is not None and not callable(value):
        raise TypeError(f"{what} must be callable, but got {value!r}.")
    return value


def named(what: str, value: Any) -> None:
    """A dict of str to anything."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dict, but got {value!r}.")
    for name in value:
        text(f"A name in {what}", name)


def resource_hint(name: Any, params: Any) -> tuple[str, list[str]]:
    """The arguments of set_resource_hint(). A text is a sequence, too, but not one of names."""
    if isinstance(params, (str, bytes)):
        raise TypeError(f"`params` must be a list of names of parameters, but got {params!r}.")
    names = items("`params`", params, "a list of names of parameters")
    return text("`name`", name), [text("A name in `params`", param) for param in names]


def items(what: str, value: Any, expected: str) -> list[Any]:
    try:
        return list(value)
    except TypeError:
        raise TypeError(f"{what} must be {expected}, but got {value!r}.") from None
