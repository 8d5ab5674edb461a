# SPDX-License-Identifier: MIT
"""The parameters that the trials of a study have in common."""

from __future__ import annotations

from collections.abc import Iterable
import copy
from typing import TYPE_CHECKING

from bluefin.distributions import BaseDistribution
from bluefin.trial import TrialState

if TYPE_CHECKING:
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial

__all__ = ["IntersectionSearchSpace", "intersection_search_space"]

Space = dict[str, BaseDistribution]


def _is_read(trial: FrozenTrial, include_pruned: bool) -> bool:
    return trial.state == TrialState.COMPLETE or (include_pruned and trial.state == TrialState.PRUNED)


def _intersect(space: Space | None, trials: Iterable[FrozenTrial], include_pruned: bool) -> Space | None:
    for trial in trials:
        if _is_read(trial, include_pruned):
            known = trial.distributions if space is None else space
            space = {name: d for name, d in known.items() if trial.distributions.get(name) == d}
    return space


def _sorted(space: Space | None) -> Space:
    return dict(sorted((space or {}).items()))


class IntersectionSearchSpace:
    """The parameters that every complete trial of a study has with the same distribution.

    Finished trials are read once, so that asking again costs only what is new.

    Args:
        include_pruned: Pruned trials count as well.
    """

    def __init__(self, include_pruned: bool = False) -> None:
        self._include_pruned = include_pruned
        self._space: Space | None = None
        self._n_read = 0  # trials below this number have finished and been read
        self._study: tuple[int, int] | None = None

    def calculate(self, study: Study, use_cache: bool = False) -> Space:
        """The parameters by name, in alphabetical order; {} when no trial has finished.

        Args:
            study: The same one at each call.
            use_cache: Accepted for programs that pass it: the study's trials come from the engine's cache in any case.

        Raises:
            ValueError: The object has been used for another study.
        """
        identity = (id(study._storage), study._study_id)
        if self._study is None:
            self._study = identity
        elif self._study[1] != identity[1]:
            raise ValueError("`IntersectionSearchSpace` cannot handle multiple studies.")
        trials = study.get_trials(deepcopy=False)
        fresh = trials[self._n_read :]
        first_unfinished = next((i for i, trial in enumerate(fresh) if not trial.state.is_finished()), len(fresh))
        self._space = _intersect(self._space, fresh[:first_unfinished], self._include_pruned)
        self._n_read += first_unfinished
        return copy.deepcopy(_sorted(_intersect(self._space, fresh[first_unfinished:], self._include_pruned)))


def intersection_search_space(trials: list[FrozenTrial], include_pruned: bool = False) -> Space:
    """The same for a list of trials."""
    return copy.deepcopy(_sorted(_intersect(None, trials, include_pruned)))
