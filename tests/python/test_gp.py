# SPDX-License-Identifier: MIT
"""GPSampler: Optuna's arguments and defaults, and what it does with them."""

import inspect
import pickle

import optuna
import pytest

import bluefin
from bluefin.samplers import GPSampler

from objectives import objective


def parabola(trial):
    return (trial.suggest_float("x", -10, 10) - 2) ** 2 + trial.suggest_int("k", 0, 5)


def test_the_arguments_are_those_of_optuna_and_then_some():
    theirs = list(inspect.signature(optuna.samplers.GPSampler.__init__).parameters.values())
    ours = list(inspect.signature(GPSampler.__init__).parameters.values())
    assert [(p.name, p.kind, p.default) for p in theirs] == [(p.name, p.kind, p.default) for p in ours[: len(theirs)]]
    assert all(p.default is not p.empty for p in ours[len(theirs) :])


def test_it_finds_the_optimum_and_repeats_itself():
    def run(seed):
        study = bluefin.create_study(sampler=GPSampler(seed=seed))
        study.optimize(parabola, n_trials=30)
        return study

    study = run(1)
    assert study.best_value < 1e-2
    assert [t.params for t in study.trials] == [t.params for t in run(1).trials]
    assert [t.params for t in study.trials] != [t.params for t in run(2).trials]


def test_a_study_in_a_file_goes_on_with_its_sampler(tmp_path):
    url = f"sqlite:///{tmp_path / 'gp.db'}"
    study = bluefin.create_study(storage=url, study_name="s", sampler=GPSampler(seed=1, n_startup_trials=5))
    study.optimize(parabola, n_trials=8)
    again = bluefin.load_study(storage=url, study_name="s", sampler=GPSampler(seed=1, n_startup_trials=5))
    running = again.ask()
    # What another worker, Optuna's among them, needs to keep away from a running trial.
    assert set(running.relative_params) == {"x", "k"}
    stored = optuna.load_study(storage=url, study_name="s").trials[-1]
    assert any(key.startswith("gp:relative_params:") for key in stored.system_attrs)


def test_optuna_s_gp_sampler_is_named_in_the_study_s_options():
    sampler = pickle.loads(pickle.dumps(GPSampler(seed=3, n_startup_trials=4, trust_region=True, prior="optuna")))
    assert "n_startup_trials=4" in repr(sampler)
    assert "trust_region=True" in repr(sampler)


def test_conditional_parameters_constraints_and_several_objectives():
    sampler = GPSampler(seed=1, n_startup_trials=6)
    study = bluefin.create_study(sampler=sampler)
    study.optimize(objective, n_trials=15)
    assert len(study.trials) == 15

    study = bluefin.create_study(directions=["minimize", "maximize"], sampler=sampler)

    def two(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("c", 0.2 - x)
        return x, x * trial.suggest_categorical("c", [1, 2])

    study.optimize(two, n_trials=15)
    assert len(study.best_trials) >= 2


def test_an_independent_sampler_draws_what_is_not_drawn_jointly():
    class Low(bluefin.samplers.RandomSampler):
        def sample_independent(self, study, trial, param_name, param_distribution):
            return param_distribution.low

    study = bluefin.create_study(sampler=GPSampler(seed=1, n_startup_trials=4, independent_sampler=Low()))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=8)
    drawn = [t.params["x"] for t in study.trials]
    assert drawn[:4] == [0.0] * 4
    assert len(set(drawn[4:])) == 4


def test_warnings_and_errors():
    with pytest.warns(FutureWarning, match="constraints_func"):
        sampler = GPSampler(constraints_func=lambda trial: (trial.params["x"],))
    study = bluefin.create_study(sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1), n_trials=13)
    assert all(t.constraints == {"0": t.params["x"]} for t in study.trials)
    with pytest.warns(bluefin.exceptions.ExperimentalWarning, match="deterministic_objective"):
        GPSampler(deterministic_objective=True)
    for match, options in [
        ("prior = 'flat', expected one of: lognormal, optuna", {"prior": "flat"}),
        ("output_transform = 'log'", {"output_transform": "log"}),
        ("n_startup_trials = -1", {"n_startup_trials": -1}),
        ("max_points = 5", {"max_points": 5}),
        ("`seed` must be at least 0", {"seed": -1}),
    ]:
        with pytest.raises(ValueError, match=match):
            GPSampler(**options)
    for options in ({"n_restarts": 1.5}, {"winsorise": "no"}, {"prior": 1}, {"independent_sampler": "random"}):
        with pytest.raises(TypeError):
            GPSampler(**options)
