# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from bluefin.trial import TrialState
from bluefin.trial._state import states_in

if TYPE_CHECKING:
    from bluefin.study._study import Study
    from bluefin.trial import FrozenTrial


class MaxTrialsCallback:
    """Stops `Study.optimize` when the study holds enough trials, whoever has run them.

    Args:
        n_trials: How many.
        states: Which states count; None: all.
    """

    def __init__(self, n_trials: int, states: Container[TrialState] | None = (TrialState.COMPLETE,)) -> None:
        self._n_trials = n_trials
        self._states = states_in(states)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        if len(study.get_trials(deepcopy=False, states=self._states)) >= self._n_trials:
            study.stop()
