# SPDX-License-Identifier: MIT
"""Trials whose processes were killed: real processes, really killed."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys

import bluefin
from bluefin.trial import TrialState
from processes import eventually
import pytest

ROOT = Path(__file__).resolve().parents[2]
BLUEFIN = str(ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build") / "bluefin")

PROGRAM = """
import sys, time, bluefin
study = bluefin.load_study(study_name="s", storage=sys.argv[1])
def objective(trial):
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("who", "killed")
    trial.report(1.0, 0)
    print("running", flush=True)
    time.sleep(60)
if sys.argv[2] == "optimize":
    study.optimize(objective, n_trials=1)
else:
    trial = study.ask()
    objective(trial)
"""


def run_and_kill(url: str, how: str = "optimize") -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, url, how], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "running\n"
        # What the trial has gathered is written while its objective computes.
        study = bluefin.load_study(study_name="s", storage=url)
        assert eventually(lambda: study.trials[-1].intermediate_values == {0: 1.0})
        child.send_signal(signal.SIGKILL)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/study.db"


def test_the_next_worker_fails_it(url: str) -> None:
    study = bluefin.create_study(study_name="s", storage=url)
    run_and_kill(url)
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING]
    with pytest.warns(UserWarning, match="trial 0 of study 's' was running and has failed"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    lost, *others = study.trials
    assert lost.state == TrialState.FAIL
    assert lost.user_attrs["bluefin:fail"] == "lost-worker"
    assert "has ended" in lost.user_attrs["bluefin:error"]
    assert [trial.state for trial in others] == [TrialState.COMPLETE] * 2


def test_it_is_run_again(url: str) -> None:
    retry = bluefin.storages.RetryHeartbeatStaleTrialCallback(max_retry=1)
    storage = bluefin.storages.RDBStorage(url, heartbeat_stale_trial_callback=retry)
    study = bluefin.create_study(study_name="s", storage=storage)
    run_and_kill(url)
    with pytest.warns(UserWarning, match="has failed"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    lost, again = study.trials
    assert (lost.state, again.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert again.params == lost.params
    assert again.user_attrs == {"who": "killed"}  # and not why the other one has failed
    assert retry.retried_trial_number(again) == 0


def test_a_worker_finds_it_while_its_own_trial_is_long(url: str) -> None:
    study = bluefin.create_study(study_name="s", storage=url)
    looks = []

    def objective(trial: bluefin.Trial) -> float:
        run_and_kill(url)
        looks.append(eventually(lambda: study.trials[1].state == TrialState.FAIL))
        return trial.suggest_float("x", 0, 1)

    with pytest.warns(UserWarning, match="trial 1 of study 's' was running and has failed: process .* has ended"):
        study.optimize(objective, n_trials=1)
    assert looks == [True]
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]
    assert study.trials[1].params


def test_a_supervisor_finds_it_while_its_own_trials_are_long(url: str, tmp_path: Path) -> None:
    study = bluefin.create_study(study_name="s", storage=url)
    command = [BLUEFIN, "run", "--storage", url, "--study-name", "s", "--n-trials", "1", "--quiet", "--gpus", "none"]
    (tmp_path / "space.json").write_text('{"x": {"type": "float", "low": 0, "high": 1}}')
    command += ["--space", str(tmp_path / "space.json"), "--space-in-env", "--", "sh", "-c", "echo; sleep 60"]
    with subprocess.Popen(command) as supervisor:
        assert eventually(lambda: len(study.trials) == 1 and study.trials[0].state == TrialState.RUNNING)
        run_and_kill(url)
        assert eventually(lambda: [trial.state for trial in study.trials] == [TrialState.RUNNING, TrialState.FAIL])
        supervisor.kill()
    assert study.trials[1].user_attrs["bluefin:fail"] == "lost-worker"


def test_who_only_asked_is_not_taken_for_dead(url: str) -> None:
    study = bluefin.create_study(study_name="s", storage=url)
    run_and_kill(url, "ask")
    study.optimize(lambda trial: 1.0, n_trials=1)
    assert study.trials[0].state == TrialState.RUNNING
    study.tell(0, 3.0)
    assert study.best_value == 1.0


def test_the_owner_of_a_trial_of_a_study_that_optuna_deleted_is_not_taken_for_that_of_the_next(url: str) -> None:
    """Ids are used again, and Optuna does not know the table of owners."""
    optuna = pytest.importorskip("optuna")
    program = (
        "import os, signal, sys, bluefin; s = bluefin.create_study(storage=sys.argv[1], study_name='old');"
        "s.optimize(lambda trial: os.kill(os.getpid(), signal.SIGKILL), n_trials=1)"
    )
    assert subprocess.run([sys.executable, "-c", program, url], check=False).returncode == -signal.SIGKILL
    storage = optuna.storages.RDBStorage(url)
    old = optuna.load_study(study_name="old", storage=storage)
    trial_id = old.trials[0]._trial_id
    optuna.delete_study(study_name="old", storage=storage)
    theirs = optuna.create_study(study_name="new", storage=storage).ask()
    assert theirs._trial_id == trial_id

    study = bluefin.load_study(study_name="new", storage=url)
    study.optimize(lambda trial: 1.0, n_trials=1)
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "COMPLETE"]
