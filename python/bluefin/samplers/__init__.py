# SPDX-License-Identifier: MIT
"""Samplers decide which configuration a trial gets."""

from typing import TYPE_CHECKING

from bluefin import _absent
from bluefin.samplers import nsgaii
from bluefin.samplers._base import BaseSampler
from bluefin.samplers._gp import GPSampler
from bluefin.samplers._gp_explanation import GPExplanation
from bluefin.samplers._random import RandomSampler
from bluefin.samplers._tpe import TPESampler

__all__ = ["BaseSampler", "GPExplanation", "GPSampler", "RandomSampler", "TPESampler", "nsgaii"]

if not TYPE_CHECKING:
    __all__ += _absent.names(__name__)
    __getattr__ = _absent.lookup(__name__)
