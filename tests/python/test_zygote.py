# SPDX-License-Identifier: MIT
"""`bluefin run --zygote on`: the program is loaded once and forked for each trial. Real processes; what is looked at is
which process did what, never how long it takes."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processes import eventually
from processes import is_gone
from test_prestart import BLUEFIN
from test_prestart import BUILD
from test_prestart import CREATE
from test_prestart import PYTHON
from test_prestart import ROOT
from test_prestart import RUN_MAIN
from test_prestart import TRAIN
from test_prestart import attributes
from test_prestart import bluefin
from test_prestart import events
from test_prestart import folder  # noqa: F401
from test_prestart import imported
from test_prestart import start
from test_prestart import states
from test_prestart import train

ZYGOTE = ["--zygote", "on"]
GIVEN_UP = "no trial is forked from a loaded program any more (--zygote), each starts its own: "

pytestmark = pytest.mark.skipif(not Path(BLUEFIN).exists(), reason="the command bluefin is not built")

# What a trial finds in its process.
LOOKS = (
    TRAIN
    + """
import random, socket, stat
try:
    import numpy.random
except ImportError:
    numpy = None
random.seed(1)  # as if by accident: each trial has its own all the same
NAMES = ("BLUEFIN_TRIAL_NUMBER", "BLUEFIN_FIRST_TRIAL", "BLUEFIN_SEED", "BLUEFIN_PARAMS", "CUDA_VISIBLE_DEVICES")
BEFORE = [os.environ.get(name) for name in NAMES[:3]]

def objective(trial):
    say("begin")
    links = [os.readlink("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd")
             if os.path.exists("/proc/self/fd/" + name)]
    seen = {
        "pid": os.getpid(),
        "leads": os.getpgrp() == os.getpid(),
        "parent": open("/proc/{}/comm".format(os.getppid())).read().strip(),
        "before": BEFORE,
        "variables": [os.environ.get(name) for name in NAMES],
        "attached": any(os.environ.get(name) for name in ("BLUEFIN_FD", "BLUEFIN_ZYGOTE")),
        "seed": trial.seed,
        "locks": sum("/locks/" in link for link in links),
        "sockets": sum(link.startswith("socket:") for link in links),
        "pipes": sum(link.startswith("pipe:") for link in links),
        "random": random.random(),
        "numpy": numpy and numpy.random.random(),
        "oom_score_adj": open("/proc/self/oom_score_adj").read().strip(),
    }
    for key, value in seen.items():
        trial.set_user_attr(key, value)
    print("trial", trial.number)
    return trial.suggest_float("x", 0, 1)
"""
)


@pytest.mark.parametrize("slots", [["--gpus", "none", "--workers", "2"], ["--cpu-slots", "2"], ["--fake-gpus", "2"]], ids=" ".join)  # fmt: skip
def test_the_program_is_loaded_once_and_a_trial_finds_what_is_its_own(slots):
    train(LOOKS)
    done = bluefin(*slots, *ZYGOTE, "--space", "space.json", *PYTHON, n=6)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 6 and "warning" not in done.stderr
    assert len(imported()) == 1
    trials = [attributes(number) for number in range(6)]
    pids = [trial["pid"] for trial in trials]
    assert len({*pids, *imported()}) == 7
    for number, trial in enumerate(trials):
        assert trial["leads"] and trial["parent"] == "bluefin" and not trial["attached"]
        assert trial["before"] == [None] * 3
        of_number, first, seed, params, visible = trial["variables"]
        assert of_number == first == str(number) and seed == str(trial["seed"])
        assert list(json.loads(params)) == ["x"]
        assert visible == trial.get("bluefin:gpu", "") and (visible in ("FAKE-0", "FAKE-1")) == ("--fake-gpus" in slots)
        assert trial["locks"] == (0 if "none" in slots else 1)
        assert trial["sockets"] == 1 and trial["pipes"] == 2  # nothing of the process that it was forked from
        assert trial["oom_score_adj"] == "500"
        assert trial["bluefin:telemetry"]["peak_host_bytes"] > 1 << 20
        assert Path(f"s.db.logs/s/{number}.log").read_text() == f"trial {number}\n"
    assert len({trial["random"] for trial in trials}) == 6
    assert trials[0]["numpy"] is None or len({trial["numpy"] for trial in trials}) == 6
    if "--fake-gpus" in slots:
        assert {trial["variables"][4] for trial in trials} == {"FAKE-0", "FAKE-1"}
    assert Path("s.db.logs/s/zygote.log").read_text() == f"loading {imported()[0]}\n"
    assert all(is_gone(pid) for pid in [*pids, *imported()])


def test_it_is_off_by_default():
    train(LOOKS)
    for extra in ([], ["--zygote", "off"]):
        done = bluefin("--gpus", "none", "--workers", "1", *extra, *PYTHON, n=2)
        assert done.returncode == 0, done.stderr
    assert len(set(imported())) == 4
    assert not Path("s.db.logs/s/zygote.log").exists()


ALIVE = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
ENDED = """
import threading
thread = threading.Thread(target=sum, args=([],))
thread.start()
thread.join()
"""
# /dev/zero as if it were a GPU.
ON_GPU = """
import bluefin_client
bluefin_client._GPU_FILES = ("/dev/zero",)
gpu = open("/dev/zero", "rb")
"""


@pytest.mark.parametrize(
    "load, why",
    [(ALIVE, "it has 3 threads"), (ON_GPU, "it has opened /dev/zero")],
)
def test_a_program_that_cannot_be_forked_is_started_for_each_trial(load, why):
    train(LOOKS + load)
    done = bluefin("--gpus", "none", "--workers", "2", *ZYGOTE, *PYTHON, n=4)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 4
    assert len(set(imported())) == 5
    assert done.stderr.count("(--zygote)") == 1 and f"warning: {GIVEN_UP}{why}\n" in done.stderr
    assert all(is_gone(pid) for pid in imported())


def test_a_thread_that_has_ended_does_no_harm():
    train(LOOKS + ENDED)
    done = bluefin("--gpus", "none", "--workers", "1", *ZYGOTE, *PYTHON, n=3)
    assert done.returncode == 0, done.stderr
    assert len(imported()) == 1 and "warning" not in done.stderr


def test_threads_of_a_library_that_ends_them_for_forks_do_no_harm():
    """As OpenBLAS does, which NumPy brings: it starts them again when they are needed."""
    train(
        TRAIN
        + """
import threading
stop = threading.Event()
helper = threading.Thread(target=stop.wait)
helper.start()
os.register_at_fork(before=lambda: (stop.set(), helper.join()))

def objective(trial):
    return 0
"""
    )
    done = bluefin("--gpus", "none", "--workers", "1", *ZYGOTE, *PYTHON, n=3)
    assert done.returncode == 0, done.stderr
    assert len(imported()) == 1 and "warning" not in done.stderr


def test_the_rule_is_looked_at_before_each_fork():
    """A thread that the program starts by itself while it waits."""
    train(
        TRAIN
        + """
import bluefin_client, threading
rule, looks = bluefin_client._why_no_fork, []

def look():
    looks.append(0)
    if len(looks) == 4:  # when it had loaded, and for three trials
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return rule()

bluefin_client._why_no_fork = look

def objective(trial):
    trial.set_user_attr("pid", os.getpid())
    return 0
"""
    )
    done = bluefin("--gpus", "none", "--workers", "1", *ZYGOTE, *PYTHON, n=5)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 5
    assert f"warning: {GIVEN_UP}it has 2 threads\n" in done.stderr
    assert [attributes(number)["pid"] in imported() for number in range(5)] == [False, False, True, True, True]


def test_what_the_rule_looks_at(tmp_path):
    spec = importlib.util.spec_from_file_location("client", ROOT / "python" / "client" / "bluefin_client.py")
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    for name in ("task/1", "fd"):
        (tmp_path / name).mkdir(parents=True)
    for number, target in enumerate(["/dev/null", "/dev/nvme0n1", "socket:[1]", "/home/dev/nvidia0"]):
        (tmp_path / "fd" / str(number)).symlink_to(target)
    assert client._why_no_fork(str(tmp_path)) is None
    (tmp_path / "fd" / "9").symlink_to("/dev/nvidia-uvm")
    assert client._why_no_fork(str(tmp_path)) == "it has opened /dev/nvidia-uvm"
    (tmp_path / "task" / "2").mkdir()
    assert client._why_no_fork(str(tmp_path)) == "it has 2 threads"


def test_an_import_that_fails_fails_the_trial_as_ever():
    train(TRAIN + "raise RuntimeError('no such data')\n\ndef objective(trial):\n    return 0\n")
    done = bluefin("--gpus", "none", "--workers", "1", *ZYGOTE, *PYTHON, n=2)
    assert done.returncode == 1
    assert states() == ["FAIL"] * 2 and len(imported()) == 3
    assert attributes(1)["bluefin:fail"] == "exception" and "no such data" in attributes(1)["bluefin:error"]
    assert GIVEN_UP + "it has ended while it was loading: exit code 1: RuntimeError: no such data" in done.stderr


ENDS = """
import signal, sys

def objective(trial):
    say("begin")
    trial.set_user_attr("pid", os.getpid())
    print("this is trial", trial.number, file=sys.stderr)
    if trial.number == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    if trial.number == 1:
        sys.stderr.flush()
        os._exit(3)
    if trial.number == 2:
        raise ValueError("no luck")
    if trial.number == 3:
        time.sleep(600)
    if trial.number == 4:
        block = []
        while True:
            block.append(b"x" * (4 << 20))
            time.sleep(0.01)
    if trial.number == 5:
        print("CUDA out of memory. Tried to allocate 2 GiB", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)
    if trial.number == 6:
        sys.exit(4)
    if trial.number == 7:
        os._exit(0)
    return 0
"""


def test_trials_end_as_they_do_without():
    train(TRAIN + ENDS)
    classes = ["signal:11", "exit:3", "exception", "timeout", "oom-host", "oom-device", "exit:4", "no-value"]
    limits = ["--trial-timeout", "4", "--memory-limit", "200MiB", "--grace", "0.2", "--max-failures-in-row", "0"]
    for name, extra in (("forked", ZYGOTE), ("usual", [])):
        Path("s.db").unlink(missing_ok=True)
        Path("events").unlink(missing_ok=True)
        done = bluefin("--gpus", "none", "--workers", "2", *limits, *extra, *PYTHON, n=9, study=name)
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr
        assert len(imported()) == (1 if extra else 9)
        assert [attributes(number)["bluefin:fail"] for number in range(8)] == classes
        assert states()[8] == "COMPLETE"
        for number in range(8):
            assert attributes(number)["bluefin:stderr"].splitlines()[0] in (f"this is trial {number}", "Traceback (most recent call last):")  # fmt: skip
            assert f"this is trial {number}\n" in Path(f"s.db.logs/{name}/{number}.log").read_text()
        assert all(is_gone(attributes(number)["pid"]) for number in range(9))


def test_what_a_trial_leaves_behind_ends_with_it():
    """Also what it has forked and what has left its group, while the program lives that all are forked from."""
    train(
        TRAIN
        + """
def objective(trial):
    if trial.number == 0:
        if os.fork() == 0:
            os.setsid()
            say("stray")
            time.sleep(600)
        wait_until(lambda: said("stray") == 1)
        return 0
    if trial.number == 2:  # until it begins the loaded program lives
        return 0
    stray = int(next(line for line in open("events") if line.startswith("stray ")).split()[1])
    wait_until(lambda: not os.path.exists("/proc/{}/exe".format(stray)))
    return 1
"""
    )
    done = bluefin("--gpus", "none", "--workers", "1", *ZYGOTE, *PYTHON, n=3)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 3 and len(imported()) == 1


HANGING = """
def objective(trial):
    say("begin")
    trial.set_user_attr("pid", os.getpid())
    while not os.path.exists("go"):
        time.sleep(0.01)
    return 0
"""


def begun():
    return [pid for what, pid in events() if what == "begin"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_none_is_left_when_the_run_is_ended(number):
    train(TRAIN + HANGING)
    process = start("--cpu-slots", "2", *ZYGOTE, *PYTHON)
    assert eventually(lambda: len(begun()) == 2)
    process.send_signal(number)
    if number == signal.SIGINT:
        assert eventually(lambda: is_gone(imported()[0]))  # no further trial will begin
        Path("go").touch()
    process.communicate(timeout=60)
    assert eventually(lambda: all(is_gone(pid) for pid in [*begun(), *imported()]))
    assert len(imported()) == 1
    if number == signal.SIGINT:
        assert states() == ["COMPLETE"] * 2
    # The slots are free.
    Path("go").touch()
    done = bluefin("--cpu-slots", "2", *ZYGOTE, *PYTHON, n=2, study="next")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_can_be_ended_while_the_program_loads(number):
    train(TRAIN + "time.sleep(600)\n" + HANGING)
    process = start("--gpus", "none", *ZYGOTE, *PYTHON)
    assert eventually(lambda: len(imported()) == 1)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert eventually(lambda: is_gone(imported()[0]))
    assert states() == []


def test_a_program_that_does_not_load_in_time_costs_no_trial():
    train(TRAIN + "import os\nif said('import') == 1:\n    time.sleep(600)\n\ndef objective(trial):\n    return 0\n")
    done = bluefin("--gpus", "none", "--workers", "1", "--trial-timeout", "3", *ZYGOTE, *PYTHON, n=2)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 2
    assert GIVEN_UP + "it has not loaded within 3 s\n" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_loaded_program_that_dies_or_hangs_costs_no_trial(number):
    train(TRAIN + HANGING)
    process = start("--cpu-slots", "1", *ZYGOTE, *PYTHON, "--n-trials", "3")
    assert eventually(lambda: len(begun()) == 1)
    os.kill(imported()[0], number)
    Path("go").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert states() == ["COMPLETE"] * 3
    assert len(imported()) == 3 and attributes(0)["pid"] not in imported()
    why = {signal.SIGKILL: "killed by signal 9 (Killed)", signal.SIGSTOP: "it has not answered for 5 s"}
    assert err.count("(--zygote)") == 1 and why[number] in err
    assert eventually(lambda: all(is_gone(pid) for pid in [*begun(), *imported()]))


def test_with_programs_that_are_started_ahead():
    """These are forks, too: each trial but the last one waits until the next one's process is there."""
    train(
        TRAIN
        + """
os.register_at_fork(after_in_child=lambda: say("fork"))  # twice for each trial

def objective(trial):
    trial.set_user_attr("variables", [os.environ.get("BLUEFIN_TRIAL_NUMBER"), os.environ.get("BLUEFIN_PRESTARTED")])
    trial.set_user_attr("pid", os.getpid())
    wait_until(lambda: said("fork") >= 2 * min(trial.number + 2, 4))
    return 0
"""
    )
    done = bluefin("--cpu-slots", "1", *ZYGOTE, "--prestart", "on", *PYTHON, n=4)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 4 and len(imported()) == 1 and "warning" not in done.stderr
    for number in range(4):
        assert attributes(number)["variables"] == [str(number), None]
    assert len([what for what, _ in events() if what == "fork"]) == 8
    assert all(is_gone(attributes(number)["pid"]) for number in range(4))


def test_where_it_cannot_be():
    def refused(*words):
        done = bluefin(*words, n=1)
        assert done.returncode == 2 and not Path("s.db").exists(), done.stderr
        return done.stderr

    assert "--zygote on is for --python, --plugin and programs with run_main" in refused(*ZYGOTE, "--", "true")
    assert "--zygote 'auto' must be on or off" in refused("--zygote", "auto", *PYTHON)
    train(TRAIN + "def objective(trial):\n    return 0\n")
    words = [*PYTHON, "--space", "space.json", "--", "{x}"]
    assert "zygote = on, but the program's arguments depend on the trial's parameters" in refused(*ZYGOTE, *words)
    assert bluefin(*words, n=1).returncode == 0


def test_a_run_main_program_is_loaded_once():
    command = [RUN_MAIN, "--storage", "sqlite:///s.db", "--study-name", "s", "--n-trials", "4", "--workers", "2"]
    environment = {**os.environ, "STARTED": "started"}
    done = subprocess.run([*command, "--gpus", "none", *ZYGOTE], env=environment, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert Path("started").read_text() == "to be forked\n"
    assert states() == ["COMPLETE"] * 4
    Path("started").unlink()
    environment["THREAD"] = "1"
    done = subprocess.run([*command, "--gpus", "none", *ZYGOTE], env=environment, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path("started").read_text() == "to be forked\n" + 4 * "usual\n"
    assert f"warning: {GIVEN_UP}it has 2 threads\n" in done.stderr


def test_a_plugin_is_loaded_once():
    plugin = BUILD / "tests" / "tools" / "plugins" / "libplugin_value.so"
    plugin = plugin if plugin.exists() else next((BUILD / "tests").rglob("*plugin_value*.so"))
    command = [BLUEFIN, "run", *CREATE, "s", "--n-trials", "4", "--gpus", "none", *ZYGOTE, "--plugin", str(plugin)]
    environment = {**os.environ, "PLUGIN_DIES": "1"}
    done = subprocess.run(command, env=environment, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert states() == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert attributes(1)["bluefin:error"] == "one is no number" and attributes(2)["bluefin:fail"] == "signal:11"
