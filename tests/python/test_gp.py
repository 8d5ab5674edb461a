# SPDX-License-Identifier: MIT
"""GPSampler: Optuna's arguments and defaults, and what it does with them."""

import inspect
import pickle
import re

import numpy as np
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
        ("n_threads = 10000000000, expected an integer between", {"n_threads": 10**10}),
        ("`seed` must be at least 0", {"seed": -1}),
    ]:
        with pytest.raises(ValueError, match=match):
            GPSampler(**options)
    for options in ({"n_restarts": 1.5}, {"winsorise": "no"}, {"prior": 1}, {"independent_sampler": "random"}):
        with pytest.raises(TypeError):
            GPSampler(**options)
    for name in ("winsorise", "deterministic_objective", "warn_independent_sampling", "sobol_startup", "trust_region"):
        with pytest.raises(TypeError, match=f"`{name}` must be a bool, but got 5"):
            GPSampler(**{name: 5})
        with pytest.raises(TypeError, match=f"`{name}` must be a bool"):
            GPSampler(**{name: np.array([True, False])})
    GPSampler(winsorise=np.bool_(False), sobol_startup=1, trust_region=np.int64(0))
    for sampler in (GPSampler, bluefin.samplers.TPESampler):
        with pytest.raises(TypeError, match="`constraints_func` must be callable, but got 3"):
            sampler(constraints_func=3)


def test_explain_says_what_comes_next_and_why():
    sampler = GPSampler(seed=1, n_startup_trials=6)
    study = bluefin.create_study(sampler=sampler)

    def objective(trial):
        x = trial.suggest_float("x", 1e-4, 1, log=True)
        trial.suggest_float("idle", 0, 1)
        return (x - 0.1) ** 2 + trial.suggest_categorical("c", [0.0, 0.1])

    study.optimize(objective, n_trials=20)
    explanation = study.sampler.explain(study, at=[{"x": 0.1, "idle": 0.5, "c": 0.0}])
    assert isinstance(explanation, bluefin.samplers.GPExplanation)
    assert (explanation.n_complete, explanation.n_running, explanation.in_use) == (20, 0, True)
    assert explanation.options["n_startup_trials"] == 6

    process = explanation.objectives[0]
    assert (process.name, process.direction, process.n_values) == ("value", "minimize", 20)
    assert set(process.params) == {"x", "idle", "c"}
    assert process.params["x"].log and process.params["x"].distance > 1
    assert process.params["x"].correlation is None and process.params["x"].warp is None
    assert process.params["c"].kind == "categorical" and 0 < process.params["c"].correlation < 1
    assert process.params["idle"].relevance < 0.05 < process.params["x"].relevance
    assert process.loo_r2 > 0.5 and 0 <= process.loo_within <= 1

    assert explanation.best[0].number == study.best_trial.number
    assert explanation.best[0].params == study.best_params
    assert explanation.best[0].values == [study.best_value]
    there = explanation.at[0].objectives[0]
    assert there.low <= there.mean <= there.high and there.sd > 0
    assert abs(there.mean) < 0.05
    assert explanation.suggestion.acquisition > explanation.at[0].acquisition
    assert 0 < explanation.suggestion.improvement_chance < 1

    assert sampler.explain(study).suggestion == explanation.suggestion
    trial = study.ask()
    objective(trial)
    assert trial.params == explanation.suggestion.params
    assert sampler.explain(study).n_running == 1


@pytest.mark.parametrize("n_objectives", [3, 6])  # of six always a weighted sum decides
def test_explain_of_several_objectives_constraints_and_conditions(n_objectives):
    directions = ["minimize", "maximize", "minimize", "minimize", "maximize", "minimize"][:n_objectives]
    study = bluefin.create_study(directions=directions, sampler=GPSampler(seed=1))

    def objective(trial):
        kind = trial.suggest_categorical("kind", ["svm", "tree"])
        value = trial.suggest_float("c", 0, 1) if kind == "svm" else trial.suggest_int("depth", 1, 5) / 5
        trial.set_constraint("small", value - 0.9)
        return (value, value**2, 1 - value, 1 - value**2, value, 2 - value)[:n_objectives]

    study.optimize(objective, n_trials=16)
    explanation = study.sampler.explain(study)
    assert [p.direction for p in explanation.objectives] == directions
    assert [p.name for p in explanation.constraints] == ["small"]
    if n_objectives == 6:
        assert explanation.weighted is not None and abs(sum(explanation.weights) - 1) < 1e-12
    assert len(explanation.weights) == (n_objectives if explanation.weighted else 0)
    assert {tuple(group.params): group.depends_on for group in explanation.groups} == {("c",): "kind", ("depth",): "kind"}
    assert len(explanation.objectives[0].group_correlations) == 2
    assert {point.number for point in explanation.best} == {trial.number for trial in study.best_trials}
    assert len(explanation.suggestion.objectives) == n_objectives
    assert 0 <= explanation.suggestion.feasibility <= 1
    assert explanation.improve_on is None and explanation.suggestion.expected_improvement is None


def test_explain_gives_objects_among_choices_back_and_speaks_for_other_samplers():
    class Thing:
        pass

    things = [Thing(), Thing()]
    study = bluefin.create_study(sampler=bluefin.samplers.RandomSampler(seed=1))
    with pytest.warns(UserWarning, match="persistent storage"):
        study.optimize(
            lambda trial: trial.suggest_float("x", 0, 1) + things.index(trial.suggest_categorical("t", things)),
            n_trials=8,
        )
    sampler = GPSampler(seed=2)
    explanation = sampler.explain(study, at=[{"x": 0.5, "t": things[1]}])
    assert explanation.sampler == "random" and not explanation.in_use
    assert explanation.at[0].params == {"x": 0.5, "t": things[1]}
    assert explanation.best[0].params == {"x": study.best_params["x"], "t": things[0]}
    assert explanation.suggestion.params["t"] in things
    assert GPSampler(seed=2).explain(study).suggestion == explanation.suggestion


def test_explain_says_what_is_wrong():
    study = bluefin.create_study(sampler=GPSampler(seed=1))
    with pytest.raises(ValueError, match="no complete trial"):
        study.sampler.explain(study)
    study.optimize(parabola, n_trials=4)
    with pytest.raises(ValueError, match="no value for parameter 'k'"):
        study.sampler.explain(study, at=[{"x": 1.0}])
    with pytest.raises(ValueError, match="11"):
        study.sampler.explain(study, at=[{"x": 11, "k": 1}])
    for at in ({"x": 1.0, "k": 1}, 3, [3]):
        with pytest.raises(TypeError, match="sequence of dicts"):
            study.sampler.explain(study, at=at)
    with pytest.raises(TypeError, match="A name in a point of `at` must be a str, but got 1"):
        study.sampler.explain(study, at=[{1: 2}])
    for value in ([0.5], b"q", object()):
        with pytest.raises(TypeError, match=re.escape(repr(value))):
            study.sampler.explain(study, at=[{"x": value, "k": 1}])
    assert len(study.sampler.explain(study, at=({"x": float(x), "k": 1} for x in range(2))).at) == 2
    with pytest.raises(TypeError, match="BluefinSampler"):
        GPSampler().explain(optuna.create_study())
