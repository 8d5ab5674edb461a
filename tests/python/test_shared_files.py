# SPDX-License-Identifier: MIT
"""SQLite files that bluefin and Optuna write in turn."""

import math

import optuna
import pytest

import bluefin

from objectives import objective


def assert_same_trials(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert (a.number, a.state.name, a.params, a.user_attrs) == (b.number, b.state.name, b.params, b.user_attrs)
        assert a.values == b.values and a.datetime_start == b.datetime_start
        assert a.datetime_complete == b.datetime_complete
        assert a.intermediate_values == pytest.approx(b.intermediate_values, nan_ok=True)
        assert list(a.params) == list(b.params) and a.system_attrs == b.system_attrs
        for name, distribution in a.distributions.items():
            theirs_json = optuna.distributions.distribution_to_json(b.distributions[name])
            assert bluefin.distributions.json_to_distribution(theirs_json) == distribution


def shared_objective(package):
    def run(trial):
        for step in range(3):
            trial.report(float("nan") if step == 0 else trial.number / (step + 1), step)
        trial.set_user_attr("n", {"ü": [trial.number, None]})
        if trial.number % 5 == 1:
            raise package.TrialPruned
        if trial.number % 5 == 2:
            raise ValueError("failed")
        return math.inf if trial.number % 5 == 3 else objective(trial)

    return run


def test_optuna_reads_and_continues_our_file(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    ours = bluefin.create_study(storage=url, study_name="s")
    ours.set_user_attr("a", 1)
    ours.optimize(shared_objective(bluefin), n_trials=15, catch=(ValueError,))
    theirs = optuna.load_study(study_name="s", storage=url)
    assert theirs.user_attrs == {"a": 1}
    assert theirs._storage.get_study_system_attrs(theirs._study_id) == {}  # nothing of our own in there
    assert_same_trials(ours.trials, theirs.trials)
    assert ours.best_trial.number == theirs.best_trial.number
    theirs.optimize(shared_objective(optuna), n_trials=5, catch=(ValueError,))
    theirs.enqueue_trial({"x": 0.5})
    ours.optimize(shared_objective(bluefin), n_trials=5, catch=(ValueError,))
    assert [t.number for t in ours.trials] == list(range(25))
    assert ours.trials[20].params.get("x", 0.5) == 0.5
    assert_same_trials(ours.trials, theirs.trials)


def test_we_read_and_continue_optunas_file(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    theirs = optuna.create_study(storage=url, study_name="s", direction="maximize")
    theirs.optimize(shared_objective(optuna), n_trials=15, catch=(ValueError,))
    ours = bluefin.load_study(study_name=None, storage=url)
    assert ours.study_name == "s" and ours.direction.name == "MAXIMIZE"
    assert_same_trials(ours.trials, theirs.trials)
    ours.optimize(shared_objective(bluefin), n_trials=10, catch=(ValueError,))
    assert [t.number for t in theirs.trials] == list(range(25))
    assert_same_trials(ours.trials, theirs.trials)
