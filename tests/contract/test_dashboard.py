# SPDX-License-Identifier: MIT
"""optuna-dashboard's server on a file that bluefin's workers write: its answers hold every trial."""

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

import optuna
import pytest

from test_live_study import run_command

pytest.importorskip("optuna_dashboard")
pytestmark = pytest.mark.filterwarnings("ignore")
N_TRIALS = 100


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def dashboard(url):
    """The address of a server for the storage."""
    port = free_port()
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()"]
    command += [url, "--host", "127.0.0.1", "--port", str(port), "--quiet"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 90
        while True:
            assert server.poll() is None, server.stderr.read()
            try:
                answer(address + "/api/studies")
                break
            except urllib.error.URLError:
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.1)
        yield address
    finally:
        server.kill()
        server.communicate()


def answer(address):
    with urllib.request.urlopen(address, timeout=30) as response:
        return json.load(response)


def test_every_trial_is_in_the_dashboards_answers(tmp_path):
    url = f"sqlite:///{tmp_path / 'live.db'}"
    optuna.create_study(storage=url, study_name="live")  # the server wants a file with tables
    with dashboard(url) as address:
        command = run_command(tmp_path, "--n-trials", str(N_TRIALS), "--pruner", "nop")
        workers = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        [summary] = answer(address + "/api/studies")["study_summaries"]
        study = f"{address}/api/studies/{summary['study_id']}"
        seen = 0  # while the workers wrote
        while workers.poll() is None:
            trials = answer(study)["trials"]
            assert [trial["number"] for trial in trials] == list(range(len(trials)))
            if workers.poll() is None:
                seen = len(trials)
            time.sleep(0.2)
        assert workers.returncode == 0, workers.stderr.read()
        assert seen > 0
        with sqlite3.connect(tmp_path / "live.db") as db:
            assert db.execute("SELECT count(*) FROM sqlite_master WHERE name='bluefin_owner'").fetchone() == (1,)

        # The server keeps what it has read for some seconds.
        deadline = time.monotonic() + 60
        while True:
            trials = answer(study)["trials"]
            if len(trials) == N_TRIALS and all(t["state"] in ("Complete", "Pruned") for t in trials):
                break
            assert time.monotonic() < deadline, f"{len(trials)} of {N_TRIALS} trials are there"
            time.sleep(0.5)
        expected = optuna.load_study(study_name="live", storage=url).trials
        for theirs, trial in zip(trials, expected, strict=True):
            assert theirs["state"].upper() == trial.state.name
            assert {p["name"]: p["param_external_value"] for p in theirs["params"]} == {
                name: str(value) for name, value in trial.params.items()
            }
            assert [(r["step"], r["value"]) for r in theirs["intermediate_values"]] == list(
                trial.intermediate_values.items()
            )
            assert theirs["values"] == trial.values
