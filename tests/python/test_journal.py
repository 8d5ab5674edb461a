# SPDX-License-Identifier: MIT
"""The journal in files and in Redis, shared with Optuna and between processes."""

from concurrent.futures import ProcessPoolExecutor
import json
import os
import pickle
import subprocess
import sys
import time
import warnings

import fakeredis
import optuna
import pytest

import bluefin
from bluefin.storages import journal
from bluefin.study import StudyDirection

from objectives import objective_with_reports

pytestmark = [
    pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


def backends(path, native):
    theirs = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    if native:
        return bluefin.storages.get_storage(f"journal:///{path}"), theirs
    return bluefin.storages.JournalStorage(journal.JournalFileBackend(path)), theirs


def values_of(study):
    return [
        (t.number, t.state.name, t.values, t.params, t.intermediate_values, t.user_attrs, t.datetime_start)
        for t in study.get_trials(deepcopy=False)
    ]


@pytest.mark.parametrize("native", [False, True])
def test_optuna_and_bluefin_share_a_journal(native, tmp_path):
    ours, theirs = backends(str(tmp_path / "j.log"), native)
    first = optuna.create_study(storage=theirs, study_name="s", direction="maximize")
    first.set_user_attr("who", "optuna")
    first.optimize(lambda t: objective_of(optuna, t), n_trials=15)
    study = bluefin.load_study(storage=ours, study_name="s")
    assert study.direction == StudyDirection.MAXIMIZE and study.user_attrs == {"who": "optuna"}
    assert values_of(study) == values_of(first)
    study.enqueue_trial({"x": 2.0})
    study.optimize(lambda t: objective_of(bluefin, t), n_trials=15)
    assert values_of(first) == values_of(study) and len(first.trials) == 30
    first.optimize(lambda t: objective_of(optuna, t), n_trials=5)
    assert study.best_trial.number == first.best_trial.number and len(study.trials) == 35


def objective_of(package, trial):
    x = trial.suggest_float("x", -5, 5)
    trial.suggest_int("n", 1, 64, log=True)
    trial.suggest_categorical("c", [None, "a", 1.5])
    for step in range(3):
        trial.report(-(x**2) - step, step)
        if trial.should_prune():
            raise package.TrialPruned
    trial.set_user_attr("x", x)
    return -(x**2)


def work_on_journal(path, n):
    bluefin.logging.set_verbosity(bluefin.logging.ERROR)
    storage = bluefin.storages.JournalStorage(journal.JournalFileBackend(path))
    bluefin.load_study(storage=storage, study_name="s").optimize(objective_with_reports, n_trials=n)


def test_processes_share_a_journal(tmp_path):
    path = str(tmp_path / "j.log")
    storage = bluefin.storages.JournalStorage(journal.JournalFileBackend(path))
    study = bluefin.create_study(storage=storage, study_name="s")
    with ProcessPoolExecutor(4) as pool:
        for job in [pool.submit(work_on_journal, path, 10) for _ in range(4)]:
            job.result()
    assert [t.number for t in study.trials] == list(range(40))
    assert all(t.state.is_finished() for t in study.trials)
    with open(path) as lines:
        assert all(json.loads(line) for line in lines)


def work_with_optuna(path, n):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    optuna.load_study(storage=storage, study_name="s").optimize(lambda t: objective_of(optuna, t), n_trials=n)


def work_natively(path, n):
    bluefin.logging.set_verbosity(bluefin.logging.ERROR)
    study = bluefin.load_study(storage=f"journal:///{path}", study_name="s")
    study.optimize(lambda t: objective_of(bluefin, t), n_trials=n)


def test_optuna_and_the_engine_write_one_journal_at_the_same_time(tmp_path):
    path = str(tmp_path / "j.log")
    study = bluefin.create_study(storage=f"journal:///{path}", study_name="s", direction="maximize")
    with ProcessPoolExecutor(4) as pool:
        for job in [pool.submit(work, path, 12) for work in (work_natively, work_with_optuna) * 2]:
            job.result()
    assert [t.number for t in study.trials] == list(range(48))
    assert all(t.state.is_finished() for t in study.trials)
    theirs = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    assert values_of(optuna.load_study(storage=theirs, study_name="s")) == values_of(study)


def test_a_trials_end_is_appended_at_once(tmp_path):
    path = tmp_path / "j.log"
    backend = journal.JournalFileBackend(str(path))
    appended = []
    append = backend.append_logs
    backend.append_logs = lambda logs: (appended.append(len(logs)), append(logs))
    study = bluefin.create_study(storage=bluefin.storages.JournalStorage(backend))
    appended.clear()

    def objective(trial):
        for step in range(5):
            trial.report(step, step)
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=1)
    assert appended == [1, 7]  # the trial; five reports, a parameter and the end


def test_half_a_line_at_the_end_is_left_for_later_and_one_in_the_middle_is_an_error(tmp_path):
    path = tmp_path / "j.log"
    backend = journal.JournalFileBackend(str(path))
    backend.append_logs([{"a": 1}])
    with open(path, "a") as file:
        file.write('{"a": ')
    assert list(backend.read_logs(0)) == [{"a": 1}]
    with open(path, "a") as file:
        file.write("2}\n")
    assert list(backend.read_logs(1)) == [{"a": 2}]
    with open(path, "a") as file:
        file.write('{"a": \n{"a": 3}\n')
    with pytest.raises(ValueError):
        list(backend.read_logs(0))


@pytest.mark.parametrize("lock_class", [journal.JournalFileOpenLock, journal.JournalFileSymlinkLock])
def test_locks(lock_class, tmp_path):
    path = str(tmp_path / "j.log")
    open(path, "w").close()
    lock = lock_class(path)
    assert lock.acquire() is True
    assert os.path.lexists(path + ".lock")
    lock.release()
    assert not os.path.lexists(path + ".lock")
    with pytest.raises(RuntimeError):
        lock.release()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        short = lock_class(path, grace_period=1)
    assert len(caught) == 1
    lock.acquire()  # by somebody who is gone
    begin = time.monotonic()
    assert short.acquire() is True and time.monotonic() - begin >= 1
    short.release()
    with pytest.raises(ValueError):
        lock_class(path, grace_period=0)


def test_a_journal_storage_can_be_pickled(tmp_path):
    storage = bluefin.storages.JournalStorage(journal.JournalFileBackend(str(tmp_path / "j.log")))
    study = bluefin.create_study(storage=storage, study_name="s")
    study.optimize(objective_with_reports, n_trials=2)
    assert len(pickle.loads(pickle.dumps(study)).trials) == 2


@pytest.mark.parametrize("use_cluster", [False, True])
def test_a_journal_in_redis_is_shared_with_optuna(use_cluster):
    server = fakeredis.FakeServer()
    ours = journal.JournalRedisBackend("redis://localhost", use_cluster, "tests")
    theirs = optuna.storages.journal.JournalRedisBackend("redis://localhost", use_cluster, "tests")
    for backend in (ours, theirs):
        backend._redis = fakeredis.FakeStrictRedis(server=server)
    study = bluefin.create_study(storage=bluefin.storages.JournalStorage(ours), study_name="s")
    study.optimize(lambda t: objective_of(bluefin, t), n_trials=5)
    other = optuna.load_study(storage=optuna.storages.JournalStorage(theirs), study_name="s")
    assert values_of(other) == values_of(study)
    other.optimize(lambda t: objective_of(optuna, t), n_trials=5)
    assert values_of(other) == values_of(study) and len(study.trials) == 10


def test_a_new_reader_begins_with_the_snapshot():
    backend = journal.JournalRedisBackend("redis://localhost")
    backend._redis = fakeredis.FakeStrictRedis(server=fakeredis.FakeServer())
    study = bluefin.create_study(storage=bluefin.storages.JournalStorage(backend), study_name="s")
    study.optimize(objective_with_reports, n_trials=102)
    assert backend.load_snapshot() is not None
    read = []
    read_logs = backend.read_logs
    backend.read_logs = lambda number: read.append(number) or read_logs(number)
    again = bluefin.load_study(storage=bluefin.storages.JournalStorage(backend), study_name="s")
    assert min(read) > 100 and [t.params for t in again.trials] == [t.params for t in study.trials]
    backend.save_snapshot(b"nothing that was pickled")
    assert len(bluefin.load_study(storage=bluefin.storages.JournalStorage(backend), study_name="s").trials) == 102


def test_what_a_running_trial_has_gathered_is_in_the_journal_when_the_interpreter_ends(tmp_path):
    script = """
import sys
import bluefin

storage = bluefin.storages.JournalStorage(bluefin.storages.journal.JournalFileBackend(sys.argv[1]))
study = bluefin.create_study(storage=storage, study_name="s")
trial = study.ask()
trial.suggest_float("x", 0, 1)
trial.report(0.5, 1)
trial.set_user_attr("a", 1)
"""
    path = str(tmp_path / "study.log")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("could not be written")) == (0, 0)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    (trial,) = optuna.load_study(storage=storage, study_name="s").trials
    assert set(trial.params) == {"x"} and trial.intermediate_values == {1: 0.5} and trial.user_attrs == {"a": 1}


def test_an_attribute_that_the_journal_cannot_hold_is_refused_where_it_is_set(tmp_path):
    backend = journal.JournalFileBackend(str(tmp_path / "study.log"))
    study = bluefin.create_study(storage=bluefin.storages.JournalStorage(backend))

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("model", object())
        return x

    study.optimize(objective, n_trials=2, catch=(TypeError,))
    assert [t.state for t in study.trials] == [bluefin.trial.TrialState.FAIL] * 2
    assert all(set(t.params) == {"x"} for t in study.trials)
    with pytest.raises(TypeError, match="'model'"):
        study.set_user_attr("model", object())
