# SPDX-License-Identifier: MIT
"""A wall clock that is set back while a study runs: by an hour, again and again."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

import bluefin
from bluefin.trial import TrialState
import pytest

BUILD = Path(__file__).parents[2] / os.environ.get("BLUEFIN_BUILD_DIR", "build")
CLOCK_BACK = BUILD / "tests" / "tools" / "clock_back.so"

pytestmark = pytest.mark.skipif(not CLOCK_BACK.exists(), reason="the C++ tests are not built")

PROGRAM = """
import sys, time, warnings
import bluefin
warnings.simplefilter("error", UserWarning)  # of a lost trial
warnings.simplefilter("ignore", bluefin.exceptions.ExperimentalWarning)
url, how = sys.argv[1:]
before = time.time()
assert any(time.time() < before for _ in range(100)), "the clock does not go back"
storage = bluefin.storages.RDBStorage(url, heartbeat_interval=1) if how == "heartbeats" else url
study = bluefin.create_study(study_name="s", storage=storage, load_if_exists=True)

def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    for step in range(4):
        trial.report(x * x + 1 / (step + 1), step)
        if trial.should_prune():
            raise bluefin.TrialPruned
    return x * x

if how == "timeout":
    begin = time.monotonic()
    study.optimize(lambda trial: time.sleep(0.01), timeout=0.5)
    assert time.monotonic() - begin < 60
elif how == "flush":
    trial = study.ask()
    trial.report(1.0, 0)
    time.sleep(0.4)
    trial.report(2.0, 1)  # later than the interval, whatever the clock says
    other = bluefin.load_study(study_name="s", storage=url)
    assert other.trials[-1].intermediate_values == {0: 1.0, 1: 2.0}, other.trials[-1]
    study.tell(trial, 3.0)
else:
    study.optimize(objective, n_trials=60, n_jobs=2)
"""


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("sqlite", "plain"),
        ("sqlite", "heartbeats"),
        ("sqlite", "timeout"),
        ("sqlite", "flush"),
        ("journal", "plain"),
        ("journal", "flush"),
    ],
)
def test_a_study_goes_on_when_the_clock_is_set_back(kind: str, how: str, tmp_path: Path) -> None:
    url = f"{kind}:///{tmp_path}/study.{'db' if kind == 'sqlite' else 'log'}"
    environment = {**os.environ, "LD_PRELOAD": str(CLOCK_BACK)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, how],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    command = Path(sys.executable).parent / "bluefin"
    if kind == "sqlite":
        checked = subprocess.run([command, "db", "check", "--storage", url], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stdout) == (0, "")
    trials = bluefin.load_study(study_name="s", storage=url).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))
    if how in ("plain", "heartbeats"):
        assert len(trials) == 60
        assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
