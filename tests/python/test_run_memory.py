# SPDX-License-Identifier: MIT
"""The memory model in `bluefin run`: real processes that share one SQLite file, and `bluefin memory`."""

import json
import os
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[2] / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
STORAGE = ["--storage", "sqlite:///s.db", "--study-name", "s"]
SPACE = {
    "batch": {"type": "int", "low": 1, "high": 1024, "log": True},
    "width": {"type": "int", "low": 1, "high": 1024, "log": True},
}
# Prints what PyTorch prints where both sizes are at least 16.
PROGRAM = """
batch={batch} width={width}
if [ $batch -ge 16 ] && [ $width -ge 16 ]; then
  echo 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB' >&2; exit 1
fi
echo $batch
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "BLUEFIN_FD"):
        monkeypatch.delenv(name, raising=False)
    Path("space.json").write_text(json.dumps(SPACE))


def command(*words):
    return [BLUEFIN, words[0], *STORAGE, *words[1:]]


def run_command(*options):
    options = ["--sampler", "random", "--space", "space.json", "--gpus", "none", "--max-failures-in-row", "0", *options]
    return [*command("run", "--create", "--quiet"), *options, "--", "sh", "-c", PROGRAM]


def finish(words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def report():
    return json.loads(finish(command("memory", "--json")))


def n_failed():
    trials = json.loads(finish(command("trials", "-f", "json")))
    return sum(trial["state"] == "FAIL" for trial in trials)


def test_runs_that_share_a_file_learn_from_each_other(tmp_path, monkeypatch):
    n_late = 0
    for first in (1, 4, 7):  # one study proves little: 1 to 8 failures of 40
        folder = tmp_path / str(first)
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("space.json").write_text(json.dumps(SPACE))
        n_late += late_failures_of_runs_that_share_a_file(first)
    assert n_late <= 22  # of 120; 45 where nothing is known


def late_failures_of_runs_that_share_a_file(seed):
    finish(run_command("--n-trials", "20", "--seed", str(seed), "--resource-hint", "activations=batch*width"))
    failed = n_failed()
    # Beside that of main memory, which is there when any trial took long enough to be measured.
    (kind,) = [kind for kind in report()["kinds"] if kind["kind"] == "device"]
    assert kind["sizes"] == ["batch", "width"] and kind["conditions"] == []
    assert 0 < len(kind["limits"]) <= failed

    # Two more at once, which were not there when these trials ran out of memory.
    others = [subprocess.Popen(run_command("--n-trials", "20", "--seed", str(other))) for other in (seed + 1, seed + 2)]
    assert [other.wait(timeout=120) for other in others] == [0, 0]
    after = report()
    late = n_failed() - failed
    assert after["n_refused"] > 0
    limits = {limit["trial"]: limit["params"] for limit in kind["limits"]}
    for refused in after["refused"]:
        if refused["because"] in limits:
            params = limits[refused["because"]]
            assert all(refused["params"][name] >= params[name] for name in ("batch", "width"))
    text = finish(command("memory"))
    assert "ran out with" in text and "refused before the start" in text
    return late


def test_it_can_be_switched_off():
    finish(run_command("--n-trials", "40", "--seed", "1", "--memory-model", "off"))
    assert n_failed() >= 8
    assert report()["n_refused"] == 0


def test_an_objective_in_python_gives_hints_through_its_supervisor():
    Path("train.py").write_text(
        "def objective(trial):\n"
        "    trial.set_resource_hint('table', ['batch', 'batch', 'width'])\n"
        "    batch = trial.suggest_int('batch', 1, 8)\n"
        "    width = trial.suggest_int('width', 1, 8)\n"
        "    trial.set_user_attr('bluefin:peak_memory', 1000 + 10 * batch * batch * width)\n"
        "    return batch\n"
    )
    options = ["--create", "--quiet", "--sampler", "random", "--seed", "1", "--gpus", "none", "--n-trials", "12"]
    finish([*command("run"), *options, "--python", "train.py:objective"])
    term = {term["name"]: term for kind in report()["kinds"] for term in kind["terms"]}["table"]
    assert term["formula"] == "batch^2 * width"
    assert term["bytes"] == pytest.approx(10)
