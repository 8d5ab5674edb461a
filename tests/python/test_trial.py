# SPDX-License-Identifier: MIT
"""Trials: what a running one is asked and told, and trials as values."""

import copy
import pickle
import warnings

import pytest

import bluefin

from objectives import objective


def test_attributes_and_constraints(storage):
    study = bluefin.create_study(storage=storage)
    study.set_user_attr("tags", {"ü": [1, None, 2.5]})
    assert study.user_attrs == {"tags": {"ü": [1, None, 2.5]}}
    infeasible, feasible = study.ask(), study.ask()
    infeasible.set_user_attr("note", "a")
    infeasible.set_user_attr("note", "b")
    infeasible.set_constraint("memory", 2.0)
    with pytest.warns(UserWarning, match="memory"):
        infeasible.set_constraint("memory", -2.0)
    with pytest.raises(ValueError):
        infeasible.set_constraint("memory", float("nan"))
    with pytest.raises(TypeError):
        infeasible.set_constraint("memory", "much")
    assert infeasible.user_attrs == {"note": "b"} and infeasible.constraints == {"memory": 2.0}
    study.tell(infeasible, 0.0)
    with pytest.raises(ValueError, match="feasible"):
        study.best_trial
    study.tell(feasible, 1.0)
    assert study.best_trial.number == 1


def test_any_object_in_memory_and_a_type_error_in_a_file(tmp_path):
    class Model:
        pass

    layers = [(50,), (50, 50), (100,)]

    def run(trial):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = trial.suggest_categorical("layers", [tuple(layer) for layer in layers])
        trial.set_user_attr("model", Model())
        return len(chosen)

    study = bluefin.create_study()
    study.enqueue_trial({"layers": (50, 50)})
    study.optimize(run, n_trials=15)
    assert study.trials[0].params == {"layers": (50, 50)}
    assert {t.params["layers"] for t in study.trials} <= set(layers)
    assert all(isinstance(t.user_attrs["model"], Model) for t in study.trials)
    assert study.trials[3].distributions["layers"].choices == tuple(layers)

    study = bluefin.create_study(storage=f"sqlite:///{tmp_path}/s.db")
    trial = study.ask()
    with pytest.warns(UserWarning), pytest.raises(TypeError, match="layers"):
        trial.suggest_categorical("layers", [Model(), 1])
    with pytest.raises(TypeError, match="model"):
        trial.set_user_attr("model", Model())


def test_suggest_refuses_bad_ranges_and_other_kinds():
    trial = bluefin.create_study().ask()
    for call in [
        lambda: trial.suggest_float("x", 2, 1),
        lambda: trial.suggest_float("x", 0, 1, log=True),
        lambda: trial.suggest_float("x", 0, 1, step=0),
        lambda: trial.suggest_float("x", 0, 1, step=-0.5),
        lambda: trial.suggest_float("x", 1, 2, step=0.5, log=True),
        lambda: trial.suggest_float("x", float("nan"), 1),
        lambda: trial.suggest_int("x", 2, 1),
        lambda: trial.suggest_int("x", 0, 8, log=True),
        lambda: trial.suggest_categorical("x", []),
    ]:
        with pytest.raises(ValueError):
            call()
    assert trial.params == {}
    value = trial.suggest_float("x", 0, 1)
    assert trial.suggest_float("x", 0, 1) == value
    with pytest.warns(RuntimeWarning, match="x"):
        assert trial.suggest_float("x", 0, 2) == value
    with pytest.raises(ValueError):
        trial.suggest_int("x", 0, 1)
    with pytest.raises(TypeError):
        trial.suggest_float("y", "0", 1)
    with pytest.warns(UserWarning, match="divisible"):
        assert trial.suggest_int("z", 0, 10, step=4) in (0, 4, 8)
    with pytest.raises(TypeError):
        trial.suggest_float("w", 0, 1, 0.5)  # step is keyword-only


def test_report_refuses_what_optuna_refuses():
    trial = bluefin.create_study().ask()
    with pytest.raises(TypeError):
        trial.report("much", 1)
    with pytest.raises(TypeError):
        trial.report(1.0, "one")
    with pytest.raises(ValueError):
        trial.report(1.0, -1)
    trial.report(float("nan"), 0)
    with pytest.warns(UserWarning, match="already reported"):
        trial.report(1.0, 0)
    assert not trial.should_prune()


def test_relative_params_are_what_the_sampler_has_chosen_beforehand():
    study = bluefin.create_study(sampler=bluefin.samplers.TPESampler(seed=1, n_startup_trials=3))
    assert study.ask().relative_params == {}
    study.optimize(objective, n_trials=5)
    trial = study.ask()
    chosen = trial.relative_params
    assert sorted(chosen) == ["kind", "lr", "n", "x"]
    objective(trial)
    assert trial.params == chosen


def test_frozen_trials_are_values(storage):
    study = bluefin.create_study(storage=storage)
    study.optimize(objective, n_trials=2)
    a, b = study.trials[1], study.trials[1]
    assert a == b and a is not b and study.trials[0] < a and repr(a).startswith("FrozenTrial(number=1, ")
    b.params["x"] = 99.0
    b.values = [1.0]
    assert a != b and study.trials[1] == a
    assert pickle.loads(pickle.dumps(a)) == a == copy.deepcopy(a)
    assert a.suggest_float("x", -5, 5) == a.params["x"]
    with pytest.raises(ValueError):
        a.suggest_float("unknown", 0, 1)


def test_fixed_trial():
    trial = bluefin.trial.FixedTrial({"x": 1.0, "lr": 1e-3, "n": 3, "kind": "adam"}, number=4)
    assert objective(trial) == 5.0 and trial.number == 4
    trial.report(1.0, 0)
    assert not trial.should_prune() and trial.params["n"] == 3
    with pytest.raises(ValueError, match="y"):
        trial.suggest_float("y", 0, 1)
