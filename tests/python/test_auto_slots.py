# SPDX-License-Identifier: MIT
"""`bluefin run --slots-per-gpu auto`, and `slots_per_gpu="auto"` in Python, on a GPU that a library in NVML's place shows."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import bluefin
import gpu_machine
import shared_gpu

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")

OBJECTIVE = """
import sys
sys.path.insert(0, {folder!r})
import shared_gpu
shared_gpu.use()
print(0.5)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    gpu_machine.make(tmp_path, monkeypatch, BUILD / "tests" / "tools" / "libfake_nvml.so")
    shared_gpu.make()
    Path("train.py").write_text(OBJECTIVE.format(folder=str(Path(shared_gpu.__file__).parent)))


def run(*arguments):
    words = ["run", "--storage", "sqlite:///s.db", "--study-name", "s", "--create", "--sampler", "random"]
    return subprocess.run(
        [BLUEFIN, *words, *arguments, "--", sys.executable, "train.py"], capture_output=True, text=True, timeout=120
    )


def trials():
    command = [BLUEFIN, "trials", "--storage", "sqlite:///s.db", "--study-name", "s", "-f", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_as_many_trials_share_a_gpu_as_fit_and_fewer_where_they_did_not():
    done = run("--slots-per-gpu", "auto", "--n-trials", "16")
    assert done.returncode == 0, done.stderr
    first = "2 trials on a GPU from now on: the largest had 19.5 GiB of 79.6, and alone one keeps a GPU busy 10 % of its time"
    text = done.stderr
    assert first in text
    assert "3 trials on a GPU from now on" in text[text.index(first) :]
    assert "2 trials on a GPU from now on: trial " in text and " ran out of memory where 3 might run" in text
    together = shared_gpu.together()
    assert [n for n, _ in together[:3]] == [1, 1, 1]  # before anything was known
    assert max(n for n, _ in together) == 3
    assert all(n <= allowed for n, allowed in together)
    # What ran out beside others has begun anew, and has ended.
    failed = [trial for trial in trials() if trial["state"] == "FAIL"]
    assert 1 <= len(failed) <= 3
    for trial in failed:
        assert trial["user_attrs"]["bluefin:fail"] == "oom-device"
        assert trial["user_attrs"]["bluefin:capacity"] == 81559 * 2**20 // 3
        assert trial["user_attrs"]["bluefin:telemetry"]["slots_per_gpu"] == 3
    query = """SELECT a.value_json, t.state FROM trial_system_attributes a JOIN trials t ON t.trial_id = a.trial_id
               WHERE a."key" = 'retry_history' ORDER BY t.number"""
    with sqlite3.connect("s.db") as connection:
        again = connection.execute(query).fetchall()
    # Those that fail at the same time begin anew in any order.
    assert sorted(again) == sorted((f"[{trial['number']}]", "COMPLETE") for trial in failed)

    # What is known of the study holds for its next run, from the first trial on.
    Path("together").unlink()
    done = run("--slots-per-gpu", "auto", "--n-trials", "4")
    assert done.returncode == 0, done.stderr
    assert shared_gpu.together()[1][1] == 2
    assert not [trial for trial in trials()[len(failed) + 16 :] if trial["state"] == "FAIL"]


def ended(study, slots, state=bluefin.trial.TrialState.COMPLETE, **attributes):
    """Adds a trial that so many might share a GPU with."""
    telemetry = {"wall_seconds": 60, "utilisation": 0.1, "slots_per_gpu": slots}
    if state == bluefin.trial.TrialState.COMPLETE:
        telemetry["peak_memory_bytes"] = 20000 * 2**20
    value = 0.5 if state == bluefin.trial.TrialState.COMPLETE else None
    attributes = {"bluefin:telemetry": telemetry, **attributes}
    study.add_trial(bluefin.trial.create_trial(state=state, value=value, user_attrs=attributes))


def test_the_limit_is_lifted_after_many_and_falls_at_once():
    study = bluefin.create_study(storage="sqlite:///s.db", study_name="s")
    for slots in (1, 1, 1, 2):
        ended(study, slots)
    ended(study, 3, bluefin.trial.TrialState.FAIL, **{"bluefin:fail": "oom-device"})
    for _ in range(9):
        ended(study, 2)
    done = run("--slots-per-gpu", "auto", "--n-trials", "8")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "on a GPU from now on" in line]
    assert "2 trials on a GPU from now on: trial 4 ran out of memory where 3 might run" in lines[0]
    assert "3 trials on a GPU from now on: 10 in a row have ended well since trial 4 ran out of memory" in lines[1]
    assert "2 trials on a GPU from now on: trial " in lines[2] and " ran out of memory where 3 might run" in lines[2]
    assert len(lines) == 3  # from here on it takes 20
    assert max(n for n, _ in shared_gpu.together()) == 3
    failed = [trial for trial in trials()[14:] if trial["state"] == "FAIL"]
    assert 1 <= len(failed) <= 3  # those that had begun before the first one failed
    assert {trial["user_attrs"]["bluefin:capacity"] for trial in failed} == {81559 * 2**20 // 3}


def test_workers_of_python_share_by_the_same_rule(caplog):
    study = bluefin.create_study(storage="sqlite:///s.db", study_name="s")
    bluefin.logging.enable_propagation()
    try:
        with caplog.at_level("INFO", "bluefin"):
            study.optimize(shared_gpu.objective, n_trials=14, n_workers=-1, gpus="all", slots_per_gpu="auto")
    finally:
        bluefin.logging.disable_propagation()
    # Each is there twice: of two loggers that propagate.
    said = list(dict.fromkeys(one.message for one in caplog.records if "on a GPU from now on" in one.message))
    first = "2 trials on a GPU from now on: the largest had 19.5 GiB of 79.6, and alone one keeps a GPU busy 10 % of its time."
    assert said[0] == first and said[1].startswith("3 trials on a GPU from now on: the largest had ")
    assert said[2].startswith("2 trials on a GPU from now on: trial ") and said[2].endswith(" where 3 might run.")
    together = shared_gpu.together()
    assert [n for n, _ in together[:3]] == [1, 1, 1]
    assert max(n for n, _ in together) == 3
    assert all(n <= allowed for n, allowed in together)  # a worker is started anew where its share has changed
    assert {allowed for _, allowed in together} == {1, 2, 3}
    # Nobody has asked to catch anything, and the study went on: what ran out has begun anew.
    failed = [trial for trial in study.trials if trial.state == bluefin.trial.TrialState.FAIL]
    assert 1 <= len(failed) <= 3
    for trial in failed:
        assert trial.user_attrs["bluefin:fail"] == "oom-device"
        assert trial.user_attrs["bluefin:capacity"] == 81559 * 2**20 // 3
        assert trial.user_attrs["bluefin:telemetry"]["slots_per_gpu"] == 3
    again = [trial for trial in study.trials if "retry_history" in trial.system_attrs]
    # Those that fail at the same time begin anew in any order.
    assert sorted(trial.system_attrs["retry_history"] for trial in again) == [[trial.number] for trial in failed]
    for trial in again:
        assert trial.state == bluefin.trial.TrialState.COMPLETE
        assert "bluefin:fail" not in trial.user_attrs and "bluefin:capacity" not in trial.user_attrs
    assert not [record for record in caplog.records if "Waiting for a slot" in record.message]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_jobs": 2, "gpus": "all"}, '`slots_per_gpu="auto"` needs `n_workers`: '),
        ({"n_workers": 2}, "`slots_per_gpu` need `gpus`"),
        ({"n_workers": 2, "gpus": "none"}, "slots_per_gpu = auto needs GPUs, but gpus = none leaves none"),
        ({"n_workers": 2, "fake_gpus": 2}, "slots_per_gpu = auto and fake_gpus cannot be combined"),
        ({"n_workers": 2, "gpus": "all", "slots_per_gpu": "many"}, "`slots_per_gpu` must be a number or \"auto\", but got 'many'"),
        ({"n_workers": 2, "gpus": "all", "slots_per_gpu": -1}, '`slots_per_gpu` must be at least 1, or "auto", but got -1'),
    ],
)
def test_what_auto_is_not_for_in_python(arguments, message):
    study = bluefin.create_study()
    with pytest.raises(ValueError) as error:
        study.optimize(shared_gpu.objective, n_trials=1, **{"slots_per_gpu": "auto", **arguments})
    assert message in str(error.value)
    assert not study.trials


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--slots-per-gpu", "-1"], "--slots-per-gpu '-1' must be a number from 1 on, or auto"),
        (["--slots-per-gpu", "auto", "--gpus", "none"], "slots_per_gpu = auto needs GPUs, but gpus = none leaves none"),
        (["--slots-per-gpu", "auto", "--fake-gpus", "1"], "slots_per_gpu = auto and fake_gpus cannot be combined"),
    ],
)
def test_what_auto_is_not_for(arguments, message):
    done = run(*arguments, "--n-trials", "1")
    assert done.returncode == 2
    assert message in done.stderr
    assert not Path("s.db").exists()
