# SPDX-License-Identifier: MIT
"""Crossover and mutation of NSGA-II: not there yet (see bluefin._absent)."""

from typing import TYPE_CHECKING

from bluefin import _absent

if not TYPE_CHECKING:
    __all__ = _absent.names(__name__)
    __getattr__ = _absent.lookup(__name__)
