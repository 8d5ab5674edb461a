# SPDX-License-Identifier: MIT
"""A running trial as others see it, and what is left of it when they tell its end: another study object, another process."""

import pickle
import subprocess
import sys

import pytest

import bluefin
from bluefin.trial import TrialState


@pytest.fixture(params=["memory", "sqlite", "journal"])
def storage(request, tmp_path):
    if request.param == "memory":
        return bluefin.storages.InMemoryStorage()
    return f"sqlite:///{tmp_path}/s.db" if request.param == "sqlite" else f"journal:///{tmp_path}/s.log"


def begun(study):
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("a", [1])
    trial.report(7.0, 3)
    return trial


def assert_whole(frozen):
    assert list(frozen.params) == ["x"]
    assert frozen.user_attrs == {"a": [1]}
    assert frozen.intermediate_values == {3: 7.0}


def test_another_study_object_sees_a_running_trial_and_may_tell_it(storage):
    mine = bluefin.create_study(study_name="s", storage=storage)
    theirs = bluefin.load_study(study_name="s", storage=storage)
    first, second = begun(mine), begun(mine)
    assert_whole(theirs.trials[first.number])
    theirs.tell(first.number, 2.0)
    theirs.tell(second.number, state=TrialState.PRUNED)
    for study in (mine, theirs):
        for frozen in study.trials:
            assert_whole(frozen)
        assert [frozen.value for frozen in study.trials] == [2.0, 7.0]


@pytest.mark.parametrize("scheme", ["sqlite", "journal"])
def test_another_process_sees_a_running_trial_and_may_tell_it(tmp_path, scheme):
    url = f"{scheme}:///{tmp_path}/s.file"
    study = bluefin.create_study(study_name="s", storage=url)
    trial = begun(study)
    code = f"""if True:
        import bluefin
        study = bluefin.load_study(study_name="s", storage={url!r})
        print(sorted(study.trials[0].params), study.trials[0].intermediate_values)
        study.tell(0, 1.0)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "['x'] {3: 7.0}", done.stderr
    assert_whole(study.trials[trial.number])
    assert study.best_value == 1.0


def test_a_pickled_study_tells_a_trial_of_the_original(tmp_path):
    study = bluefin.create_study(study_name="s", storage=f"sqlite:///{tmp_path}/s.db")
    copy = pickle.loads(pickle.dumps(study))
    trial = begun(study)
    copy.tell(trial.number, 1.0)
    assert_whole(study.trials[0])


def test_a_trial_goes_on_when_its_study_gets_another_sampler():
    study = bluefin.create_study()
    trial = begun(study)
    study.sampler = bluefin.samplers.RandomSampler(seed=1)
    study.pruner = bluefin.pruners.NopPruner()
    trial.suggest_float("y", 0, 1)
    trial.set_user_attr("b", 2)
    frozen = study.trials[0]
    assert list(frozen.params) == ["x", "y"] and frozen.user_attrs == {"a": [1], "b": 2}
    study.tell(trial.number, 1.0)
    assert list(study.best_params) == ["x", "y"]
    assert study.trials[0].user_attrs == {"a": [1], "b": 2}


def test_the_study_that_asked_learns_what_a_copy_of_the_trial_did(tmp_path):
    """ask, pickle, a pool of processes, tell: the usual loop of those who bring their own workers."""
    for storage in (
        f"sqlite:///{tmp_path}/s.db",
        f"journal:///{tmp_path}/s.log",
        bluefin.storages.JournalStorage(bluefin.storages.journal.JournalFileBackend(f"{tmp_path}/p.log")),
    ):
        study = bluefin.create_study(storage=storage)
        for number in range(3):
            trial = study.ask()
            trial.set_user_attr("state", "queued")
            copy = pickle.loads(pickle.dumps(trial))
            x = copy.suggest_float("x", 0, 1)
            copy.report(7.0, 3)
            copy.set_user_attr("state", "done")
            assert study.trials[number].params == {"x": x}
            assert trial.suggest_float("x", 0, 1) == x
            study.tell(trial if number else trial.number, x)
            frozen = study.trials[number]
            assert frozen.params == {"x": x}
            assert frozen.intermediate_values == {3: 7.0} and frozen.user_attrs == {"state": "done"}
        assert study.best_params == study.best_trial.params == study.best_trials[0].params != {}
        assert list(bluefin.search_space.intersection_search_space(study.trials)) == ["x"]


def test_an_objective_that_changes_the_sampler_reads_its_own_trial():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 2:
            trial.study.sampler = bluefin.samplers.RandomSampler(seed=1)
        y = trial.suggest_float("y", 0, 1)
        assert list(trial.study.trials[trial.number].params) == ["x", "y"]
        return x + y

    study = bluefin.create_study()
    study.optimize(objective, n_trials=5)
    assert all(list(frozen.params) == ["x", "y"] for frozen in study.trials)


def test_the_order_of_parameters_survives_add_trial():
    distributions = {name: bluefin.distributions.FloatDistribution(0, 9) for name in "ab"}
    study = bluefin.create_study()
    study.add_trial(bluefin.trial.create_trial(value=1.0, params={"b": 1.0, "a": 2.0}, distributions=distributions))
    assert list(study.trials[0].params) == ["b", "a"]


def test_what_a_user_adds_to_a_frozen_trial_is_copied_with_it():
    study = bluefin.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    frozen = study.trials[0]
    frozen.note = "mine"
    again = pickle.loads(pickle.dumps(frozen))
    assert again.note == "mine" and again == frozen
    again.note = "other"
    assert again != frozen
