# SPDX-License-Identifier: MIT
"""On a file, `optimize` begins the next trial in the transaction that ends one: nothing else may differ by it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any
import warnings

import bluefin
from bluefin.trial import TrialState
import pytest


def objective(trial: bluefin.Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    n = trial.suggest_int("n", 1, 9)
    trial.report(x, 1)
    if n == 9:
        raise bluefin.TrialPruned
    return x * x + n


def make(url: str) -> bluefin.Study:
    return bluefin.create_study(storage=url, sampler=bluefin.samplers.TPESampler(seed=4, n_startup_trials=5))


@pytest.fixture
def study(tmp_path: Path) -> bluefin.Study:
    return make(f"sqlite:///{tmp_path}/study.db")


def states(study: bluefin.Study) -> list[TrialState]:
    return [trial.state for trial in study.trials]


def test_a_file_and_memory_get_the_same_trials(tmp_path: Path) -> None:
    urls = f"sqlite:///{tmp_path}/study.db", f"journal:///{tmp_path}/study.log"
    of_memory = bluefin.create_study(sampler=bluefin.samplers.TPESampler(seed=4, n_startup_trials=5))
    of_memory.optimize(objective, n_trials=30)
    expected = [(t.number, t.state, t.values, t.params, t.intermediate_values) for t in of_memory.trials]
    assert {TrialState.COMPLETE, TrialState.PRUNED} <= set(states(of_memory))
    for url in urls:
        study = make(url)
        study.optimize(objective, n_trials=30)
        read_back = bluefin.load_study(study_name=study.study_name, storage=url)
        for seen in study, read_back:
            assert [(t.number, t.state, t.values, t.params, t.intermediate_values) for t in seen.trials] == expected


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_no_trial_too_many(study: bluefin.Study, n_jobs: int) -> None:
    study.optimize(objective, n_trials=10, n_jobs=n_jobs)
    assert len(study.trials) == 10

    def stopping(trial: bluefin.Trial) -> float:
        study.stop()
        return 1.0

    study.optimize(stopping, n_trials=50, n_jobs=n_jobs)
    assert 10 < len(study.trials) <= 10 + n_jobs
    study.optimize(objective, timeout=0.05, n_jobs=n_jobs)
    assert TrialState.RUNNING not in states(study)


def test_callbacks_come_before_the_next_trial(study: bluefin.Study) -> None:
    seen = []

    def look(study: bluefin.Study, trial: Any) -> None:
        seen.append((trial.number, len(study.trials)))

    study.optimize(objective, n_trials=5, callbacks=[look])
    assert seen == [(i, i + 1) for i in range(5)]


@pytest.mark.parametrize("value", ["no number", float("nan"), None])
def test_a_value_that_is_none_fails_its_trial_alone(study: bluefin.Study, value: Any) -> None:
    study.optimize(lambda trial: value if trial.number == 1 else 0.5, n_trials=4)
    assert states(study) == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]


def test_ctrl_c_between_two_trials_leaves_none_running(study: bluefin.Study) -> None:
    class Interrupting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "Trial 2 finished" in record.getMessage():
                raise KeyboardInterrupt

    handler = Interrupting()
    logger = logging.getLogger("bluefin")
    verbosity = bluefin.logging.get_verbosity()
    logger.addHandler(handler)
    bluefin.logging.set_verbosity(bluefin.logging.INFO)
    try:
        with pytest.raises(KeyboardInterrupt):
            study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=9)
    finally:
        bluefin.logging.set_verbosity(verbosity)
        logger.removeHandler(handler)
    assert states(study) == [TrialState.COMPLETE] * 3 + [TrialState.FAIL]


def test_a_sampler_or_pruner_that_is_changed_by_the_objective_counts_from_the_next_trial(study: bluefin.Study) -> None:
    class Fixed(bluefin.samplers.RandomSampler):
        def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
            return 0.25

    def changing(trial: bluefin.Trial) -> float:
        if trial.number == 2:
            study.sampler = Fixed()
        return trial.suggest_float("x", 0, 1)

    study.optimize(changing, n_trials=6)
    assert [trial.value == 0.25 for trial in study.trials] == [False, False, False, True, True, True]


@pytest.mark.parametrize("callbacks", [None, [lambda study, trial: None]])
def test_ctrl_c_at_any_moment_leaves_none_running(study: bluefin.Study, callbacks: Any) -> None:
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    try:
        for i in range(12):
            timer = threading.Timer(0.005 + 0.0013 * i, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=100_000, callbacks=callbacks)
            timer.join()
    finally:
        signal.signal(signal.SIGINT, previous)
    assert set(states(study)) <= {TrialState.COMPLETE, TrialState.FAIL}


def test_a_value_is_told_before_a_callback_for_lost_trials_fails(tmp_path: Path) -> None:
    def failing(study: bluefin.Study, trial: Any) -> None:
        raise RuntimeError("of the user")

    url = f"sqlite:///{tmp_path}/study.db"
    storage = bluefin.storages.RDBStorage(url, heartbeat_stale_trial_callback=failing)
    study = bluefin.create_study(study_name="s", storage=storage)
    program = (
        "import os, signal, sys, bluefin; s = bluefin.load_study(study_name='s', storage=sys.argv[1]);"
        "s.optimize(lambda trial: os.kill(os.getpid(), signal.SIGKILL), n_trials=1)"
    )

    def objective(trial: bluefin.Trial) -> float:
        subprocess.run([sys.executable, "-c", program, url], check=False)
        time.sleep(1.1)  # then it is time to look for lost trials again
        return 0.5

    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="of the user"):
        warnings.simplefilter("ignore")
        study.optimize(objective, n_trials=2)
    assert [(trial.state, trial.value) for trial in study.trials][:2] == [(TrialState.COMPLETE, 0.5), (TrialState.FAIL, None)]
