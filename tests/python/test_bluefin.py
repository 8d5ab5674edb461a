# SPDX-License-Identifier: MIT
"""The Python module, as Optuna's users meet it."""

import copy
import datetime
import math
import os
from pathlib import Path
import pickle
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import pytest

import bluefin
import optuna

from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import FloatDistribution
from bluefin.distributions import IntDistribution
from bluefin.trial import TrialState

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def quiet():
    for module in (bluefin, optuna):
        module.logging.set_verbosity(module.logging.ERROR)


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    return None if request.param == "memory" else f"sqlite:///{tmp_path}/study.db"


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    n = trial.suggest_int("n", 1, 9, step=2)
    kind = trial.suggest_categorical("kind", [None, True, 2, 0.5, "adam"])
    return x**2 + abs(math.log10(lr) + 3) + n + (kind == "adam")


# --- a study --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [None, bluefin.samplers.RandomSampler(seed=1)])
def test_optimize_fills_the_study(storage, sampler):
    study = bluefin.create_study(storage=storage, sampler=sampler)
    study.optimize(objective, n_trials=25)
    assert [t.number for t in study.trials] == list(range(25))
    assert {t.state for t in study.trials} == {TrialState.COMPLETE}
    best = min(study.trials, key=lambda t: t.value)
    assert (study.best_trial.number, study.best_value, study.best_params) == (best.number, best.value, best.params)
    for t in study.trials:
        assert list(t.params) == ["x", "lr", "n", "kind"]
        assert t.distributions == {
            "x": FloatDistribution(-5, 5),
            "lr": FloatDistribution(1e-5, 1e-1, log=True),
            "n": IntDistribution(1, 9, step=2),
            "kind": CategoricalDistribution([None, True, 2, 0.5, "adam"]),
        }
        assert -5 <= t.params["x"] <= 5 and t.params["n"] in (1, 3, 5, 7, 9)
        assert any(t.params["kind"] is choice for choice in (None, True, 2)) or t.params["kind"] in (0.5, "adam")
        assert isinstance(t.params["n"], int) and isinstance(t.params["x"], float)
        assert t.datetime_start <= t.datetime_complete and t.duration >= datetime.timedelta(0)
        assert abs((datetime.datetime.now() - t.datetime_start).total_seconds()) < 60  # local time, as in Optuna


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


def test_ask_and_tell(storage):
    study = bluefin.create_study(storage=storage, direction="maximize")
    first = study.ask({"x": FloatDistribution(0, 1), "c": CategoricalDistribution(("a", "b"))})
    assert list(first.params) == ["x", "c"] and first.number == 0
    second = study.ask()
    assert study.tell(second, 2).value == 2.0
    told = study.tell(first.number, [1.5])
    assert told.state == TrialState.COMPLETE and told.params == first.params
    assert study.best_trial.number == 1
    third = study.ask()
    third.report(0.25, 3)
    assert study.tell(third, state=TrialState.PRUNED).value == 0.25
    fourth = study.ask()
    failed = study.tell(fourth, state=TrialState.FAIL)
    assert failed.state == TrialState.FAIL and failed.values is None and failed.user_attrs == {}
    assert [t.state.name for t in study.trials] == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]


def test_tell_refuses_what_optuna_refuses():
    study = bluefin.create_study()
    trial = study.ask()
    for values, state in [
        (None, TrialState.COMPLETE),
        (float("nan"), TrialState.COMPLETE),
        ("abc", TrialState.COMPLETE),
        ([1.0, 2.0], TrialState.COMPLETE),
        (1.0, TrialState.PRUNED),
        (1.0, TrialState.FAIL),
        (None, TrialState.WAITING),
        (None, TrialState.RUNNING),
    ]:
        with pytest.raises(ValueError):
            study.tell(trial, values, state)
    assert study.trials[0].state == TrialState.RUNNING
    with pytest.raises(TypeError):
        study.tell("0", 1.0)
    with pytest.raises(ValueError, match="99"):
        study.tell(99, 1.0)
    with pytest.warns(UserWarning, match="nan"):
        assert study.tell(trial, float("nan")).state == TrialState.FAIL
    with pytest.raises(ValueError, match="FAIL"):
        study.tell(trial, 1.0)
    with pytest.raises(ValueError, match="FAIL"):
        study.tell(0, 1.0)
    assert study.tell(trial, 1.0, skip_if_finished=True).state == TrialState.FAIL
    assert study.tell(0, 1.0, skip_if_finished=True).state == TrialState.FAIL
    with pytest.raises(bluefin.exceptions.UpdateFinishedTrialError):
        trial.report(1.0, 1)


def test_what_an_objective_may_return():
    study = bluefin.create_study()
    results = iter([1, True, [0.5], "0.25", None, "abc", (1.0, 2.0), 1j, float("nan"), float("inf")])
    study.optimize(lambda trial: next(results), n_trials=10)
    assert [t.values for t in study.trials] == [[1.0], [1.0], [0.5], None, None, None, None, None, None, [math.inf]]


def test_several_objectives(storage):
    study = bluefin.create_study(storage=storage, directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "accuracy"])
    points = iter([(1, 1), (2, 2), (3, 1), (1, 1), (0.5, 0.1)])
    study.optimize(lambda trial: next(points), n_trials=5)
    assert [t.number for t in study.best_trials] == [0, 1, 3, 4]
    assert study.metric_names == ["loss", "accuracy"]
    assert study.directions == [bluefin.study.StudyDirection.MINIMIZE, bluefin.study.StudyDirection.MAXIMIZE]
    for attribute in ("best_trial", "best_value", "best_params", "direction"):
        with pytest.raises(RuntimeError):
            getattr(study, attribute)
    trial = study.ask()
    with pytest.raises(NotImplementedError):
        trial.report(1.0, 0)
    with pytest.raises(NotImplementedError):
        trial.should_prune()
    with pytest.raises(RuntimeError):
        study.trials[0].value
    with pytest.raises(ValueError):
        study.set_metric_names(["one"])


def test_no_trial_is_best_before_one_is_complete():
    study = bluefin.create_study()
    with pytest.raises(ValueError):
        study.best_trial
    assert study.best_trials == []


def test_queue_and_added_trials(storage):
    study = bluefin.create_study(storage=storage)
    study.enqueue_trial({"x": 1.5, "kind": "b"}, user_attrs={"why": "known"})
    study.enqueue_trial({"x": 1.5, "kind": "b"}, skip_if_exists=True)
    assert [t.state for t in study.trials] == [TrialState.WAITING]
    assert study.trials[0].system_attrs["fixed_params"] == {"x": 1.5, "kind": "b"}

    def run(trial):
        return trial.suggest_float("x", 0, 2) + len(trial.suggest_categorical("kind", ["a", "b"]))

    study.optimize(run, n_trials=1)
    assert study.trials[0].params == {"x": 1.5, "kind": "b"} and study.trials[0].user_attrs == {"why": "known"}
    added = bluefin.create_trial(
        value=0.5,
        params={"x": 0.5, "kind": "a"},
        distributions={"x": FloatDistribution(0, 2), "kind": CategoricalDistribution(["a", "b"])},
        intermediate_values={0: 3.0, 1: float("inf")},
        user_attrs={"source": "file"},
        constraints={"c": -1.0},
    )
    study.add_trials([added, added])
    stored = study.trials[2]
    assert (stored.number, stored.value, stored.params) == (2, 0.5, added.params)
    assert stored.intermediate_values == {0: 3.0, 1: math.inf} and stored.constraints == {"c": -1.0}
    assert abs(stored.datetime_start - added.datetime_start) < datetime.timedelta(milliseconds=1)
    assert study.best_trial.number == 1
    with pytest.raises(TypeError):
        study.enqueue_trial([1])
    with pytest.raises(ValueError):
        study.add_trial(bluefin.create_trial(values=[1.0, 2.0]))
    with pytest.raises(ValueError):
        bluefin.create_trial(value=1.0, params={"x": 1.0})


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
        trial.suggest_categorical("layers", layers)
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


# --- pruning, failing, stopping -------------------------------------------------------------------------------------


def test_pruning(storage):
    def run(trial):
        for step in range(10):
            trial.report(trial.number * 10 + step, step)
            if trial.should_prune():
                raise bluefin.TrialPruned()
        return trial.number

    study = bluefin.create_study(storage=storage, pruner=bluefin.pruners.MedianPruner(3, 2))
    study.optimize(run, n_trials=8)
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3 + ["PRUNED"] * 5
    pruned = study.trials[5]
    assert pruned.last_step == 2 and pruned.value == 52.0 and pruned.intermediate_values == {0: 50, 1: 51, 2: 52}
    never = bluefin.create_study(pruner=bluefin.pruners.NopPruner())
    never.optimize(run, n_trials=6)
    assert {t.state for t in never.trials} == {TrialState.COMPLETE}


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


def test_catch(storage):
    def run(trial):
        if trial.number == 1:
            raise ZeroDivisionError("one")
        if trial.number == 3:
            raise LookupError("three")
        return 1.0

    study = bluefin.create_study(storage=storage)
    with pytest.raises(ZeroDivisionError):
        study.optimize(run, n_trials=6)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL"]
    with pytest.raises(LookupError):
        study.optimize(run, n_trials=6, catch=ZeroDivisionError)
    study.optimize(run, n_trials=2, catch=(LookupError,))
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert study.trials[1].user_attrs == {} and study.trials[1].system_attrs == {}


def test_callbacks_stop_and_timeout():
    study = bluefin.create_study()
    with pytest.raises(RuntimeError):
        study.stop()
    seen = []

    def stop_at_three(study, trial):
        seen.append(trial.number)
        if trial.number == 3:
            study.stop()

    study.optimize(lambda t: 1.0, callbacks=[stop_at_three])
    assert seen == [0, 1, 2, 3]
    study.optimize(lambda t: 1.0, callbacks=[bluefin.study.MaxTrialsCallback(6)])
    assert len(study.trials) == 6
    begin = time.monotonic()
    study.optimize(lambda t: time.sleep(0.05) or 1.0, timeout=0.2)
    assert 0.2 <= time.monotonic() - begin < 2.0
    study.optimize(lambda t: 1.0, n_trials=0)

    def nested(trial):
        study.optimize(lambda t: 1.0, n_trials=1)

    with pytest.raises(RuntimeError, match="Nested"):
        study.optimize(nested, n_trials=1)


@pytest.mark.parametrize("n_jobs, n_trials", [(1, 50), (2, 50), (2, 1)])
def test_ctrl_c_ends_optimize_promptly(n_jobs, n_trials):
    study = bluefin.create_study()

    def run(trial):
        if trial.number == 0:
            time.sleep(0.1)  # by now all threads run and are waited for
            os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            time.sleep(0.01)
        return 1.0

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        study.optimize(run, n_trials=n_trials, n_jobs=n_jobs)
    assert time.monotonic() - begin < 3.0
    assert {t.state for t in study.trials} == {TrialState.FAIL} and len(study.trials) <= n_jobs


# --- threads --------------------------------------------------------------------------------------------------------


def test_threads(storage):
    threads = set()

    def run(trial):
        threads.add(threading.get_ident())
        time.sleep(0.002)
        for step in range(3):
            trial.report(step, step)
            trial.should_prune()
        trial.set_user_attr("thread", threading.get_ident())
        return objective(trial)

    study = bluefin.create_study(storage=storage)
    study.optimize(run, n_trials=60, n_jobs=4)
    assert [t.number for t in study.trials] == list(range(60))
    assert {t.state for t in study.trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len(threads) == 4 and threading.get_ident() not in threads
    assert all(t.user_attrs["thread"] in threads for t in study.trials)


def test_an_error_in_one_thread_ends_all():
    study = bluefin.create_study()

    def run(trial):
        if trial.number == 5:
            raise ZeroDivisionError
        time.sleep(0.001)
        return 1.0

    with pytest.raises(ZeroDivisionError):
        study.optimize(run, n_trials=10_000, n_jobs=3)
    assert len(study.trials) < 100
    assert all(t.state.is_finished() for t in study.trials)


def test_native_code_runs_without_the_interpreter_lock(tmp_path):
    # Another connection holds the write lock: a writer that kept the interpreter's lock while it waits would stop the
    # thread that is to release it.
    path = tmp_path / "s.db"
    study = bluefin.create_study(storage=f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
    begin = time.monotonic()
    study.tell(study.ask(), 1.0)
    assert 0.2 < time.monotonic() - begin < 5.0


# --- files shared with Optuna ---------------------------------------------------------------------------------------


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


# --- studies in storages --------------------------------------------------------------------------------------------


def test_load_copy_delete(storage, tmp_path):
    opened = bluefin.storages.get_storage(storage)
    study = bluefin.create_study(storage=opened, study_name="a", directions=["maximize"])
    study.set_user_attr("k", "v")
    study.optimize(objective, n_trials=4)
    with pytest.raises(bluefin.exceptions.DuplicatedStudyError):
        bluefin.create_study(storage=opened, study_name="a")
    again = bluefin.create_study(storage=opened, study_name="a", load_if_exists=True)
    assert again.direction.name == "MAXIMIZE" and again.trials == study.trials
    bluefin.copy_study(from_study_name="a", from_storage=opened, to_storage=opened, to_study_name="b")
    elsewhere = f"sqlite:///{tmp_path}/copy.db"
    bluefin.copy_study(from_study_name="a", from_storage=opened, to_storage=elsewhere)
    copied = bluefin.load_study(study_name="a", storage=elsewhere)
    assert [t.params for t in copied.trials] == [t.params for t in study.trials] and copied.user_attrs == {"k": "v"}
    assert bluefin.get_all_study_names(opened) == ["a", "b"]
    summary = bluefin.get_all_study_summaries(opened)[0]
    assert (summary.study_name, summary.n_trials, summary.best_trial) == ("a", 4, study.best_trial)
    with pytest.raises(ValueError, match="'a', 'b'"):
        bluefin.load_study(study_name=None, storage=opened)
    bluefin.delete_study(study_name="a", storage=opened)
    assert bluefin.get_all_study_names(opened) == ["b"]
    for missing in (bluefin.load_study, bluefin.delete_study):
        with pytest.raises(KeyError, match="a"):
            missing(study_name="a", storage=opened)


def test_storages_that_cannot_be_used(tmp_path):
    for url in ("mysql://host/db", "postgresql://host/db", "redis://host", "study.db", ""):
        with pytest.raises(ValueError, match="sqlite"):
            bluefin.create_study(storage=url)
    with pytest.raises(TypeError):
        bluefin.create_study(storage=3)
    (tmp_path / "text.db").write_text("this is not a database, but some text that is long enough to look like one")
    for path in ("text.db", "missing/folder.db"):
        with pytest.raises(bluefin.exceptions.StorageInternalError, match=path.split("/")[0]):
            bluefin.create_study(storage=f"sqlite:///{tmp_path}/{path}")


def test_directions():
    for directions in ([], ["up"], [None], ["minimize", bluefin.study.StudyDirection.NOT_SET]):
        with pytest.raises(ValueError):
            bluefin.create_study(directions=directions)
    with pytest.raises(ValueError):
        bluefin.create_study(direction="minimize", directions=["minimize"])
    with pytest.raises(ValueError):
        bluefin.create_study(direction=["minimize", "maximize"])
    with pytest.raises(TypeError):
        bluefin.create_study("sqlite:///positional.db")


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


# --- values ---------------------------------------------------------------------------------------------------------


def test_distributions_behave_as_optunas():
    cases = [
        ("FloatDistribution", (0.0, 1.0), {}),
        ("FloatDistribution", (1e-5, 1.0), {"log": True}),
        ("FloatDistribution", (0.0, 1.0), {"step": 0.25}),
        ("FloatDistribution", (2.0, 2.0), {}),
        ("IntDistribution", (1, 9), {"step": 2}),
        ("IntDistribution", (1, 100), {"log": True}),
        ("CategoricalDistribution", ((None, True, 1.5, "a", float("nan")),), {}),
    ]
    for name, args, kwargs in cases:
        ours = getattr(bluefin.distributions, name)(*args, **kwargs)
        theirs = getattr(optuna.distributions, name)(*args, **kwargs)
        assert repr(ours) == repr(theirs) and ours.single() == theirs.single()
        text = bluefin.distributions.distribution_to_json(ours)
        assert text == optuna.distributions.distribution_to_json(theirs)
        assert bluefin.distributions.json_to_distribution(text) == ours
        assert pickle.loads(pickle.dumps(ours)) == ours == copy.deepcopy(ours)
        assert hash(ours) == hash(copy.copy(ours)) or name == "CategoricalDistribution"
        for value in (0.25, 0.3, 1.0, 3.0, 4.0, 2.0):
            assert ours._contains(value) == theirs._contains(value)
    for wrong in [
        lambda: FloatDistribution(1, 0),
        lambda: FloatDistribution(0, 1, log=True),
        lambda: FloatDistribution(0, 1, step=0),
        lambda: FloatDistribution(1, 2, log=True, step=1),
        lambda: IntDistribution(0, 8, log=True),
        lambda: IntDistribution(1, 8, log=True, step=2),
        lambda: CategoricalDistribution([]),
        lambda: FloatDistribution(0, 1).to_internal_repr("a"),
        lambda: CategoricalDistribution(["a"]).to_internal_repr("b"),
    ]:
        with pytest.raises(ValueError):
            wrong()


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


def test_a_study_in_a_file_can_be_pickled(tmp_path):
    study = bluefin.create_study(storage=f"sqlite:///{tmp_path}/s.db", sampler=bluefin.samplers.RandomSampler(1))
    study.optimize(objective, n_trials=2)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(objective, n_trials=1)
    assert len(study.trials) == 3


def test_a_study_in_memory_is_copied_by_pickle():
    study = bluefin.create_study(study_name="s")
    study.set_user_attr("any", (1, 2))
    study.optimize(objective, n_trials=3)
    again = pickle.loads(pickle.dumps(study))
    assert [t.params for t in again.trials] == [t.params for t in study.trials]
    assert (again.study_name, again.user_attrs, again._study_id) == ("s", {"any": (1, 2)}, study._study_id)
    again.optimize(objective, n_trials=1)
    assert (len(again.trials), len(study.trials)) == (4, 3)


# --- a program written for Optuna -----------------------------------------------------------------------------------

SCRIPT = """
    import optuna

    def objective(trial: optuna.trial.Trial) -> float:
        x = trial.suggest_float("x", -10, 10)
        depth = trial.suggest_int("depth", 1, 32, log=True)
        name = trial.suggest_categorical("name", ["SVC", "RandomForest"])
        for step in range(5):
            trial.report(x ** 2 + 5 - step, step)
            if trial.should_prune():
                raise optuna.TrialPruned()
        return x ** 2 + depth + (name == "SVC")

    def callback(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        assert trial.state in (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)

    optuna.logging.set_verbosity(optuna.logging.INFO)
    study = optuna.create_study(
        study_name="example", storage="sqlite:///example.db", load_if_exists=True, direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=10), pruner=optuna.pruners.MedianPruner(n_warmup_steps=2),
    )
    study.enqueue_trial({"x": 0.5, "depth": 2})
    study.optimize(objective, n_trials=20, timeout=60, callbacks=[callback], gc_after_trial=True)
    pruned = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.PRUNED])
    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    assert len(pruned) + len(complete) == len(study.trials) == 20
    trial = study.best_trial
    print("Best:", trial.value, sorted(trial.params), study.trials[0].params["x"])
"""


@pytest.mark.parametrize("package", ["optuna", "bluefin"])
def test_a_plain_script_runs_with_only_the_import_changed(package, tmp_path):
    line = "import optuna" if package == "optuna" else "import bluefin as optuna"
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT).replace("import optuna", line, 1))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Best: ") and "['depth', 'name', 'x'] 0.5" in done.stdout
    assert "A new study created" in done.stderr and "Trial 0 finished with value: " in done.stderr


def test_the_quickstart_runs_and_goes_on(tmp_path):
    for n_trials in (30, 60):
        done = subprocess.run(
            [sys.executable, ROOT / "examples" / "quickstart.py"],
            cwd=tmp_path, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("best loss 0.")
        assert len(bluefin.load_study(study_name="lr", storage=f"sqlite:///{tmp_path}/lr.db").trials) == n_trials


def test_the_progress_bar_counts_trials(capsys):
    study = bluefin.create_study()
    study.optimize(lambda t: 1.0, n_trials=3, show_progress_bar=True)
    assert "3/3" in capsys.readouterr().err


# --- one trial of `bluefin run` -------------------------------------------------------------------------------------

PROGRAM = """
    import sys
    import bluefin

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("kind", trial.suggest_categorical("kind", ["a", "b"]))
        trial.report(x, 0)
        if trial.number == 1:
            raise bluefin.TrialPruned
        if trial.number == 2:
            raise LookupError("two")
        return [x, x] if trial.number == 3 else x

    assert bluefin.is_attached()
    sys.exit(bluefin.run_attached(objective))
"""


def test_a_program_finds_the_trial_that_it_was_started_for(tmp_path):
    command = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build") / "bluefin"
    if not command.exists():
        pytest.skip("the command bluefin is not built")
    assert not bluefin.is_attached()
    with pytest.raises(ValueError):
        bluefin.run_attached(lambda trial: 1.0)
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    url = f"sqlite:///{tmp_path}/s.db"
    arguments = ["run", "--storage", url, "--study-name", "s", "--create", "--n-trials", "6", "--workers", "2"]
    done = subprocess.run(
        [command, *arguments, "--", sys.executable, program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    trials = bluefin.load_study(study_name="s", storage=url).trials
    states = [t.state.name for t in trials]
    assert states == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert all(t.user_attrs["kind"] == t.params["kind"] for t in trials)
    assert trials[0].value == trials[0].params["x"] and trials[1].value == trials[1].params["x"]
    assert "LookupError: two" in trials[2].user_attrs["bluefin:error"]


def test_a_constraints_func_that_fails_does_not_lose_the_value():
    with pytest.warns(FutureWarning):
        sampler = bluefin.samplers.TPESampler(constraints_func=lambda trial: (float("nan"),))
    study = bluefin.create_study(sampler=sampler)
    with pytest.raises(ValueError, match="NaN"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert [t.state for t in study.trials] == [bluefin.trial.TrialState.COMPLETE]


def test_relative_params_are_what_the_sampler_has_chosen_beforehand():
    study = bluefin.create_study(sampler=bluefin.samplers.TPESampler(seed=1, n_startup_trials=3))
    assert study.ask().relative_params == {}
    study.optimize(objective, n_trials=5)
    trial = study.ask()
    chosen = trial.relative_params
    assert sorted(chosen) == ["kind", "lr", "n", "x"]
    objective(trial)
    assert trial.params == chosen


def test_columns_of_a_study_are_the_engines_memory():
    import gc

    import numpy as np

    study = bluefin.create_study(directions=["minimize", "maximize"], sampler=bluefin.samplers.RandomSampler(1))

    def two(trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number % 2:
            trial.suggest_categorical("c", ["a", "b"])
        trial.set_constraint("k", x - 0.5)
        return x, 10 * x

    study.optimize(two, n_trials=20)
    history = study.history()
    trials = study.trials
    assert len(history) == 20 and list(history.numbers) == list(range(20)) and set(history.states) == {1}
    assert list(history.losses[1]) == [-t.values[1] for t in trials]
    assert [list(column) for column in history.values] == [[t.values[k] for t in trials] for k in (0, 1)]
    assert sorted(history.params) == ["c", "x"] and list(history.params["x"]) == [t.params["x"] for t in trials]
    assert np.array_equal(np.isnan(history.params["c"]), [t.number % 2 == 0 for t in trials])
    assert list(history.violations) == [max(0.0, t.params["x"] - 0.5) for t in trials]
    with pytest.raises(KeyError):
        history.params["y"]
    for column in (history.numbers, history.losses[0], history.values[1], history.params["x"]):
        with pytest.raises(ValueError):
            column[0] = 1
    # The same memory each time, and alive without its study.
    assert np.shares_memory(study.history().losses[0], history.losses[0])
    losses = history.losses[0].copy()
    kept = history.losses[0]
    study.optimize(two, n_trials=200)
    del study, history
    gc.collect()
    assert np.array_equal(kept, losses)
