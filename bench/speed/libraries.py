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

    def __init__(self, name):
        self.module = importlib.import_module(name)
        self.module.logging.set_verbosity(self.module.logging.ERROR)

    def sampler(self, name, seed):
        samplers = self.module.samplers
        return samplers.TPESampler(seed=seed) if name == "tpe" else samplers.RandomSampler(seed=seed)

    def study(self, sampler):
        return self.module.create_study(sampler=sampler)

    def shared_study(self, file, sampler):
        return self.module.create_study(
            storage=f"sqlite:///{file}", study_name="s", sampler=sampler, load_if_exists=True
        )

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
    def __init__(self, name):
        self.module = importlib.import_module(name)

    def shared_study(self, file, sampler):
        raise NotImplementedError("trials of Rustuna 0.2 cannot report")

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
