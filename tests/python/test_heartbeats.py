# SPDX-License-Identifier: MIT
"""Trials whose process is gone: heartbeats in the file, shared with Optuna."""

import time
import warnings

import optuna
import pytest

import bluefin
from bluefin.trial import TrialState

pytestmark = [
    pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", [bluefin, optuna])
def test_a_trial_without_a_heartbeat_fails_and_is_queued_again(package, tmp_path):
    """Whoever looks after the file, ours or Optuna, finds the other's dead trial."""
    url = f"sqlite:///{tmp_path}/s.db"
    ours = bluefin.storages.RDBStorage(
        url,
        heartbeat_interval=1,
        heartbeat_stale_trial_callback=bluefin.storages.RetryHeartbeatStaleTrialCallback(max_retry=1),
    )
    study = bluefin.create_study(storage=ours, study_name="s")
    theirs = optuna.storages.RDBStorage(
        url,
        heartbeat_interval=1,
        heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=1),
    )
    other = optuna.load_study(storage=theirs, study_name="s")
    dead = (study if package is optuna else other).ask()
    x = dead.suggest_float("x", 0, 1)
    (ours if package is optuna else theirs).record_heartbeat(dead._trial_id)
    study._native.flush()
    ours.grace_period = theirs.grace_period = -1  # not the time that is tested
    (study if package is bluefin else other).optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    ours.grace_period = theirs.grace_period = None
    first, second = study.trials
    assert (first.state, second.state, second.value) == (TrialState.FAIL, TrialState.COMPLETE, x)
    assert second.system_attrs["retry_history"] == [0] == other.trials[1].system_attrs["retry_history"]


def test_heartbeats_are_recorded_while_the_objective_runs(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    with pytest.warns(bluefin.exceptions.ExperimentalWarning, match="heartbeat_interval"):
        storage = bluefin.storages.RDBStorage(url, heartbeat_interval=60)
    study = bluefin.create_study(storage=storage)
    beats = []
    record = storage.record_heartbeat
    storage.record_heartbeat = lambda trial_id: (beats.append(trial_id), record(trial_id))
    study.optimize(lambda trial: 1.0, n_trials=2)
    assert beats == [trial._trial_id for trial in study.trials]
    with pytest.warns(UserWarning, match="Study.optimize"):
        study.ask()
    for arguments in ({"heartbeat_interval": 0}, {"heartbeat_interval": 1, "grace_period": 0}):
        with pytest.raises(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bluefin.storages.RDBStorage(url, **arguments)
    with pytest.raises(KeyError):
        storage._native.record_heartbeat(99)
    with pytest.raises(ValueError, match="no heartbeats"):
        bluefin.storages.InMemoryStorage()._native.record_heartbeat(1)


@pytest.mark.filterwarnings("ignore")
def test_a_heartbeat_that_fails_once_is_not_the_last(tmp_path):
    class Failing(bluefin.storages.RDBStorage):
        n_calls = 0

        def record_heartbeat(self, trial_id):
            self.n_calls += 1
            if self.n_calls == 1:
                raise bluefin.exceptions.StorageInternalError("the disk is busy")
            super().record_heartbeat(trial_id)

    storage = Failing(f"sqlite:///{tmp_path}/s.db", heartbeat_interval=1)
    study = bluefin.create_study(storage=storage)
    study.optimize(lambda trial: time.sleep(1.3), n_trials=1)
    assert storage.n_calls == 2
