# SPDX-License-Identifier: MIT
"""Samplers and pruners: seeds, exchange in a running study, constraints of older programs."""

import pytest

import bluefin

from objectives import objective

pytestmark = pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")


def test_tpe_finds_the_optimum():
    study = bluefin.create_study(sampler=bluefin.samplers.TPESampler(seed=3))
    study.optimize(lambda t: (t.suggest_float("x", -10, 10) - 2) ** 2, n_trials=80)
    assert study.best_value < 0.1


def test_the_same_seed_gives_the_same_study():
    def run(seed):
        study = bluefin.create_study(sampler=bluefin.samplers.TPESampler(seed=seed))
        study.optimize(objective, n_trials=20)
        return [t.params for t in study.trials]

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_another_sampler_and_pruner_for_the_same_study():
    study = bluefin.create_study(sampler=bluefin.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=3)
    running = study.ask()
    running.suggest_float("x", -5, 5)
    study.sampler = bluefin.samplers.TPESampler(n_startup_trials=2)
    study.pruner = bluefin.pruners.PercentilePruner(10.0)
    assert isinstance(study.sampler, bluefin.samplers.TPESampler)
    assert study.tell(running, 1.0).params == running.params
    study.optimize(objective, n_trials=3)
    assert [t.number for t in study.trials] == list(range(7))
    for wrong in (lambda: bluefin.create_study(sampler="tpe"), lambda: bluefin.create_study(pruner=1)):
        with pytest.raises(TypeError):
            wrong()
    for wrong in (
        lambda: bluefin.samplers.TPESampler(n_ei_candidates=0),
        lambda: bluefin.samplers.TPESampler(group=True, multivariate=False),
        lambda: bluefin.samplers.TPESampler(seed=-1),
        lambda: bluefin.pruners.MedianPruner(-1),
        lambda: bluefin.pruners.PercentilePruner(101.0),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_constraints_func_of_older_programs():
    with pytest.warns(FutureWarning):
        sampler = bluefin.samplers.TPESampler(constraints_func=lambda trial: (trial.params["x"], -1.0))
    study = bluefin.create_study(sampler=sampler)
    study.optimize(lambda t: t.suggest_float("x", -1, 1), n_trials=12)
    assert all(t.constraints == {"0": t.params["x"], "1": -1.0} for t in study.trials)
    assert study.best_value == min(t.value for t in study.trials if t.value <= 0)


def test_a_constraints_func_that_fails_does_not_lose_the_value():
    with pytest.warns(FutureWarning):
        sampler = bluefin.samplers.TPESampler(constraints_func=lambda trial: (float("nan"),))
    study = bluefin.create_study(sampler=sampler)
    with pytest.raises(ValueError, match="NaN"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert [t.state for t in study.trials] == [bluefin.trial.TrialState.COMPLETE]


@pytest.mark.parametrize("value", [1e20, float("inf"), -float("inf"), float("nan"), "many", None])
def test_what_cannot_be_a_value_fails_the_trial_and_is_not_stored(storage, value):
    class Sampler(bluefin.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            return value if trial.number == 1 else 3

    study = bluefin.create_study(storage=storage, sampler=Sampler())
    study.optimize(lambda trial: trial.suggest_int("n", 0, 10), n_trials=3, catch=ValueError)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [t.params for t in study.trials] == [{"n": 3}, {}, {"n": 3}]
    with pytest.raises(ValueError, match=f"'n'.*{str(value).replace('+', '.')}"):
        study.sampler.sample_independent = lambda *arguments: value
        study.ask().suggest_int("n", 0, 10)


def test_a_value_outside_of_the_range_is_the_samplers_affair(storage):
    class Sampler(bluefin.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            return 11

    study = bluefin.create_study(storage=storage, sampler=Sampler())
    study.optimize(lambda trial: trial.suggest_int("n", 0, 10) + trial.suggest_float("x", 0, 1), n_trials=1)
    assert study.trials[0].params == {"n": 11, "x": 11.0} and study.best_value == 22.0  # as in Optuna


def test_a_value_that_nobody_can_read_back_is_refused_by_the_storage():
    storage = bluefin.storages.InMemoryStorage()
    trial_id = storage.create_new_trial(storage.create_new_study([bluefin.study.StudyDirection.MINIMIZE]))
    with pytest.raises(ValueError, match=r"'n'.*IntDistribution\(high=10, log=False, low=0, step=1\)"):
        storage.set_trial_param(trial_id, "n", 1e20, bluefin.distributions.IntDistribution(0, 10))
    with pytest.raises(ValueError, match="'c'"):
        storage.set_trial_param(trial_id, "c", 2, bluefin.distributions.CategoricalDistribution(["a", "b"]))
    assert storage.get_trial(trial_id).params == {}
