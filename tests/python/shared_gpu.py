# SPDX-License-Identifier: MIT
"""What a trial does on a GPU that a library in NVML's place shows (gpu_machine): its figures are what the trials say."""

import contextlib
import fcntl
import json
import os
from pathlib import Path
import time

MOST = 2  # trials that fit

_DEVICE = {
    "uuid": "GPU-08f3c2a4-5b6d-4e7f-8a9b-0c1d2e3f4a5b",
    "memory_total_mib": 81559,
    "memory_used_mib": 500,
    "utilization": 10,
    "processes": [],
}


def make():
    """In the working directory."""
    Path("nvml.json").write_text(json.dumps({"devices": [_DEVICE]}))


@contextlib.contextmanager
def _processes():
    with open("gpu.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = json.loads(Path("nvml.json").read_text())
        yield state["devices"][0]["processes"]
        Path("nvml.json.new").write_text(json.dumps(state))
        os.rename("nvml.json.new", "nvml.json")


def use(seconds=1.2):
    """Takes 20,000 MiB for a while, and runs out of memory beside `MOST` others."""
    with _processes() as processes:
        processes.append({"pid": os.getpid(), "memory_mib": 20000})
        n = len(processes)
    with open("together", "a") as file:
        file.write(f"{n} {os.environ['BLUEFIN_SLOTS_PER_GPU']}\n")
    time.sleep(seconds)
    with _processes() as processes:
        processes[:] = [one for one in processes if one["pid"] != os.getpid()]
    if n > MOST:
        raise RuntimeError("CUDA out of memory")


def objective(trial):
    use()
    return 0.5


def together():
    """For each trial: how many were on the GPU with it when it began, and how many might have been."""
    return [tuple(map(int, line.split())) for line in Path("together").read_text().splitlines()]
