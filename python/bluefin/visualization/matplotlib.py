# SPDX-License-Identifier: MIT
"""The same pictures by matplotlib: not there yet (see bluefin._absent)."""

from typing import TYPE_CHECKING

from bluefin import _absent

__all__ = ["is_available"]

if not TYPE_CHECKING:
    __all__ += _absent.names(__name__)
    __getattr__ = _absent.lookup(__name__)


def is_available() -> bool:
    """Whether the functions that draw can be used: no."""
    return False
