# SPDX-License-Identifier: MIT
"""Samplers decide which configuration a trial gets."""

from bluefin.samplers._base import BaseSampler
from bluefin.samplers._random import RandomSampler
from bluefin.samplers._tpe import TPESampler

__all__ = ["BaseSampler", "RandomSampler", "TPESampler"]
