# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any
import weakref

# Asked at every trial. A class that a function made must be able to go when its instances have.
_known: weakref.WeakKeyDictionary[type[Any], dict[tuple[str, ...], bool]] = weakref.WeakKeyDictionary()


def overrides(cls: type[Any], methods: tuple[str, ...]) -> bool:
    """Whether a user's subclass has one of these methods of its own, which the engine would not call."""
    answers = _known.setdefault(cls, {})
    answer = answers.get(methods)
    if answer is None:
        owners = (next(base for base in cls.__mro__ if method in base.__dict__) for method in methods)
        answer = answers[methods] = any(not owner.__module__.startswith("bluefin.") for owner in owners)
    return answer
