# SPDX-License-Identifier: MIT
"""Trials: the handle that an objective gets, and trials as values."""

from bluefin.trial._base import BaseTrial
from bluefin.trial._fixed import FixedTrial
from bluefin.trial._frozen import create_trial
from bluefin.trial._frozen import FrozenTrial
from bluefin.trial._state import TrialState
from bluefin.trial._trial import Trial

__all__ = ["BaseTrial", "FixedTrial", "FrozenTrial", "Trial", "TrialState", "create_trial"]
