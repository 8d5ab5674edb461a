# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any


def overrides(cls: type[Any], methods: tuple[str, ...]) -> bool:
    """Whether a user's subclass has one of these methods of its own, which the engine would not call.

    For ``__init_subclass__``: it is too slow to be asked at every trial.
    """
    owners = (next(base for base in cls.__mro__ if method in base.__dict__) for method in methods)
    return any(not owner.__module__.startswith("bluefin.") for owner in owners)
