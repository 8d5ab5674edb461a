# SPDX-License-Identifier: MIT
"""Values from one package to the other: their classes have the same names and the same fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import optuna

import bluefin

_EXCEPTIONS = (optuna.exceptions.__name__, bluefin.exceptions.__name__)


class Words:
    """Makes values of one package from values of either."""

    def __init__(self, package: ModuleType) -> None:
        self._package = package
        self.state: Any = package.trial.TrialState  # called with a state: the same state
        self.direction: Any = package.study.StudyDirection

    def distribution(self, distribution: Any) -> Any:
        """TypeError for what is no distribution."""
        name = type(distribution).__name__
        cls = getattr(self._package.distributions, name, None)
        if not isinstance(cls, type) or not issubclass(cls, self._package.distributions.BaseDistribution):
            raise TypeError(f"Expected a distribution of Optuna or bluefin, but got {distribution!r}.")
        # Not through __init__, which was called before: no bound is rounded again, no warning is given twice.
        made: Any = object.__new__(cls)
        made.__dict__.update(distribution.__dict__)
        return made

    def space(self, distributions: dict[str, Any]) -> dict[str, Any]:
        """A search space."""
        return {name: self.distribution(distribution) for name, distribution in distributions.items()}

    def trial(self, trial: Any) -> Any:
        """A `FrozenTrial`. What may grow while a trial runs is copied."""
        system_attrs = trial.system_attrs
        if isinstance(system_attrs, dict):  # else those of a running trial in Optuna, read when first looked at
            system_attrs = dict(system_attrs)
        return self._package.trial.FrozenTrial(
            number=trial.number,
            state=self.state(trial.state),
            value=None,
            datetime_start=trial.datetime_start,
            datetime_complete=trial.datetime_complete,
            params=dict(trial.params),
            distributions=self.space(trial.distributions),
            user_attrs=dict(trial.user_attrs),
            system_attrs=system_attrs,
            intermediate_values=dict(trial.intermediate_values),
            trial_id=trial._trial_id,
            values=trial.values,
        )

    def study(self, study: Any) -> Any:
        """A `FrozenStudy`."""
        return self._package.study._frozen.FrozenStudy(
            study.study_name,
            None,
            study.user_attrs,
            study.system_attrs,
            study._study_id,
            directions=[self.direction(direction) for direction in study.directions],
        )

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Exceptions of the other package leave as those of the same name here: callers catch them by class."""
        try:
            yield
        except Exception as error:
            theirs = next((cls for cls in type(error).__mro__ if cls.__module__ in _EXCEPTIONS), None)
            ours = None if theirs is None else getattr(self._package.exceptions, theirs.__name__)
            if ours is None or isinstance(error, ours):
                raise
            raise ours(*error.args) from error


into_optuna = Words(optuna)
into_bluefin = Words(bluefin)
