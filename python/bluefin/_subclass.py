# SPDX-License-Identifier: MIT
from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=None)
def overrides(cls: type[Any], methods: tuple[str, ...]) -> bool:
    """Whether a user's subclass has one of these methods of its own, which the engine would not call."""
    for method in methods:
        owner = next(base for base in cls.__mro__ if method in base.__dict__)
        if not owner.__module__.startswith("bluefin."):
            return True
    return False
