# SPDX-License-Identifier: MIT
"""`bluefin run --prestart`: the next trial's program is started while the last one still runs. Real processes; what is
looked at is in which order things happen, never how long they take."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from processes import eventually
from processes import is_gone

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
RUN_MAIN = str(BUILD / "tests" / "tools" / "run_main_tool")
CREATE = ["--storage", "sqlite:///s.db", "--create", "--sampler", "random", "--study-name"]
PYTHON = ["--python-program", sys.executable, "--python", "train.py:objective"]
ON = ["--prestart", "on"]

pytestmark = pytest.mark.skipif(not Path(BLUEFIN).exists(), reason="the command bluefin is not built")

# Each process says when it is imported, and when its trial begins and ends. wait_for_next(): the trial ends when another
# process has been started.
TRAIN = """
import os, time

def say(what):
    descriptor = os.open("events", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, (what + " " + str(os.getpid()) + "\\n").encode())
    os.close(descriptor)

def said(what):
    return sum(line.startswith(what + " ") for line in open("events"))

def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)

AHEAD = "BLUEFIN_PRESTARTED" in os.environ
say("import")
print("loading", os.getpid())
"""
# The last trial does not wait, since no program is started for it.
WAITING = TRAIN + """
N = int(os.environ["N"])

def objective(trial):
    say("begin")
    if trial.number < N - 1:
        wait_until(lambda: said("import") > trial.number + 1)
    trial.set_user_attr("ahead", AHEAD)
    names = ("BLUEFIN_TRIAL_NUMBER", "BLUEFIN_SEED", "BLUEFIN_PARAMS", "BLUEFIN_PRESTARTED", "CUDA_VISIBLE_DEVICES")
    trial.set_user_attr("variables", [os.environ.get(name) for name in names])
    trial.set_user_attr("seed", trial.seed)
    trial.set_user_attr("pid", os.getpid())
    descriptors = ["/proc/self/fd/" + name for name in os.listdir("/proc/self/fd")]
    links = [os.readlink(path) for path in descriptors if os.path.exists(path)]
    trial.set_user_attr("locks", sum("/locks/" in link for link in links))
    value = trial.suggest_float("x", 0, 1)
    say("end")
    return value
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "BLUEFIN_FD", "BLUEFIN_PYTHON", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(tmp_path / "locks"))
    monkeypatch.setenv("PATH", f"{BUILD}:{os.environ['PATH']}")
    Path("space.json").write_text('{"x": {"type": "float", "low": 0, "high": 1}}')
    yield tmp_path
    for process in started:
        process.kill()
        process.communicate()
    started.clear()


started = []


def bluefin(*arguments, n, study="s", **variables):
    return subprocess.run(
        [BLUEFIN, "run", *CREATE, study, "--n-trials", str(n), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "N": str(n), **variables},
    )


def start(*arguments, study="s"):
    command = [BLUEFIN, "run", *CREATE, study, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    started.append(process)
    return process


def train(text):
    Path("train.py").write_text(textwrap.dedent(text))


def events():
    """What was said and by whom, in the order in which it was."""
    text = Path("events").read_text() if Path("events").exists() else ""
    return [(line.split()[0], int(line.split()[1])) for line in text.splitlines()]


def imported():
    return [pid for what, pid in events() if what == "import"]


def rows(query):
    with sqlite3.connect("s.db", timeout=60) as connection:
        return connection.execute(query).fetchall()


def states():
    return [state for (state,) in rows("SELECT state FROM trials ORDER BY number")]


def attributes(number):
    query = f"""SELECT key, value_json FROM trial_user_attributes
                JOIN trials USING (trial_id) WHERE number = {number}"""
    return {key: json.loads(value) for key, value in rows(query)}


@pytest.mark.parametrize("slots", [["--gpus", "none"], ["--cpu-slots", "1"], ["--fake-gpus", "1"]], ids=" ".join)
def test_the_next_program_starts_before_the_last_trial_ends(slots):
    train(WAITING)
    done = bluefin(*slots, "--workers", "1", *ON, "--space", "space.json", *PYTHON, n=4)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 4 and "warning" not in done.stderr
    order = events()
    assert len(imported()) == 4  # none for a fifth trial
    trials = [attributes(number) for number in range(4)]
    assert [trial["ahead"] for trial in trials] == [False, True, True, True]
    for number, (trial, before) in enumerate(zip(trials[1:], trials), 1):
        assert order.index(("import", trial["pid"])) < order.index(("end", before["pid"]))
        assert order.index(("end", before["pid"])) < order.index(("begin", trial["pid"]))
    for number, trial in enumerate(trials):
        of_number, seed, params, prestarted, visible = trial["variables"]
        assert of_number == str(number) and seed == str(trial["seed"]) and prestarted is None
        assert list(json.loads(params)) == ["x"]
        assert visible == ("FAKE-0" if "--fake-gpus" in slots else "")
        assert trial["locks"] == (0 if "none" in slots else 1)  # also that of a slot that was taken later
        assert Path(f"s.db.logs/s/{number}.log").read_text() == f"loading {trial['pid']}\n"


def test_without_it_programs_start_one_after_the_other():
    train(WAITING.replace("trial.number < N - 1", "False"))
    done = bluefin("--gpus", "none", "--workers", "1", "--prestart", "off", *PYTHON, n=3)
    assert done.returncode == 0, done.stderr
    assert [what for what, _ in events()] == ["import", "begin", "end"] * 3


def test_by_itself_it_learns_that_trials_are_short():
    """From the first one; from then on there is a program in advance. On GPUs never."""
    train("import time; time.sleep(0.2)\n" + WAITING.replace("trial.number < N - 1", "0 < trial.number < N - 1"))
    done = bluefin("--gpus", "none", "--workers", "1", *PYTHON, n=4)
    assert done.returncode == 0, done.stderr
    assert [attributes(number)["ahead"] for number in range(4)] == [False, False, True, True]
    assert len(imported()) == 4
    Path("events").unlink()
    train("import time; time.sleep(0.2)\n" + WAITING.replace("trial.number < N - 1", "False"))
    done = bluefin("--fake-gpus", "1", *PYTHON, n=3, study="gpu")
    assert done.returncode == 0, done.stderr
    assert [what for what, _ in events()] == ["import", "begin", "end"] * 3


def test_several_workers_start_no_more_than_there_are_trials():
    train(WAITING.replace("trial.number < N - 1", "trial.number < N - 3"))
    done = bluefin("--cpu-slots", "3", *ON, *PYTHON, n=9)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 9
    assert len(imported()) == len(set(imported())) == 9
    assert sum(attributes(number)["ahead"] for number in range(9)) >= 3


def test_a_program_that_ends_too_early_costs_no_trial():
    """It reads its trial's number at its import, so that it can be started for its trial only."""
    train(
        TRAIN
        + """
if AHEAD:
    say("died")
number = int(os.environ["BLUEFIN_TRIAL_NUMBER"])

def objective(trial):
    assert trial.number == number
    wait_until(lambda: said("died") >= min(number + 1, 2))
    return number
"""
    )
    done = bluefin("--gpus", "none", "--workers", "1", *ON, *PYTHON, n=5)
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 5
    assert [what for what, _ in events()].count("died") == 2  # and then no more
    why = "a program that was started ahead of its trial has ended: exit code 1: KeyError: 'BLUEFIN_TRIAL_NUMBER'"
    assert done.stderr.count(why) == 2
    assert done.stderr.count("no program is started ahead of its trial any more (--prestart)") == 1


def test_an_import_that_fails_fails_the_trial_as_ever():
    train(TRAIN + "raise RuntimeError('no such data')\n\ndef objective(trial):\n    return 0\n")
    done = bluefin("--gpus", "none", "--workers", "1", *ON, *PYTHON, n=2)
    assert done.returncode == 1
    assert states() == ["FAIL"] * 2
    assert attributes(1)["bluefin:fail"] == "exception" and "no such data" in attributes(1)["bluefin:error"]


HANGING = TRAIN + """
def objective(trial):
    say("begin")
    while not os.path.exists("go"):
        time.sleep(0.01)
    return 0
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_none_is_left_when_the_run_is_ended(number):
    train(HANGING)
    process = start("--cpu-slots", "1", *ON, *PYTHON)
    assert eventually(lambda: len(imported()) >= 2)
    process.send_signal(number)
    assert eventually(lambda: is_gone(imported()[1]))
    Path("go").touch()
    process.communicate(timeout=60)
    assert eventually(lambda: all(is_gone(pid) for pid in imported()))
    assert len(imported()) == 2
    assert len(states()) == 1
    if number == signal.SIGINT:
        assert states() == ["COMPLETE"]  # it was let finish


def test_two_runs_take_turns_on_one_gpu():
    train(
        TRAIN
        + """
def objective(trial):
    holder = os.open("trial", os.O_CREAT | os.O_EXCL)  # never two trials on a slot
    say("begin")
    time.sleep(0.05)
    os.unlink("trial")
    return 0
"""
    )
    runs = [start("--fake-gpus", "1", *ON, *PYTHON, "--n-trials", "6", study=name) for name in ("a", "b")]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0 and "6 complete" in out, err
    assert all(is_gone(pid) for pid in imported())


def test_a_program_is_started_ahead_only_when_that_is_asked_for():
    shutil.copy(ROOT / "python" / "client" / "bluefin_client.py", ".")
    train(WAITING + "\nimport bluefin_client\nbluefin_client.run(objective)\n")
    done = bluefin("--gpus", "none", "--workers", "1", *ON, "--", sys.executable, "train.py", n=3)
    assert done.returncode == 0, done.stderr
    assert [attributes(number)["ahead"] for number in range(3)] == [False, True, True]
    Path("events").unlink()
    train(Path("train.py").read_text().replace("trial.number < N - 1", "False"))
    for extra in ([], ["--prestart", "auto"]):
        done = bluefin("--gpus", "none", "--workers", "1", *extra, "--", sys.executable, "train.py", n=2, study="two")
        assert done.returncode == 0, done.stderr
    assert [what for what, _ in events()] == ["import", "begin", "end"] * 4


def test_programs_that_do_not_wait_for_their_trial_are_not_started_ahead():
    """A shell script; a program with its parameters among its arguments."""
    script = 'echo start $$ >> events; x=$(bluefin trial suggest x float 0 1); bluefin trial tell $x; echo end $$ >> events'
    done = bluefin("--gpus", "none", "--workers", "1", *ON, "--", "/bin/sh", "-c", script, n=3)
    assert done.returncode == 0, done.stderr
    assert [what for what, _ in events()] == ["start", "end"] * 3
    Path("events").unlink()
    words = ["--space", "space.json", "--", "/bin/sh", "-c", "echo start $$ >> events; echo {x}"]
    done = bluefin("--gpus", "none", "--workers", "1", *ON, *words, n=3)
    assert done.returncode == 2
    assert "prestart = on, but the program's arguments depend on the trial's parameters" in done.stderr
    assert not Path("events").exists()
    assert bluefin("--gpus", "none", "--workers", "1", *words, n=3).returncode == 0
    done = bluefin("--prestart", "perhaps", *words, n=3)
    assert done.returncode == 2 and "--prestart 'perhaps' must be on, off or auto" in done.stderr


def test_a_run_main_program_is_started_ahead():
    command = [RUN_MAIN, "--storage", "sqlite:///s.db", "--study-name", "s", "--n-trials", "4", "--workers", "1"]
    environment = {**os.environ, "STARTED": "started", "PAUSE": "500"}
    done = subprocess.run([*command, "--gpus", "none", *ON], env=environment, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path("started").read_text() == "usual\n" + 3 * "ahead\n"
    Path("started").unlink()
    done = subprocess.run([*command, "--prestart", "off"], env=environment, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path("started").read_text() == 4 * "usual\n"


def test_the_package_s_own_client_knows_its_trial():
    bluefin_module = pytest.importorskip("bluefin")
    train(WAITING + "\nimport sys, bluefin\nTrial = bluefin.trial.Trial\nTrial.seed = None\n"
          "sys.exit(bluefin.run_attached(objective))\n")  # fmt: skip
    done = bluefin("--cpu-slots", "1", *ON, "--", sys.executable, "train.py", n=3,
                   PYTHONPATH=str(Path(bluefin_module.__file__).parents[1]))  # fmt: skip
    assert done.returncode == 0, done.stderr
    for number in range(3):
        trial = attributes(number)
        assert trial["ahead"] == (number > 0) and trial["locks"] == 1
        assert trial["variables"][0] == str(number) and trial["variables"][3] is None
