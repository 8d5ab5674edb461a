# SPDX-License-Identifier: MIT
"""Pruners decide whether a running trial should stop."""

from typing import TYPE_CHECKING

from bluefin import _absent
from bluefin.pruners._base import BasePruner
from bluefin.pruners._nop import NopPruner
from bluefin.pruners._percentile import MedianPruner
from bluefin.pruners._percentile import PercentilePruner

__all__ = ["BasePruner", "MedianPruner", "NopPruner", "PercentilePruner"]

if not TYPE_CHECKING:
    __all__ += _absent.names(__name__)
    __getattr__ = _absent.lookup(__name__)
