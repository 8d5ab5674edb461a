# SPDX-License-Identifier: MIT
from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any
from typing import TYPE_CHECKING

from bluefin import _checks
from bluefin import _native

if TYPE_CHECKING:
    from bluefin.distributions import BaseDistribution
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial
    from bluefin.trial import TrialState


class BaseSampler(abc.ABC):
    """Base class of the samplers. One written in Python is asked for every trial, in the thread of its objective.

    Every trial calls `before_trial`, `infer_relative_search_space` and `sample_relative` once, then `sample_independent`
    for each parameter that `sample_relative` has not given, then `after_trial`.
    """

    _seed: int | None = None

    def __str__(self) -> str:
        return type(self).__name__

    @abc.abstractmethod
    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that `sample_relative` chooses together; usually what the earlier trials have in common."""

    @abc.abstractmethod
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values for (some of) the parameters of the search space, by name."""

    @abc.abstractmethod
    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value for one parameter."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Called when a trial has begun, before anything is sampled."""

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Called when a trial has ended, before its state and its values are stored."""

    def reseed_rng(self) -> None:
        """Called before trials run in several threads, where their samplers must not draw the same numbers."""

    def _samples_in_python(self) -> bool:
        """Whether the methods above have to be called, and not the engine's own sampler."""
        return True

    def _hears_of_ends(self) -> bool:
        """Whether `after_trial` has to be called."""
        return True

    def _to_native(self) -> _native.Sampler:
        # Never asked for a value: Trial passes on what the methods above have chosen.
        return _native.make_sampler("random", {})


def checked_seed(seed: int | None) -> int | None:
    if seed is None:
        return None
    number = _checks.integer("`seed`", seed)
    if number < 0:
        raise ValueError(f"`seed` must be at least 0, but got {seed!r}.")
    return number
