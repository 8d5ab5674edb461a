# SPDX-License-Identifier: MIT
"""examples/gpu_training on the CPU: a trial whose process is killed goes on from its checkpoint when it is run again."""

from __future__ import annotations

import json
import os
from pathlib import Path
import signal
import sqlite3
import subprocess
import time

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build") / "examples" / "gpu_training"


def rows(path: Path, query: str) -> list[tuple]:
    with sqlite3.connect(path, timeout=60) as db:
        return db.execute(query).fetchall()


# A rate so small that the loss falls for long: early stopping does not end it.
CONFIGURATION = json.dumps({"width": 4, "batch": 256, "learning_rate": 1e-4})
COMMAND = [str(PROGRAM), "--storage", "sqlite:///s.db", "--study-name", "s", "--n-trials", "1", "--workers", "1"]
COMMAND += ["--retry", "1", "--gpus", "none", "--pruner", "nop"]


@pytest.mark.skipif(not PROGRAM.exists(), reason="examples with LibTorch are not built")
def test_a_lost_trial_goes_on_where_it_was(tmp_path: Path) -> None:
    environment = {**os.environ, "GPU_TRAINING_IMAGES": "256", "GPU_TRAINING_EPOCHS": "1000000"}
    environment.pop("BLUEFIN_CHECKPOINT_DIR", None)
    database = tmp_path / "s.db"
    checkpoint = tmp_path / "checkpoints" / "s" / "0.ckpt"
    reports = "SELECT step FROM trial_intermediate_values JOIN trials USING (trial_id) WHERE number = {} ORDER BY step"
    line = [*COMMAND, "--enqueue", CONFIGURATION]
    nothing = subprocess.DEVNULL
    with subprocess.Popen(line, cwd=tmp_path, env=environment, stdout=nothing, stderr=nothing) as first:
        end = time.monotonic() + 90
        while not (checkpoint.exists() and len(rows(database, reports.format(0))) > 2):
            assert time.monotonic() < end and first.poll() is None
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    last = rows(database, reports.format(0))[-1][0]
    assert checkpoint.exists()

    # Some epochs more than the first one can have come to before it was killed with its supervisor.
    environment["GPU_TRAINING_EPOCHS"] = str(4 * last + 10)
    done = subprocess.run(COMMAND, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert rows(database, "SELECT number, state FROM trials ORDER BY number")[:2] == [(0, "FAIL"), (1, "COMPLETE")]
    steps = [step for (step,) in rows(database, reports.format(1))]
    assert steps[0] >= last
    assert steps == list(range(steps[0], steps[-1] + 1))
    assert not checkpoint.exists()
