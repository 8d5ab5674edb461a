# SPDX-License-Identifier: MIT
"""`Study.optimize`: pruning, failing, stopping, threads."""

import os
import signal
import sqlite3
import threading
import sys
import time

import pytest

import bluefin
from bluefin.trial import TrialState

from objectives import objective

pytestmark = pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")


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


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_lines_of_the_log_stand_above_the_progress_bar(with_tqdm, capsys, monkeypatch):
    if not with_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    verbosity = bluefin.logging.get_verbosity()
    bluefin.logging.set_verbosity(bluefin.logging.INFO)
    study = bluefin.create_study()
    study.optimize(lambda t: 1.0, n_trials=3, show_progress_bar=True)
    bluefin.logging.set_verbosity(verbosity)
    lines = [line.rpartition("\r")[2].rstrip() for line in capsys.readouterr().err.split("\n")]
    told = [line for line in lines if "finished with value" in line]
    assert len(told) == 3
    assert all(line.startswith("[I ") and line.endswith("Best is trial 0 with value: 1.0.") for line in told)
    assert "3/3" in lines[-2]


def test_the_progress_bar_counts_trials(capsys):
    study = bluefin.create_study()
    study.optimize(lambda t: 1.0, n_trials=3, show_progress_bar=True)
    assert "3/3" in capsys.readouterr().err


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
