# SPDX-License-Identifier: MIT
"""Storages by the ids of their studies and trials, the journal among them, and storages written in Python."""

from concurrent.futures import ProcessPoolExecutor
import copy
import datetime
import json
import os
import pickle
import time
import warnings

import fakeredis
import optuna
import pytest

import bluefin
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import FloatDistribution
from bluefin.exceptions import DuplicatedStudyError
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.storages import journal
from bluefin.study import StudyDirection
from bluefin.trial import TrialState

pytestmark = [
    pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]
MINIMIZE = [StudyDirection.MINIMIZE]


class PlainStorage(bluefin.storages.BaseStorage):
    """Dicts and lists: the least that a storage of a user's own may be."""

    def __init__(self):
        self.studies = {}
        self.all_trials = {}

    def create_new_study(self, directions, study_name=None):
        if study_name in [study["name"] for study in self.studies.values()]:
            raise DuplicatedStudyError(study_name)
        study_id = max(self.studies, default=0) + 1
        self.studies[study_id] = {
            "name": study_name or f"no-name-{study_id}",
            "directions": list(directions),
            "user": {},
            "system": {},
            "trials": [],
        }
        return study_id

    def delete_study(self, study_id):
        for trial_id in self.studies.pop(study_id)["trials"]:
            del self.all_trials[trial_id]

    def set_study_user_attr(self, study_id, key, value):
        self.studies[study_id]["user"][key] = value

    def set_study_system_attr(self, study_id, key, value):
        self.studies[study_id]["system"][key] = value

    def get_study_id_from_name(self, study_name):
        return {study["name"]: study_id for study_id, study in self.studies.items()}[study_name]

    def get_study_name_from_id(self, study_id):
        return self.studies[study_id]["name"]

    def get_study_directions(self, study_id):
        return self.studies[study_id]["directions"]

    def get_study_user_attrs(self, study_id):
        return dict(self.studies[study_id]["user"])

    def get_study_system_attrs(self, study_id):
        return dict(self.studies[study_id]["system"])

    def get_all_studies(self):
        from bluefin.study._frozen import FrozenStudy

        return [
            FrozenStudy(s["name"], None, s["user"], s["system"], study_id, directions=s["directions"])
            for study_id, s in self.studies.items()
        ]

    def create_new_trial(self, study_id, template_trial=None):
        trial = copy.deepcopy(template_trial) if template_trial else bluefin.create_trial(state=TrialState.RUNNING)
        trial._trial_id = max(self.all_trials, default=0) + 1
        trial.number = len(self.studies[study_id]["trials"])
        self.all_trials[trial._trial_id] = trial
        self.studies[study_id]["trials"].append(trial._trial_id)
        return trial._trial_id

    def _running(self, trial_id):
        trial = self.all_trials[trial_id]
        if trial.state.is_finished():
            raise UpdateFinishedTrialError(f"trial {trial_id}")
        return trial

    def set_trial_param(self, trial_id, param_name, param_value_internal, distribution):
        trial = self._running(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def set_trial_state_values(self, trial_id, state, values=None):
        trial = self._running(trial_id)
        if state == TrialState.RUNNING and trial.state != TrialState.WAITING:
            return False
        trial.state = state
        trial.values = values
        if state == TrialState.RUNNING:
            trial.datetime_start = datetime.datetime.now()
        elif state.is_finished():
            trial.datetime_complete = datetime.datetime.now()
        return True

    def set_trial_intermediate_value(self, trial_id, step, intermediate_value):
        self._running(trial_id).intermediate_values[step] = intermediate_value

    def set_trial_user_attr(self, trial_id, key, value):
        self._running(trial_id).user_attrs[key] = value

    def set_trial_system_attr(self, trial_id, key, value):
        self._running(trial_id).system_attrs[key] = value

    def get_trial(self, trial_id):
        return copy.deepcopy(self.all_trials[trial_id])

    def get_all_trials(self, study_id, deepcopy=True, states=None):
        trials = [self.all_trials[trial_id] for trial_id in self.studies[study_id]["trials"]]
        trials = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


@pytest.fixture(params=["memory", "sqlite", "journal", "native journal", "python"])
def storage(request, tmp_path):
    bluefin.logging.set_verbosity(bluefin.logging.ERROR)
    if request.param == "memory":
        return bluefin.storages.InMemoryStorage()
    if request.param == "sqlite":
        return bluefin.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
    if request.param == "native journal":
        return bluefin.storages.get_storage(f"journal:///{tmp_path}/study.log")
    if request.param == "journal":
        return bluefin.storages.JournalStorage(journal.JournalFileBackend(str(tmp_path / "study.log")))
    return PlainStorage()


# --- by ids ----------------------------------------------------------------------------------------------------------


def test_studies_by_id(storage):
    a = storage.create_new_study(MINIMIZE, "a")
    b = storage.create_new_study([StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE])
    assert storage.get_study_id_from_name("a") == a and storage.get_study_name_from_id(a) == "a"
    assert storage.get_study_name_from_id(b).startswith("no-name-")
    assert storage.get_study_directions(b) == [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    with pytest.raises(DuplicatedStudyError):
        storage.create_new_study(MINIMIZE, "a")
    storage.set_study_user_attr(a, "who", {"name": "ü", "n": [1, None]})
    storage.set_study_system_attr(a, "k", 0.5)
    assert storage.get_study_user_attrs(a) == {"who": {"name": "ü", "n": [1, None]}}
    assert storage.get_study_system_attrs(a) == {"k": 0.5}
    assert [(s._study_id, s.study_name) for s in storage.get_all_studies()][0] == (a, "a")
    storage.delete_study(a)
    for call in (storage.get_study_name_from_id, storage.get_study_user_attrs, storage.delete_study):
        with pytest.raises(KeyError):
            call(a)
    with pytest.raises(KeyError):
        storage.get_study_id_from_name("a")


def test_trials_by_id(storage):
    study_id = storage.create_new_study(MINIMIZE)
    first, second = storage.create_new_trial(study_id), storage.create_new_trial(study_id)
    before = datetime.datetime.now()
    storage.set_trial_param(first, "x", 0.25, FloatDistribution(0, 1))
    storage.set_trial_param(first, "c", 1, CategoricalDistribution(("a", None)))
    storage.set_trial_intermediate_value(first, 3, 0.5)
    storage.set_trial_intermediate_value(first, 3, float("inf"))
    storage.set_trial_user_attr(first, "u", [1])
    storage.set_trial_system_attr(first, "s", "text")
    assert storage.set_trial_state_values(first, TrialState.RUNNING) is False
    assert storage.set_trial_state_values(first, TrialState.COMPLETE, [2.0]) is True
    trial = storage.get_trial(first)
    assert (trial.number, trial.state, trial.value) == (0, TrialState.COMPLETE, 2.0)
    assert trial.params == {"x": 0.25, "c": None} and trial.distributions["x"] == FloatDistribution(0, 1)
    assert trial.intermediate_values == {3: float("inf")}
    assert trial.user_attrs == {"u": [1]} and trial.system_attrs == {"s": "text"}
    assert abs(trial.datetime_complete - before) < datetime.timedelta(seconds=30)
    assert storage.get_trial_param(first, "c") == 1 and storage.get_trial_number_from_id(second) == 1
    assert storage.get_trial_id_from_study_id_trial_number(study_id, 1) == second
    assert storage.get_n_trials(study_id) == 2 and storage.get_n_trials(study_id, TrialState.RUNNING) == 1
    assert storage.get_best_trial(study_id)._trial_id == first
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_user_attr(first, "u", 2)
    for call in (lambda i: storage.get_trial(i), lambda i: storage.set_trial_user_attr(i, "u", 1)):
        with pytest.raises(KeyError):
            call(first + 1000)


def test_a_template_is_copied_and_a_waiting_trial_begun_once(storage):
    study_id = storage.create_new_study(MINIMIZE)
    template = bluefin.create_trial(
        value=1.0, params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, intermediate_values={1: 2.0}
    )
    copied = storage.get_trial(storage.create_new_trial(study_id, template))
    assert (copied.value, copied.params, copied.intermediate_values) == (1.0, {"x": 0.5}, {1: 2.0})
    assert copied.datetime_start == template.datetime_start
    waiting = storage.create_new_trial(study_id, bluefin.create_trial(state=TrialState.WAITING))
    assert storage.get_trial(waiting).datetime_start is None
    assert storage.set_trial_state_values(waiting, TrialState.RUNNING) is True
    assert storage.get_trial(waiting).datetime_start is not None
    assert storage.set_trial_state_values(waiting, TrialState.RUNNING) is False


# --- studies on each of them -----------------------------------------------------------------------------------------


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", [None, True, 2, 0.5, "adam"])
    for step in range(3):
        trial.report(x**2 + 3 - step, step)
        if trial.should_prune():
            raise bluefin.TrialPruned
    trial.set_user_attr("squared", x**2)
    return x**2 + (kind == "adam")


def test_a_study_runs_and_is_joined(storage):
    study = bluefin.create_study(study_name="s", storage=storage, sampler=bluefin.samplers.TPESampler(seed=3))
    study.enqueue_trial({"x": 1.0, "kind": "adam"})
    study.set_user_attr("purpose", "test")
    study.optimize(objective, n_trials=30)
    assert study.trials[0].params == {"x": 1.0, "kind": "adam"}
    assert {t.state for t in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert [t.number for t in study.trials] == list(range(30))
    other = bluefin.load_study(study_name="s", storage=storage)
    assert other.user_attrs == {"purpose": "test"} and other.best_value == study.best_value
    assert [t.params for t in other.trials] == [t.params for t in study.trials]
    assert all(t.user_attrs["squared"] == t.params["x"] ** 2 for t in other.get_trials(states=(TrialState.COMPLETE,)))
    other.optimize(objective, n_trials=3)
    assert len(study.trials) == 33
    assert bluefin.get_all_study_names(storage) == ["s"]
    with pytest.raises(DuplicatedStudyError):
        bluefin.create_study(study_name="s", storage=storage)
    bluefin.delete_study(study_name="s", storage=storage)
    assert bluefin.get_all_study_names(storage) == []


def test_threads_share_a_study(storage):
    study = bluefin.create_study(storage=storage)
    study.optimize(objective, n_trials=40, n_jobs=4)
    assert sorted(t.number for t in study.trials) == list(range(40))
    assert all(t.state.is_finished() for t in study.trials)


def test_what_is_written_about_a_running_trial_by_hand_reaches_it(storage):
    study = bluefin.create_study(storage=storage)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    storage.set_trial_system_attr(trial._trial_id, "note", 7)
    if isinstance(storage, bluefin.storages.NativeStorage):  # others get it with the next write
        assert storage.get_trial(trial._trial_id).params == trial.params
    told = study.tell(trial, 1.0)
    assert told.system_attrs["note"] == 7 and study.trials[0].system_attrs["note"] == 7


class FailingStorage(PlainStorage):
    def set_trial_state_values(self, trial_id, state, values=None):
        raise OSError("the disk is gone")


def test_an_error_of_a_python_storage_is_raised_as_it_is():
    study = bluefin.create_study(storage=FailingStorage())
    with pytest.raises(OSError, match="the disk is gone"):
        study.optimize(lambda trial: 1.0, n_trials=1)


def test_a_python_storage_ends_with_its_last_study():
    import gc
    import weakref

    storage = PlainStorage()
    study = bluefin.create_study(storage=storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    alive = weakref.ref(storage)
    del storage, study
    gc.collect()
    assert alive() is None


# --- trials that change hands ----------------------------------------------------------------------------------------


def finish_elsewhere(study, trial):
    trial.suggest_float("y", 0, 1)
    study.tell(trial, 1.5)


def test_a_running_trial_is_told_by_another_process(tmp_path):
    study = bluefin.create_study(storage=f"sqlite:///{tmp_path}/s.db")
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    with ProcessPoolExecutor(1) as pool:
        pool.submit(finish_elsewhere, study, trial).result()
        with pytest.raises(ValueError):
            pool.submit(finish_elsewhere, study, trial).result()
    (told,) = study.trials
    assert told.value == 1.5 and told.params["x"] == x and "y" in told.params
    again = bluefin.trial.Trial(study, told._trial_id)
    assert again.suggest_float("x", 0, 1) == x


# --- the journal -----------------------------------------------------------------------------------------------------


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
    for module in (optuna, bluefin):
        module.logging.set_verbosity(module.logging.ERROR)
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
    bluefin.load_study(storage=storage, study_name="s").optimize(objective, n_trials=n)


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
    trial = study.ask()
    for step in range(5):
        trial.report(step, step)
    trial.suggest_float("x", 0, 1)
    study.tell(trial, 1.0)
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
    bluefin.logging.set_verbosity(bluefin.logging.ERROR)
    begin = time.monotonic()
    assert short.acquire() is True and time.monotonic() - begin >= 1
    short.release()
    with pytest.raises(ValueError):
        lock_class(path, grace_period=0)


def test_a_journal_storage_can_be_pickled(tmp_path):
    storage = bluefin.storages.JournalStorage(journal.JournalFileBackend(str(tmp_path / "j.log")))
    study = bluefin.create_study(storage=storage, study_name="s")
    study.optimize(objective, n_trials=2)
    assert len(pickle.loads(pickle.dumps(study)).trials) == 2


@pytest.mark.parametrize("use_cluster", [False, True])
def test_a_journal_in_redis_is_shared_with_optuna(use_cluster):
    server = fakeredis.FakeServer()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
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
    study.optimize(objective, n_trials=102)
    assert backend.load_snapshot() is not None
    read = []
    read_logs = backend.read_logs
    backend.read_logs = lambda number: read.append(number) or read_logs(number)
    again = bluefin.load_study(storage=bluefin.storages.JournalStorage(backend), study_name="s")
    assert min(read) > 100 and [t.params for t in again.trials] == [t.params for t in study.trials]
    backend.save_snapshot(b"nothing that was pickled")
    assert len(bluefin.load_study(storage=bluefin.storages.JournalStorage(backend), study_name="s").trials) == 102


# --- heartbeats ------------------------------------------------------------------------------------------------------


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
