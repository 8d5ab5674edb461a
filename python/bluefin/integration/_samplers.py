# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna

from bluefin import samplers
from bluefin import trial as trials
from bluefin.distributions import BaseDistribution
from bluefin.integration._checked import checked
from bluefin.integration._for_bluefin import study_for_bluefin
from bluefin.integration._for_optuna import study_for_optuna
from bluefin.integration._words import into_bluefin
from bluefin.integration._words import into_optuna
from bluefin.study import Study


class OptunaSampler(samplers.BaseSampler):
    """A sampler of Optuna for a study of bluefin: ``bluefin.create_study(sampler=OptunaSampler(NSGAIISampler()))``.

    The same seed suggests what it suggests in a study of Optuna.

    Args:
        optuna_sampler: One of Optuna's samplers, or of a subclass of ``optuna.samplers.BaseSampler``.

    Raises:
        TypeError: It is something else.
    """

    def __init__(self, optuna_sampler: optuna.samplers.BaseSampler) -> None:
        self.optuna_sampler = checked(
            self, "sampler", optuna_sampler, optuna.samplers.BaseSampler, samplers.BaseSampler
        )

    def __repr__(self) -> str:
        return f"OptunaSampler({self.optuna_sampler!r})"

    def reseed_rng(self) -> None:
        self.optuna_sampler.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: trials.FrozenTrial) -> dict[str, BaseDistribution]:
        with into_bluefin.errors():
            return into_bluefin.space(self.optuna_sampler.infer_relative_search_space(*_optunas(study, trial)))

    def sample_relative(
        self, study: Study, trial: trials.FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with into_bluefin.errors():
            return self.optuna_sampler.sample_relative(*_optunas(study, trial), into_optuna.space(search_space))

    def sample_independent(
        self, study: Study, trial: trials.FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        with into_bluefin.errors():
            return self.optuna_sampler.sample_independent(
                *_optunas(study, trial), param_name, into_optuna.distribution(param_distribution)
            )

    def before_trial(self, study: Study, trial: trials.FrozenTrial) -> None:
        study_for_optuna(study)._thread_local.cached_all_trials = None  # as Optuna does when a trial begins or ends
        with into_bluefin.errors():
            self.optuna_sampler.before_trial(*_optunas(study, trial))

    def after_trial(
        self, study: Study, trial: trials.FrozenTrial, state: trials.TrialState, values: Sequence[float] | None
    ) -> None:
        study_for_optuna(study)._thread_local.cached_all_trials = None
        with into_bluefin.errors():
            self.optuna_sampler.after_trial(*_optunas(study, trial), into_optuna.state(state), values)


def _optunas(study: Study, trial: trials.FrozenTrial) -> tuple[optuna.Study, optuna.trial.FrozenTrial]:
    converted = into_optuna.trial(trial)
    # With Hyperband as the pruner, a sampler learns from the trials of one bracket.
    return optuna.pruners._filter_study(study_for_optuna(study), converted), converted


class BluefinSampler(optuna.samplers.BaseSampler):
    """A sampler of bluefin for a study of Optuna: ``optuna.create_study(sampler=BluefinSampler(TPESampler()))``.

    The same seed suggests what it suggests in a study of bluefin.

    Args:
        bluefin_sampler: One of bluefin's samplers, or of a subclass of ``bluefin.samplers.BaseSampler``.

    Raises:
        TypeError: It is something else.
    """

    def __init__(self, bluefin_sampler: samplers.BaseSampler) -> None:
        self.bluefin_sampler = checked(
            self, "sampler", bluefin_sampler, samplers.BaseSampler, optuna.samplers.BaseSampler
        )

    def __repr__(self) -> str:
        return f"BluefinSampler({self.bluefin_sampler!r})"

    def reseed_rng(self) -> None:
        # Those of the engine draw from a stream of its own for every trial.
        if self.bluefin_sampler._samples_in_python():
            self.bluefin_sampler.reseed_rng()

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, optuna.distributions.BaseDistribution]:
        with into_optuna.errors():
            return into_optuna.space(self.bluefin_sampler.infer_relative_search_space(*_bluefins(study, trial)))

    def sample_relative(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        search_space: dict[str, optuna.distributions.BaseDistribution],
    ) -> dict[str, Any]:
        with into_optuna.errors():
            return self.bluefin_sampler.sample_relative(*_bluefins(study, trial), into_bluefin.space(search_space))

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: optuna.distributions.BaseDistribution,
    ) -> Any:
        with into_optuna.errors():
            return self.bluefin_sampler.sample_independent(
                *_bluefins(study, trial), param_name, into_bluefin.distribution(param_distribution)
            )

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        with into_optuna.errors():
            self.bluefin_sampler.before_trial(*_bluefins(study, trial))

    def after_trial(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        with into_optuna.errors():
            self.bluefin_sampler.after_trial(*_bluefins(study, trial), into_bluefin.state(state), values)


def _bluefins(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> tuple[Study, trials.FrozenTrial]:
    return study_for_bluefin(study), into_bluefin.trial(trial)
