# SPDX-License-Identifier: MIT
"""Pictures of studies: not there yet (see bluefin._absent)."""

from typing import TYPE_CHECKING

from bluefin import _absent
from bluefin.visualization import matplotlib

__all__ = ["is_available", "matplotlib"]

if not TYPE_CHECKING:
    __all__ += _absent.names(__name__)
    __getattr__ = _absent.lookup(__name__)


def is_available() -> bool:
    """Whether the functions that draw can be used: no."""
    return False
