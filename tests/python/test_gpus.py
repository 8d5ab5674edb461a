# SPDX-License-Identifier: MIT
"""Slots and devices from outside: `bluefin run` and `bluefin devices` with a library in NVML's place, real locks, real
processes, real signals."""

import fcntl
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import gpu_machine
from processes import eventually
from processes import is_gone
from processes import on_terminal

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
TOOLS = BUILD / "tests" / "tools"

started = []


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    gpu_machine.make(tmp_path, monkeypatch, "libbluefin-no-such-nvml.so.1")
    yield tmp_path
    for process in started:
        process.kill()
        process.communicate()
    started.clear()


class Nvml:
    """The state of tests/tools/fake_nvml.cpp."""

    def __init__(self, path, count):
        self.path = path
        self.devices = [
            {
                "uuid": f"GPU-{i}8f3c2a4-5b6d-4e7f-8a9b-0c1d2e3f4a5b",
                "name": "NVIDIA H100 80GB HBM3",
                "memory_total_mib": 81559,
                "memory_used_mib": 520,
                "utilization": 0,
                "power_mw": 68000,
                "processes": [],
            }
            for i in range(count)
        ]
        self.write()

    def write(self):
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"driver": "580.65.06", "devices": self.devices}))
        new.rename(self.path)


@pytest.fixture
def nvml(folder, monkeypatch):
    monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", str(TOOLS / "libfake_nvml.so"))
    return Nvml(folder / "nvml.json", 2)


def bluefin(*arguments):
    return subprocess.run([BLUEFIN, *arguments], capture_output=True, text=True, timeout=120)


def run(name, *arguments, create=True):
    words = ["run", "--storage", f"sqlite:///{name}.db", "--study-name", name, "--sampler", "random"]
    return [BLUEFIN, *words, *(["--create"] if create else []), *arguments]


def start(command, **options):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    started.append(process)
    return process


def rows(name, query):
    with sqlite3.connect(f"{name}.db", timeout=60) as connection:
        return connection.execute(query).fetchall()


def attributes(name, key):
    query = f"SELECT value_json FROM trial_user_attributes WHERE key = '{key}' ORDER BY trial_id"
    return [json.loads(value) for (value,) in rows(name, query)]


def locked(folder):
    """The slots that somebody holds."""
    names = []
    for path in sorted((folder / "locks").glob("*.lock")):
        with open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                names.append(path.name)
    return names


# --- bluefin devices ---------------------------------------------------------------------------------------------------


def test_without_a_driver_devices_says_why():
    done = bluefin("devices")
    assert done.returncode == 0
    assert done.stdout == (
        "no GPU: libbluefin-no-such-nvml.so.1 could not be loaded: cannot open shared object file: "
        "No such file or directory\n"
    )
    assert done.stderr == ""
    tree = json.loads(bluefin("devices", "--json").stdout)
    assert tree["devices"] == []
    assert tree["problem"].startswith("libbluefin-no-such-nvml.so.1 could not be loaded")


def test_devices_lists_what_nvml_tells(nvml, monkeypatch):
    nvml.devices[1].update(
        utilization=97, power_mw=412300, memory_used_mib=40960, processes=[{"pid": os.getpid(), "memory_mib": 40000}]
    )
    nvml.write()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    lines = bluefin("devices").stdout.splitlines()
    assert lines[0].split() == ["#", "name", "memory", "util", "power", "state"]
    assert re.split(r"  +", lines[1]) == ["0", "NVIDIA H100 80GB HBM3", "0.5 / 79.6 GiB", "0 %", "68 W", "hidden"]
    assert lines[2].strip() == nvml.devices[0]["uuid"]
    assert lines[3].strip() == "not used: hidden by CUDA_VISIBLE_DEVICES=1"
    assert re.split(r"  +", lines[4]) == ["1", "NVIDIA H100 80GB HBM3", "40.0 / 79.6 GiB", "97 %", "412 W", "in use"]
    assert re.match(rf" +pid {os.getpid()} of \S+, 39.1 GiB: .*python", lines[6])
    assert lines[7] == "2 GPUs, 1 for trials (NVML, driver 580.65.06)"

    tree = json.loads(bluefin("devices", "--json").stdout)
    assert [device["label"] for device in tree["devices"]] == ["0", "1"]
    device = tree["devices"][1]
    assert device["memory_total"] == 81559 * 2**20
    assert device["memory_used"] == 40960 * 2**20
    assert (device["utilization"], device["power_watts"]) == (97, 412.3)
    assert device["not_used_because"] is None
    assert device["processes"][0]["pid"] == os.getpid()
    assert tree["devices"][0]["not_used_because"] == "hidden by CUDA_VISIBLE_DEVICES=1"


def test_devices_keeps_to_a_terminal_of_80_columns(nvml):
    nvml.devices[0]["name"] = "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition"
    nvml.devices[1]["processes"] = [{"pid": os.getpid(), "memory_mib": 1}]
    nvml.write()
    text, _ = on_terminal([BLUEFIN, "devices"], columns=80)
    lines = text.decode().split("\r\n")
    assert any(line.endswith("...") for line in lines)
    assert max(len(line) for line in lines) <= 80


# --- what cannot be ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--gpus", "9"], "gpus = 9, but there are 2 GPUs here"),
        (["--gpus", "0"], "write none for no GPU"),
        (["--gpus", "0,5"], "'5' is no GPU of this machine"),
        (["--gpus", "all", "--gpus-per-trial", "3"], "gpus_per_trial = 3, but the trials may use 2 GPUs only"),
        (["--gpus", "none", "--gpus-per-trial", "2"], "needs GPUs, but gpus = none"),
        (["--gpus", "all", "--cpu-slots", "2"], "cannot be combined"),
        (["--cpu-slots", "2", "--fake-gpus", "2"], "cannot be combined"),
        (["--cpu-slots", "0"], "--cpu-slots 0 must be at least 1"),
        (["--gpus", "all", "--workers", "3"], "workers = 3, but there are slots for 2 trials at a time (2 GPUs"),
        (["--fake-gpus", "2", "--workers", "3"], "workers = 3, but there are slots for 2 trials"),
        (["--slots-per-gpu", "many"], "--slots-per-gpu 'many' must be a number"),
        (["--slots-per-gpu", "0"], "slots_per_gpu = 0, must be between 1 and 64"),
        (["--share-gpus", "--cpu-slots", "2"], "share_gpus needs GPUs, but cpu_slots leaves none"),
    ],
)
def test_contradictions_are_one_sentence_and_no_trial(nvml, folder, options, sentence):
    done = bluefin(*run("s", *options, "--n-trials", "1", "--", "echo", "1")[1:])
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (folder / "s.db").exists()


def test_gpus_without_a_driver_are_refused(folder):
    done = bluefin(*run("s", "--gpus", "all", "--", "echo", "1")[1:])
    assert done.returncode == 2
    assert "gpus = all, but there is no GPU: libbluefin-no-such-nvml.so.1 could not be loaded" in done.stderr
    assert not (folder / "s.db").exists()


# --- where trials run --------------------------------------------------------------------------------------------------


def test_each_trial_has_its_gpu(nvml, folder):
    script = 'echo "$CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER $BLUEFIN_DEVICE" >> seen; sleep 0.05; echo 1'
    done = bluefin(*run("s", "--n-trials", "8", "--", "sh", "-c", script)[1:])
    assert done.returncode == 0, done.stderr
    assert "2 workers on 2 GPUs (NVIDIA H100 80GB HBM3)" in done.stderr
    seen = Path("seen").read_text().splitlines()
    uuids = [device["uuid"] for device in nvml.devices]
    assert sorted(set(seen)) == [f"{uuids[i]} PCI_BUS_ID {i}" for i in range(2)]
    assert len(seen) == 8
    assert sorted(set(attributes("s", "bluefin:gpu"))) == uuids
    assert locked(folder) == []
    assert list((folder / "locks").glob("client.*")) == []


def test_more_workers_than_gpus_are_a_warning_unless_slots_were_asked_for(nvml):
    done = bluefin(*run("s", "--workers", "3", "--n-trials", "2", "--", "echo", "1")[1:])
    assert done.returncode == 0
    assert "warning: 3 workers, but 2 GPUs (NVIDIA H100 80GB HBM3): 2 trials at a time" in done.stderr


def test_without_a_gpu_nothing_changes(folder):
    done = bluefin(*run("s", "--n-trials", "2", "--", "sh", "-c", 'echo "${CUDA_VISIBLE_DEVICES-unset}" >> seen; echo 1')[1:])
    assert done.returncode == 0
    assert Path("seen").read_text() == "unset\nunset\n"
    assert list((folder / "locks").glob("*.lock")) == []


def test_gpus_none_hides_them(nvml, folder):
    done = bluefin(*run("s", "--gpus", "none", "--n-trials", "1", "--", "sh", "-c", 'echo "<$CUDA_VISIBLE_DEVICES>" > seen; echo 1')[1:])
    assert done.returncode == 0
    assert Path("seen").read_text() == "<>\n"


def test_a_program_with_run_main_takes_slots(folder):
    done = subprocess.run(
        [str(TOOLS / "run_main_tool"), "--fake-gpus", "2", "--storage", "sqlite:///m.db", "--n-trials", "4"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "2 workers on 2 fake GPUs" in done.stderr
    assert set(attributes("m", "bluefin:gpu")) <= {"FAKE-0", "FAKE-1"}
    assert len(attributes("m", "bluefin:gpu")) == 4
    refused = subprocess.run(
        [str(TOOLS / "run_main_tool"), "--gpus", "9"], capture_output=True, text=True, timeout=120
    )
    assert refused.returncode == 2
    assert "gpus = 9, but there is no GPU" in refused.stderr


def test_a_gpu_that_others_use_is_waited_for(nvml, folder):
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    started.append(stranger)
    for device in nvml.devices:
        device["processes"] = [{"pid": stranger.pid, "memory_mib": 900}]
    nvml.write()
    process = start(run("s", "--n-trials", "1", "--", "echo", "1"))
    lines = []
    while not any("waiting: GPU" in line for line in lines):
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    assert any(re.search(rf"GPU 0 \(GPU-0\S+\) is busy: pid {stranger.pid} of \S+ \(sleep 60\) uses it", line) for line in lines)
    assert f"GPU 0 is used by pid {stranger.pid} of" in lines[-1]
    assert rows("s", "SELECT count(*) FROM trials") == [(0,)]
    nvml.devices[1]["processes"] = []
    nvml.write()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert attributes("s", "bluefin:gpu") == [nvml.devices[1]["uuid"]]


def test_a_card_that_is_lost_ends_a_run_that_has_no_other(nvml):
    nvml.devices.pop()
    nvml.write()
    process = start(run("s", "--", "sh", "-c", "sleep 0.05; echo 1"))
    assert eventually(lambda: Path("s.db").exists() and process.poll() is None and len(attributes_or_none("s")) > 2)
    nvml.devices[0]["errors"] = {"*": 15}
    nvml.write()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stopped: no GPU is left that works: GPU 0: nvmlDevice" in errors
    assert rows("s", "SELECT count(*) FROM trials WHERE state = 'RUNNING'") == [(0,)]


def attributes_or_none(name):
    try:
        return attributes(name, "bluefin:gpu")
    except sqlite3.Error:
        return []


# --- sharing -----------------------------------------------------------------------------------------------------------


def starts_and_ends(name):
    query = "SELECT datetime_start, datetime_complete FROM trials WHERE state = 'COMPLETE' ORDER BY datetime_start"
    return [tuple(text for text in row) for row in rows(name, query)]


def test_two_runs_share_two_cards_fairly(folder):
    script = "sleep 0.08; echo 1"
    runs = [start(run(name, "--fake-gpus", "2", "--", "sh", "-c", script)) for name in ("a", "b")]
    time.sleep(6)
    for process in runs:
        process.send_signal(signal.SIGINT)
    for process in runs:
        process.communicate(timeout=60)
    # While both were there.
    a, b = starts_and_ends("a"), starts_and_ends("b")
    begin, end = max(a[0][0], b[0][0]), min(a[-1][0], b[-1][0])
    counts = [sum(begin <= start <= end for start, _ in trials) for trials in (a, b)]
    assert min(counts) > 15
    assert max(counts) <= 1.1 * min(counts) + 2, counts


def test_a_killed_supervisor_frees_its_slots(folder):
    first = start(run("a", "--fake-gpus", "2", "--", "sh", "-c", "echo $$ >> pids; sleep 60; echo 1"))
    assert eventually(lambda: Path("pids").exists() and len(Path("pids").read_text().split()) == 2)
    assert locked(folder) == ["FAKE-0.0.lock", "FAKE-1.0.lock"]
    second = start(run("b", "--fake-gpus", "2", "--n-trials", "2", "--", "echo", "1"))
    time.sleep(0.3)
    assert second.poll() is None  # it waits
    first.send_signal(signal.SIGKILL)
    pids = Path("pids").read_text().split()
    assert eventually(lambda: all(is_gone(pid) for pid in pids), seconds=5)
    _, errors = second.communicate(timeout=30)
    assert second.returncode == 0, errors
    assert locked(folder) == []
    # The trials that were lost are run again by the next supervisor of the study.
    assert rows("a", "SELECT count(*) FROM trials WHERE state = 'RUNNING'") == [(2,)]
    third = bluefin(*run("a", "--fake-gpus", "2", "--retry", "1", "--n-trials", "2", "--", "echo", "1")[1:])
    assert third.returncode == 0
    assert rows("a", "SELECT state, count(*) FROM trials GROUP BY state ORDER BY state") == [("COMPLETE", 2), ("FAIL", 2)]


def test_a_process_that_outlives_its_supervisor_keeps_the_slot(folder):
    # It has left the trial's group and hidden its environment, and has inherited the lock as everything there does.
    script = "env -i setsid sleep 60 > /dev/null 2>&1 & echo $! > pid; sleep 60; echo 1"
    first = start(run("a", "--fake-gpus", "1", "--n-trials", "1", "--", "sh", "-c", script))
    assert eventually(lambda: Path("pid").exists() and Path("pid").read_text())
    pid = int(Path("pid").read_text())
    assert eventually(lambda: os.getpgid(pid) == pid)
    first.kill()
    first.communicate()
    try:
        waiting = start(run("b", "--fake-gpus", "1", "--n-trials", "1", "--", "echo", "1"))
        line = ""
        while "waiting:" not in line:
            line = waiting.stderr.readline()
            assert line
        assert "GPU 0 is taken by trial 0 of study a" in line
        assert locked(folder) == ["FAKE-0.0.lock"]
    finally:
        os.kill(pid, signal.SIGKILL)
    waiting.communicate(timeout=30)
    assert waiting.returncode == 0
