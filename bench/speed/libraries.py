# SPDX-License-Identifier: MIT
"""The libraries that are compared, and the few things in which their interfaces differ."""

import importlib
import importlib.metadata
import importlib.util

from speed.spaces import CHOICES

DISTRIBUTIONS = {  # package name on PyPI, for its version
    "bluefin": "bluefin-hpo",
    "optuna": "optuna",
    "rustuna": "rustuna",
}


def is_installed(name):
    return importlib.util.find_spec(name) is not None


def version(name):
    return importlib.metadata.version(DISTRIBUTIONS[name])


class Optuna:
    """Optuna, and bluefin, whose interface is the same."""

    reports = True  # whether a trial can report

    def __init__(self, name):
        self.module = importlib.import_module(name)
        self.module.logging.set_verbosity(self.module.logging.ERROR)

    def storage_objective(self, trial):
        """5 parameters and, where a trial can report, 10 reports."""
        loss = sum(trial.suggest_float(name, -5.0, 5.0) ** 2 for name in ("x0", "x1", "x2", "x3", "x4"))
        if self.reports:
            for step in range(10):
                trial.report(loss + 10 - step, step)
        return loss

    def sampler(self, name, seed):
        samplers = self.module.samplers
        return samplers.TPESampler(seed=seed) if name == "tpe" else samplers.RandomSampler(seed=seed)

    def study(self, sampler):
        return self.module.create_study(sampler=sampler)

    def storage_study(self, file, sampler="random"):
        """A study in a file, joined if it is there; what is measured is the storage."""
        return self.module.create_study(
            storage=f"sqlite:///{file}",
            study_name="s0",
            sampler=self.sampler(sampler, seed=None),
            pruner=self.module.pruners.NopPruner(),
            load_if_exists=True,
        )

    def trials(self, study):
        return study.get_trials(deepcopy=False)

    def tell(self, study):
        return study.tell

    def _distribution(self, parameter):
        d = self.module.distributions
        if parameter.kind == "float":
            return d.FloatDistribution(-5.0, 5.0)
        if parameter.kind == "int":
            return d.IntDistribution(0, 100)
        if parameter.kind == "log":
            return d.FloatDistribution(1e-5, 1e1, log=True)
        return d.CategoricalDistribution(CHOICES)

    def _add(self, study, trials):
        study.add_trials(trials)

    def fill(self, study, space, rng, n):
        """Adds n finished trials without asking the sampler."""
        distributions = {}
        trials = []
        for _ in range(n):
            point, loss = space.draw(rng)
            for parameter, _ in point:
                if parameter.name not in distributions:
                    distributions[parameter.name] = self._distribution(parameter)
            trials.append(
                self.module.create_trial(
                    value=loss,
                    params={parameter.name: value for parameter, value in point},
                    distributions={parameter.name: distributions[parameter.name] for parameter, _ in point},
                )
            )
        self._add(study, trials)


class Rustuna(Optuna):
    reports = False  # in 0.2

    def __init__(self, name):
        self.module = importlib.import_module(name)

    def storage_study(self, file, sampler="random"):
        return self.module.create_study(
            storage=self.module.storages.SQLite3Storage(str(file)),
            study_name="s0",
            sampler=self.sampler(sampler, seed=None),
            load_if_exists=True,
        )

    def trials(self, study):
        return study.get_trials()

    def tell(self, study):
        tell = study.tell
        return lambda trial, value: tell(trial.number, value)

    def _distribution(self, parameter):
        d = self.module.distributions.Distribution
        if parameter.kind == "float":
            return d.float(-5.0, 5.0)
        if parameter.kind == "int":
            return d.int(0, 100)
        if parameter.kind == "log":
            return d.float(1e-5, 1e1, log=True)
        return d.categorical(list(CHOICES))

    def _add(self, study, trials):
        for trial in trials:
            study.add_trial(trial)


def load(name):
    return Rustuna(name) if name == "rustuna" else Optuna(name)
