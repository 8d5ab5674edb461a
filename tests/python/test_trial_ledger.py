# SPDX-License-Identifier: MIT
"""Trials that misbehave in every way under supervisors that are killed in every way, with a ledger: never two trials on
one slot, every trial that was started ends in exactly one class, the one that fits what it did, no slot stays idle while
work waits, and nothing is left behind: no process, no lock, no running trial."""

from collections import Counter
import fcntl
import json
import os
from pathlib import Path
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from processes import eventually
from processes import is_gone

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
TOOLS = BUILD / "tests" / "tools"
SECONDS = float(os.environ.get("BLUEFIN_LEDGER_SECONDS", "10"))
SEED = int(os.environ.get("BLUEFIN_LEDGER_SEED", "6"))
SLEEP = f"sleep {90000 + os.getpid() % 9999}"  # known by its length

# Each trial takes a lock of its own on its device: what two trials on one slot cannot both have. It is descriptor 3, so
# that it is closed before the slot's when a process ends; the socket moves to 9. `until FILE` waits for a file.
TRIAL = """
exec 9>&3 3>> "ledger.$CUDA_VISIBLE_DEVICES"
export BLUEFIN_FD=9
flock -n 3 || echo "$CUDA_VISIBLE_DEVICES $BLUEFIN_STUDY $BLUEFIN_TRIAL_NUMBER" >> violations
kind=$((BLUEFIN_SEED % 18))
echo "$BLUEFIN_STUDY $BLUEFIN_TRIAL_NUMBER $kind" >> begun
tool=TOOLS/trial_program
case $kind in
0) sleep 0.05; echo 1 ;;
1) sleep 0.02; exit 3 ;;
2) kill -SEGV $$ ;;
3) kill -ABRT $$ ;;
4) while :; do echo bluefin:report 1 1; sleep 0.1; done ;;
5) trap '' TERM; while :; do echo bluefin:report 1 1; sleep 0.1; done ;;
6) SLEEP & echo 1 ;;
7) setsid SLEEP & echo 1 ;;
8) setsid sh -c 'trap "" TERM; SLEEP & setsid SLEEP & wait' > /dev/null 2>&1 & sleep 0.05; kill -SEGV $$ ;;
9) exec $tool allocate ;;
10) exec $tool speak 'GET / HTTP/1.1' 2 ;;
11) i=0; while [ $i -lt 3000 ]; do echo bluefin:report $i 1; i=$((i + 1)); done; echo 1 ;;
12) exec $tool silent ;;
13) echo 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB' >&2; exit 1 ;;
14) SLEEP ;;
15) echo bluefin:report one two; SLEEP ;;
16) exec $tool hang-after-tell /dev/null ;;
17) kill -KILL $$ ;;
esac
"""
# The same as a function, for trials that are forked from one loaded program. The lock takes the place of descriptor 0, so
# that it is closed before the slot's.
FUNCTION = """
import fcntl, os, signal, subprocess, sys, time

def line(path, *words):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, (" ".join(map(str, words)) + "\\n").encode())
    os.close(descriptor)

line("loaded", os.getpid())

def report_for_ever(trial):
    for step in range(1000000):
        trial.report(1, step)
        time.sleep(0.1)

def leave_forks():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
            time.sleep(600)
            os._exit(0)

def objective(trial):
    device = os.environ["CUDA_VISIBLE_DEVICES"]
    descriptor = os.open("ledger." + device, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 0, inheritable=False)
    os.close(descriptor)
    try:
        fcntl.flock(0, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        line("violations", device, trial.study_name, trial.number)
    kind = trial.seed % 18
    line("begun", trial.study_name, trial.number, kind)
    sleep = "SLEEP".split()
    if kind == 0:
        time.sleep(0.05)
    elif kind == 1:
        os._exit(3)
    elif kind in (2, 3, 17):
        os.kill(os.getpid(), {2: signal.SIGSEGV, 3: signal.SIGABRT, 17: signal.SIGKILL}[kind])
    elif kind in (4, 5):
        signal.signal(signal.SIGTERM, signal.SIG_DFL if kind == 4 else signal.SIG_IGN)
        report_for_ever(trial)
    elif kind in (6, 7):
        subprocess.Popen(sleep, start_new_session=kind == 7)
    elif kind == 8:
        leave_forks()
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == 9:
        blocks = []
        while True:
            blocks.append(b"x" * (4 << 20))
            time.sleep(0.01)
    elif kind in (10, 15):
        trial._socket.sendall(b"GET / HTTP/1.1\\n" if kind == 10 else b"[1]\\n")
        time.sleep(600)
    elif kind == 11:
        for step in range(3000):
            trial.report(1, step)
    elif kind == 12:
        os._exit(0)
    elif kind == 13:
        os.write(2, b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB\\n")
        os._exit(1)
    elif kind == 14:
        time.sleep(600)
    elif kind == 16:
        trial.tell(1)
        time.sleep(600)
    return 1
"""
ENDS = {0: "", 1: "exit:3", 2: "signal:11", 3: "signal:6", 4: "timeout", 5: "timeout", 6: "", 7: "", 8: "signal:11",
        9: "oom-host", 10: "protocol", 11: "", 12: "no-value", 13: "oom-device", 14: "no-report", 15: "protocol", 16: "",
        17: "signal:9"}  # fmt: skip
# What may come to every trial.
BY_OTHERS = {"interrupted", "lost-worker"}
# To those that hang, and to every other that a loaded machine keeps waiting for so long.
TRIAL_TIMEOUT = 1.5
REPORT_TIMEOUT = 1.0
LIMITS = {"timeout": TRIAL_TIMEOUT, "no-report": REPORT_TIMEOUT}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "BLUEFIN_FD", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(tmp_path / "locks"))
    return tmp_path


def rows(name, query):
    with sqlite3.connect(f"{name}.db", timeout=60) as connection:
        return connection.execute(query).fetchall()


def processes():
    """Those that trials have begun: they know the folder of the locks, or sleep for so long."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        ours = f"BLUEFIN_LOCK_DIR={os.getcwd()}/".encode() in environment and b"BLUEFIN_MARK=" in environment
        if state not in "ZX" and (ours or command == SLEEP.replace(" ", "\0").encode() + b"\0"):
            found.append((process.name, command))
    return found


def free_slots(folder, count):
    free = set()
    for i in range(count):
        path = folder / "locks" / f"FAKE-{i}.0.lock"
        try:
            with open(path) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                free.add(i)
        except BlockingIOError:
            pass
        except FileNotFoundError:
            free.add(i)
    return free


class IdleWatch(threading.Thread):
    """How long each slot is free at the most. There are always supervisors that want all of them: one is killed at a
    time, and each wants as many as there are."""

    def __init__(self, folder, count):
        super().__init__(daemon=True)
        self.longest = 0.0
        self.over = False
        self._folder, self._count = folder, count

    def run(self):
        since = {}
        while not self.over:
            now = time.monotonic()
            since = {i: since.get(i, now) for i in free_slots(self._folder, self._count)}
            self.longest = max([self.longest, *(now - begin for begin in since.values())])
            time.sleep(0.05)


def test_every_trial_ends_in_one_class_and_leaves_nothing_whoever_is_killed(folder):
    rng = random.Random(SEED)
    program = folder / "trial.sh"
    program.write_text(TRIAL.replace("TOOLS", str(TOOLS)).replace("SLEEP", SLEEP))
    (folder / "trial.py").write_text(FUNCTION.replace("SLEEP", SLEEP))
    objectives = {
        "a": ["--", "sh", str(program)],
        "b": ["--zygote", "on", "--python-program", sys.executable, "--python", "trial.py:objective"],
    }
    n_slots = rng.randint(2, 8)
    n_killed = 0
    names = ["a", "a", "b", "b"]  # two share a study

    def begin(name):
        command = [BLUEFIN, "run", "--storage", f"sqlite:///{name}.db", "--study-name", name, "--create"]
        command += ["--sampler", "random", "--fake-gpus", str(n_slots), "--max-failures-in-row", "0", "--retry", "1"]
        command += ["--trial-timeout", str(TRIAL_TIMEOUT), "--report-timeout", str(REPORT_TIMEOUT)]
        command += ["--memory-limit", "64MiB", "--grace", "0.3"]
        return subprocess.Popen(
            [*command, "--quiet", *objectives[name]], stderr=open(f"{name}.err", "a"), start_new_session=True
        )

    runs = [begin(name) for name in names]
    assert eventually(lambda: not free_slots(folder, n_slots))
    watch = IdleWatch(folder, n_slots)
    watch.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.3, 1.5))
        index = rng.randrange(len(runs))
        signals = rng.choice([[signal.SIGKILL], [signal.SIGKILL], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
        for number in signals:
            runs[index].send_signal(number)
            time.sleep(0.02)
        runs[index].wait(timeout=30)
        n_killed += signals == [signal.SIGKILL]
        runs[index] = begin(names[index])
    watch.over = True
    for run in runs:
        run.terminate()
    for run in runs:
        run.wait(timeout=60)
    watch.join()

    assert n_killed >= 1
    assert not Path("violations").exists(), Path("violations").read_text()
    # A slot that is free is taken within moments: far more than a loaded machine needs for that.
    assert watch.longest < 5
    assert eventually(lambda: processes() == []), processes()
    assert free_slots(folder, n_slots) == set(range(n_slots))
    loaded = [int(pid) for pid in Path("loaded").read_text().split()]
    assert all(is_gone(pid) for pid in loaded)
    errors = Path("a.err").read_text() + Path("b.err").read_text()
    # A loaded machine may take longer than a trial may; nothing else speaks against forks.
    given_up = [line for line in errors.splitlines() if "--zygote" in line]
    assert all("it has not loaded within" in line for line in given_up), given_up
    assert "error" not in errors, errors

    begun = [line.split() for line in Path("begun").read_text().splitlines()]
    kinds = {(study, int(number)): int(kind) for study, number, kind in begun}
    assert len(kinds) == len(begun)  # no trial is run twice
    seen = Counter()
    for name in set(names):
        # Whoever comes next ends the trials of those that were killed, here one that does nothing else.
        nothing = [BLUEFIN, "run", "--storage", f"sqlite:///{name}.db", "--study-name", name, "--gpus", "none"]
        subprocess.run([*nothing, "--n-trials", "0", "--", "true"], capture_output=True, timeout=60)
        query = "SELECT value_json, count(*) FROM trial_user_attributes WHERE trial_id = ? AND key = 'bluefin:fail'"
        seconds_query = "(julianday(datetime_complete) - julianday(datetime_start)) * 86400"
        for trial, number, state, seconds in rows(name, f"SELECT trial_id, number, state, {seconds_query} FROM trials"):
            text, count = rows(name, query.replace("?", str(trial)))[0]
            word = "" if text is None else json.loads(text)
            if state == "WAITING":
                continue  # queued again, and not begun
            assert state in ("COMPLETE", "FAIL"), (name, number, state)
            assert count == (state == "FAIL"), (name, number, state, word)
            kind = kinds.get((name, number))
            if kind is None:  # stopped before the program's first line
                assert word in BY_OTHERS, (name, number, word)
                continue
            slow = word in LIMITS and seconds >= LIMITS[word]
            assert slow or word in {ENDS[kind], *BY_OTHERS}, (name, number, kind, word)
            seen[word] += 1
    if SECONDS >= 10:
        assert len(seen) >= 5, seen
    print(f"{len(begun)} trials on {n_slots} slots, {n_killed} supervisors killed, slot idle {watch.longest:.2f} s", seen)
