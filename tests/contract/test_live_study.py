# SPDX-License-Identifier: MIT
"""Optuna at work on a file while bluefin's workers write it, and both going on with what the other left."""

import datetime
import json
import math
import os
import pathlib
import sqlite3
import subprocess
import time

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

ROOT = pathlib.Path(__file__).parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build")
BLUEFIN = BUILD / "bluefin"

SPACE = {
    "lr": {"name": "FloatDistribution", "attributes": {"low": 1e-5, "high": 0.1, "log": True}},
    "dropout": {"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 0.5, "step": 0.1}},
    "batch": {"name": "IntDistribution", "attributes": {"low": 16, "high": 512, "log": True}},
    "optimizer": {"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", "é"]}},
}
DISTRIBUTIONS = {
    "lr": FloatDistribution(1e-5, 0.1, log=True),
    "dropout": FloatDistribution(0.0, 0.5, step=0.1),
    "batch": IntDistribution(16, 512, log=True),
    "optimizer": CategoricalDistribution(["adam", "sgd", "é"]),
}
# A training that anybody can follow: the loss falls to |log10(lr) + 3| + dropout. It reports every epoch.
TRAINING = r"""
BEGIN {
  loss = log(lr) / log(10) + 3; if (loss < 0) loss = -loss
  loss += dropout + (optimizer == "adam" ? 0 : 0.3) + batch / 5000
  for (epoch = 0; epoch < 5; epoch++) {
    printf "bluefin:report %d %.17g\n", epoch, loss + 1 / (epoch + 1); fflush()
    system("sleep 0.01")
  }
  printf "%.17g\n", loss
}"""

optuna.logging.set_verbosity(optuna.logging.WARNING)
pytestmark = pytest.mark.filterwarnings("ignore")


def run_command(folder, *more):
    (folder / "space.json").write_text(json.dumps(SPACE))
    (folder / "training.awk").write_text(TRAINING)
    return [str(BLUEFIN), "run", "--storage", f"sqlite:///{folder / 'live.db'}", "--study-name", "live", "--create",
            "--direction", "minimize", "--seed", "1", "--space", str(folder / "space.json"), "--workers", "2", *more,
            "--", "awk", "-v", "lr={lr}", "-v", "dropout={dropout}", "-v", "batch={batch}", "-v",
            "optimizer={optimizer}", "-f", str(folder / "training.awk")]


def run(folder, *more):
    done = subprocess.run(run_command(folder, *more), capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done


def objective(trial):
    """The same training, as Optuna's part of the study."""
    lr = trial.suggest_float("lr", 1e-5, 0.1, log=True)
    dropout = trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    batch = trial.suggest_int("batch", 16, 512, log=True)
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd", "é"])
    loss = abs(math.log10(lr) + 3) + dropout + (0 if optimizer == "adam" else 0.3) + batch / 5000
    for epoch in range(5):
        trial.report(loss + 1 / (epoch + 1), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return loss


def load_when_begun(path, study_name, process, n_trials):
    """The study, as soon as the process has begun n_trials. Optuna must not open the file before its tables are there:
    it would try to make them at the same moment."""
    deadline = time.monotonic() + 120
    while True:
        assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
        time.sleep(0.05)
        if not path.exists():
            continue
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            try:
                if db.execute("SELECT count(*) FROM trials").fetchone()[0] >= n_trials:
                    break
            except sqlite3.OperationalError:
                continue
    return optuna.load_study(study_name=study_name, storage=f"sqlite:///{path}")


def check_trials(trials):
    assert [t.number for t in trials] == list(range(len(trials)))
    for t in trials:
        if t.state == TrialState.COMPLETE:
            assert t.distributions == DISTRIBUTIONS
            assert list(t.intermediate_values) == list(range(5))
            assert t.datetime_start < t.datetime_complete
        if t.state == TrialState.PRUNED:
            assert t.value == t.intermediate_values[max(t.intermediate_values)]
        assert t.datetime_start.tzinfo is None
        assert abs(datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - t.datetime_start).total_seconds() < 600
        for name, value in t.params.items():
            assert DISTRIBUTIONS[name]._contains(DISTRIBUTIONS[name].to_internal_repr(value))


def test_optuna_works_on_the_file_while_two_workers_write_it(tmp_path):
    url = f"sqlite:///{tmp_path / 'live.db'}"
    supervisor = subprocess.Popen(run_command(tmp_path, "--n-trials", "60"), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    study = load_when_begun(tmp_path / "live.db", "live", supervisor, 8)
    assert supervisor.poll() is None
    seen_running = any(t.state == TrialState.RUNNING for t in study.trials)
    # Ten trials of Optuna's own (with TPE, constant liar and the median pruner) in between.
    study.optimize(objective, n_trials=10)
    error = supervisor.communicate(timeout=120)[1]
    assert supervisor.returncode == 0, error
    assert seen_running

    trials = optuna.load_study(study_name="live", storage=url).trials
    assert len(trials) == 70
    assert all(t.state.is_finished() for t in trials)
    assert {t.state for t in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    check_trials(trials)

    # And bluefin's workers go on with what both have left.
    run(tmp_path, "--n-trials", "6")
    trials = optuna.load_study(study_name="live", storage=url).trials
    assert len(trials) == 76
    check_trials(trials)


def test_bluefin_goes_on_with_a_study_that_optuna_began(tmp_path):
    url = f"sqlite:///{tmp_path / 'live.db'}"
    study = optuna.create_study(study_name="live", storage=url, sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=12)
    study.enqueue_trial({"lr": 0.001, "dropout": 0.1, "batch": 64, "optimizer": "é"})
    study.tell(study.ask(), state=TrialState.FAIL)
    study.enqueue_trial({"lr": 0.002, "dropout": 0.2, "batch": 32, "optimizer": "sgd"})
    before = study.trials
    run(tmp_path, "--n-trials", "8")
    after = optuna.load_study(study_name="live", storage=url).trials
    assert after[: len(before) - 1] == before[:-1]
    queued = after[len(before) - 1]
    assert queued.params == {"lr": 0.002, "dropout": 0.2, "batch": 32, "optimizer": "sgd"}
    assert queued.state in (TrialState.COMPLETE, TrialState.PRUNED)
    assert len(after) == len(before) + 7
    assert [t.number for t in after] == list(range(len(after)))
    # A study that Optuna made gets no attribute that its owner did not ask for.
    with sqlite3.connect(tmp_path / "live.db") as db:
        assert db.execute("SELECT count(*) FROM study_system_attributes").fetchone() == (0,)


@pytest.mark.skipif(not (BUILD / "examples" / "digits").exists(), reason="examples/digits is built where LibTorch is")
def test_optuna_works_on_the_study_of_the_demo(tmp_path):
    data = BUILD / "data" / "digits.csv"
    subprocess.run([str(ROOT / "scripts" / "digits-csv"), str(data)], check=True, cwd=ROOT)
    url = f"sqlite:///{tmp_path / 'digits.db'}"
    command = [str(BUILD / "examples" / "digits"), "--storage", url, "--workers", "2", "--seed", "1", "--n-trials"]
    digits = subprocess.Popen([*command, "12"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              cwd=data.parents[2])
    study = load_when_begun(tmp_path / "digits.db", "digits", digits, 4)
    names = set()

    def repeat(trial):  # the first trial's own distributions, so that both programs share one search space
        for name, distribution in study.trials[0].distributions.items():
            names.add(name)
            trial._suggest(name, distribution)
        return 9.0

    study.optimize(repeat, n_trials=10)
    assert {"batch_size", "learning_rate"} <= names
    error = digits.communicate(timeout=120)[1]
    assert digits.returncode == 0, error
    # Without pruning: a run in which every trial is pruned ends with 1.
    subprocess.run([*command, "2", "--pruner", "nop"], check=True, capture_output=True, timeout=120, cwd=data.parents[2])
    trials = optuna.load_study(study_name="digits", storage=url).trials
    assert [t.number for t in trials] == list(range(24))
    assert {t.state for t in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert all(t.intermediate_values for t in trials if t.value != 9.0)
