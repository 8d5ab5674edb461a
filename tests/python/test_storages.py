# SPDX-License-Identifier: MIT
"""Every storage by the ids of its studies and trials, and storages written in Python."""

from concurrent.futures import ProcessPoolExecutor
import copy
import datetime
import pickle
import time

import pytest

import bluefin
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import FloatDistribution
from bluefin.exceptions import DuplicatedStudyError
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.storages import journal
from bluefin.study import StudyDirection
from bluefin.trial import TrialState

from objectives import objective_with_reports
from plain_storage import PlainStorage

pytestmark = pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")
MINIMIZE = [StudyDirection.MINIMIZE]


@pytest.fixture(params=["memory", "sqlite", "journal", "native journal", "python"])
def storage(request, tmp_path):
    if request.param == "memory":
        return bluefin.storages.InMemoryStorage()
    if request.param == "sqlite":
        return bluefin.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
    if request.param == "native journal":
        return bluefin.storages.get_storage(f"journal:///{tmp_path}/study.log")
    if request.param == "journal":
        return bluefin.storages.JournalStorage(journal.JournalFileBackend(str(tmp_path / "study.log")))
    return PlainStorage()


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


def test_a_study_runs_and_is_joined(storage):
    study = bluefin.create_study(study_name="s", storage=storage, sampler=bluefin.samplers.TPESampler(seed=3))
    study.enqueue_trial({"x": 1.0, "kind": "adam"})
    study.set_user_attr("purpose", "test")
    study.optimize(objective_with_reports, n_trials=30)
    assert study.trials[0].params == {"x": 1.0, "kind": "adam"}
    assert {t.state for t in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert [t.number for t in study.trials] == list(range(30))
    other = bluefin.load_study(study_name="s", storage=storage)
    assert other.user_attrs == {"purpose": "test"} and other.best_value == study.best_value
    assert [t.params for t in other.trials] == [t.params for t in study.trials]
    assert all(t.user_attrs["squared"] == t.params["x"] ** 2 for t in other.get_trials(states=(TrialState.COMPLETE,)))
    other.optimize(objective_with_reports, n_trials=3)
    assert len(study.trials) == 33
    assert bluefin.get_all_study_names(storage) == ["s"]
    with pytest.raises(DuplicatedStudyError):
        bluefin.create_study(study_name="s", storage=storage)
    bluefin.delete_study(study_name="s", storage=storage)
    assert bluefin.get_all_study_names(storage) == []


def test_threads_share_a_study(storage):
    study = bluefin.create_study(storage=storage)
    study.optimize(objective_with_reports, n_trials=40, n_jobs=4)
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


def test_a_studys_attributes_in_a_storage_of_ones_own_are_what_was_set():
    study = bluefin.create_study(storage=PlainStorage())
    study.set_user_attr("pair", (1, 2))
    study.set_user_attr("by_number", {1: 2})
    assert study.user_attrs == {"pair": (1, 2), "by_number": {1: 2}}
    study.user_attrs["by_number"][1] = 3
    assert study.user_attrs["by_number"] == {1: 2}


class RefusingStorage(PlainStorage):
    """Refuses attributes of trials of one name."""

    def set_trial_user_attr(self, trial_id, key, value):
        if key == "bad":
            raise OSError("the disk is full")
        super().set_trial_user_attr(trial_id, key, value)


@pytest.mark.parametrize("ends", ["returned", "pruned", "raised"])
@pytest.mark.parametrize("waits", [False, True])
def test_what_a_storage_refuses_is_an_error_of_the_objective(waits, ends):
    def run(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number == 1:
            trial.set_user_attr("bad", 1)
        trial.set_user_attr("good", 2)
        if waits:
            time.sleep(0.3)  # the next call writes
            trial.report(1.0, 0)
        if ends == "pruned" and trial.number == 1:
            raise bluefin.TrialPruned
        if ends == "raised" and trial.number == 1:
            raise ZeroDivisionError
        return 1.0

    study = bluefin.create_study(storage=RefusingStorage())
    with pytest.raises(OSError, match="the disk is full"):
        study.optimize(run, n_trials=3)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL"]
    assert [t.user_attrs for t in study.trials] == [{"good": 2}] * 2 and len(study.trials[1].params) == 1
    study = bluefin.create_study(storage=RefusingStorage())
    study.optimize(run, n_trials=3, catch=OSError)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]


def test_what_a_storage_refuses_is_raised_once():
    study = bluefin.create_study(storage=RefusingStorage())
    trial = study.ask()
    with pytest.raises(OSError):
        trial.set_user_attr("bad", 1)
    assert study.trials[0].state == TrialState.RUNNING
    assert study.tell(trial, 1.0).value == 1.0


def test_batches_of_a_journal_stay_batches(tmp_path):
    appends = []

    class Backend(journal.JournalFileBackend):
        def append_logs(self, logs):
            appends.append(len(logs))
            super().append_logs(logs)

    study = bluefin.create_study(storage=bluefin.storages.JournalStorage(Backend(str(tmp_path / "study.log"))))
    del appends[:]
    study.optimize(lambda t: t.set_user_attr("a", 1) or t.suggest_float("x", 0, 1), n_trials=1)
    assert appends == [1, 3]  # the trial; what it has gathered, with its end


NONSENSE = {
    "create_new_study": None,
    "get_study_id_from_name": None,
    "get_study_name_from_id": 3,
    "get_study_directions": None,
    "get_study_user_attrs": [1],
    "get_study_system_attrs": {1: 2},
    "get_all_studies": [3],
    "create_new_trial": "one",
    "get_trial": None,
    "get_all_trials": [None],
}


@pytest.mark.parametrize("method", NONSENSE)
def test_nonsense_of_a_storage_is_named(method):
    class Nonsense(PlainStorage):
        pass

    setattr(Nonsense, method, lambda self, *args, **kwargs: NONSENSE[method])
    with pytest.raises(TypeError) as caught:
        study = bluefin.create_study(study_name="s", storage=Nonsense())
        study.optimize(lambda trial: 1.0, n_trials=1)
        bluefin.get_all_study_names(study._storage)
    text = str(caught.value)
    assert text.startswith(f"Nonsense.{method} returned {NONSENSE[method]!r}, expected ") and "\n" not in text


def test_a_waiting_trial_is_begun_or_not():
    class Nonsense(PlainStorage):
        def set_trial_state_values(self, trial_id, state, values=None):
            super().set_trial_state_values(trial_id, state, values)  # its end need not be answered

    study = bluefin.create_study(storage=Nonsense())
    study.optimize(lambda trial: 1.0, n_trials=1)
    assert study.best_value == 1.0
    study.enqueue_trial({"x": 1})
    with pytest.raises(TypeError, match="Nonsense.set_trial_state_values returned None, expected a bool"):
        study.ask()


def test_durability(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/s.db"
    for durability in ("trial", "group", "os", None):
        storage = bluefin.storages.RDBStorage(url, durability=durability)
        study = bluefin.create_study(storage=storage)
        study.optimize(lambda trial: 1.0, n_trials=2)
        assert pickle.loads(pickle.dumps(storage)).durability == durability
    with pytest.raises(ValueError, match="`durability`: 'always', expected trial, group or os"):
        bluefin.storages.RDBStorage(url, durability="always")
    with pytest.raises(TypeError, match="`durability`"):
        bluefin.storages.RDBStorage(url, durability=3)
    monkeypatch.setenv("BLUEFIN_DURABILITY", "always")
    with pytest.raises(ValueError, match="BLUEFIN_DURABILITY"):
        bluefin.storages.RDBStorage(url)
    bluefin.storages.RDBStorage(url, durability="os")


def test_a_study_is_flushed_by_any_storage_that_shares_its_file(tmp_path):
    storage = bluefin.storages.RDBStorage(f"sqlite:///{tmp_path}/s.db")
    cached = bluefin.storages._CachedStorage(storage)
    trial = bluefin.create_study(storage=storage).ask()
    trial.set_user_attr("a", 1)
    assert cached.get_trial(trial._trial_id).user_attrs == {"a": 1}


def test_urls_that_are_refused_name_the_option(tmp_path):
    path = f"sqlite:///{tmp_path}/study.db"
    for url, named in (
        (f"{path}?timeuot=3", "timeuot=3, which is not supported"),
        (f"{path}?timeout=long", "timeout=long, expected a number"),
        (f"{path}?uri=true", "uri=true, but SQLite's own URIs"),
        (f"sqlite+aiosqlite:///{tmp_path}/study.db", "driver 'aiosqlite'"),
        ("sqlite://host/study.db", "is not a path"),
    ):
        with pytest.raises(ValueError, match=named):
            bluefin.create_study(storage=url)
    for arguments in ({"creator": len}, {"pool": None}, {"connect_args": {"uri": True}}, {"connect_args": {"factory": 1}}):
        with pytest.raises(ValueError, match="creator|pool|uri|factory"):
            bluefin.storages.RDBStorage(path, arguments)
    with pytest.raises(TypeError, match="`engine_kwargs`.*3"):
        bluefin.storages.RDBStorage(path, 3)
    assert list(tmp_path.iterdir()) == []
    taken = "timeout=3&isolation_level=DEFERRED&check_same_thread=False&cached_statements=5&detect_types=0&uri=false"
    assert bluefin.storages.RDBStorage(f"{path}?{taken}").get_all_studies() == []


def test_a_study_in_a_file_is_not_used_in_a_forked_child(tmp_path):
    import os

    study = bluefin.create_study(storage=f"sqlite:///{tmp_path}/study.db", study_name="s")
    trial = study.ask()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        words = []
        for use in (study.ask, lambda: study.trials, lambda: study.tell(trial, 1.0)):
            try:
                use()
                words.append("nothing")
            except ValueError as error:
                words.append(str(error))
        again = bluefin.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/study.db")
        words.append(f"{again.tell(0, 1.0).number}")
        os.write(writing, "\n".join(words).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        *refused, told = pipe.read().split("\n")
    os.waitpid(child, 0)
    assert len(refused) == 3 and told == "0"
    for sentence in refused:
        assert f"opened in process {os.getpid()} and used in its child {child}; open the storage after fork()" in sentence
    assert [t.state for t in study.trials] == [TrialState.COMPLETE]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_a_subclass_of_a_storage_overrides_is_called(kind, tmp_path):
    base, arguments = {
        "memory": (bluefin.storages.InMemoryStorage, ()),
        "sqlite": (bluefin.storages.RDBStorage, (f"sqlite:///{tmp_path}/study.db",)),
    }[kind]

    class Counting(base):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.told = []

        def create_new_study(self, directions, study_name=None):
            return super().create_new_study(directions, f"{study_name}!")

        def get_study_id_from_name(self, study_name):
            return super().get_study_id_from_name(f"{study_name}!")

        def set_trial_state_values(self, trial_id, state, values=None):
            self.told.append((state, values))
            return super().set_trial_state_values(trial_id, state, values)

    storage = Counting(*arguments)
    study = bluefin.create_study(storage=storage, study_name="s", sampler=bluefin.samplers.RandomSampler(seed=1))
    assert bluefin.get_all_study_names(storage) == ["s!"]
    study.enqueue_trial({"x": 0.5}, user_attrs={"why": "known"})

    def objective(trial):
        trial.report(trial.suggest_float("x", 0, 1), 0)
        trial.set_user_attr("list", [trial.number])
        trial.suggest_categorical("c", [None, "a"])
        return trial.params["x"]

    study.optimize(objective, n_trials=3)
    values = [t.value for t in study.trials]
    assert values[0] == 0.5 and study.best_value == min(values)
    assert storage.told == [(TrialState.RUNNING, None), *((TrialState.COMPLETE, [value]) for value in values)]
    assert [t.user_attrs["list"] for t in storage.get_all_trials(study._study_id)] == [[0], [1], [2]]
    if kind == "memory":
        study.set_user_attr("any", {1, 2})
        assert study.user_attrs == {"any": {1, 2}}
    else:
        with pytest.raises(TypeError, match="'any'"):
            study.set_user_attr("any", {1, 2})
    again = copy.deepcopy(storage)
    assert again.told == storage.told and len(again.get_all_trials(study._study_id)) == 3
    bluefin.delete_study(study_name="s", storage=storage)
    assert bluefin.get_all_study_names(storage) == []


def test_a_subclass_that_overrides_nothing_stays_with_the_engine():
    class Mine(bluefin.storages.InMemoryStorage):
        note = "mine"

    study = bluefin.create_study(storage=Mine())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert study._storage._native is study._storage._engine and len(study.trials) == 2


def test_the_engines_own_options_of_a_url_are_taken(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db?journal=delete&timeout=3"
    study = bluefin.create_study(storage=url)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert {path.name for path in tmp_path.iterdir()} == {"study.db"}  # no log
    with pytest.raises(ValueError, match="unknown option 'journal=off'"):
        bluefin.create_study(storage=f"sqlite:///{tmp_path}/study.db?journal=off")
