# SPDX-License-Identifier: MIT
"""`bluefin status` from outside: runs that work, that wait, that were killed; pages, JSON and a terminal."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from processes import eventually

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
TOOLS = BUILD / "tests" / "tools"

started = []


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "BLUEFIN_FD", "BLUEFIN_GPU_PROBE", "NO_COLOR", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "SLURM_JOB_ID", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(tmp_path / "locks"))
    monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", "libbluefin-no-such-nvml.so.1")
    yield tmp_path
    for process in started:
        process.kill()
        process.communicate()
    started.clear()


def bluefin(*arguments):
    return subprocess.run([BLUEFIN, *arguments], capture_output=True, text=True, timeout=120)


def start(command, **options):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    started.append(process)
    return process


def run(name, script, *options, create=True):
    """`bluefin run` on a study of its own whose trials are shell scripts."""
    words = ["--storage", f"sqlite:///{name}.db", "--study-name", name, "--sampler", "random", "--pruner", "nop"]
    Path("space.json").write_text('{"x": {"type": "float", "low": -5, "high": 5}}')
    words += ["--create"] if create else []
    return [BLUEFIN, "run", *words, "--space", "space.json", "--space-in-env", *options, "--", "sh", "-c", script]


def status(*arguments):
    done = bluefin("status", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def try_status(*arguments):
    done = bluefin("status", *arguments, "--json")
    return json.loads(done.stdout) if done.returncode == 0 else None


REPORTS = "for i in 1 2 3; do echo bluefin:report $i 0.5; done; while ! test -e end; do sleep 0.05; done; echo 1"


def rows_with(predicate, *arguments, n=1):
    """The status once it has n rows or more and all are as wanted."""
    seen = {}

    def look():
        seen["status"] = try_status(*arguments)
        rows = seen["status"]["slots"] if seen["status"] is not None else []
        return len(rows) >= n and all(map(predicate, rows))

    assert eventually(look), seen["status"]
    return seen["status"]


# --- one run -----------------------------------------------------------------------------------------------------------


def test_a_run_is_seen_while_it_works():
    start(run("lr", REPORTS, "--fake-gpus", "2", "--n-trials", "6"))
    now = rows_with(lambda row: row["last_report"] is not None and row["last_report"]["step"] == 3, n=2)
    assert [row["slot"] for row in now["slots"]] == ["GPU 0", "GPU 1"]
    assert sorted(row["trial"] for row in now["slots"]) == [0, 1]
    for row in now["slots"]:
        assert row["last_report"] == {"step": 3, "value": 0.5, "median": None}
        assert row["elapsed_seconds"] >= 0
    assert now["study"]["name"] == "lr"
    assert now["study"]["trials"]["running"] == 2
    (this,) = now["runs"]
    assert this["pid"] == started[0].pid
    assert (this["workers"], this["finished"], this["n_trials"]) == (2, 0, 6)
    assert now["waits"] == []
    page = bluefin("status")
    assert page.returncode == 0
    assert "\x1b" not in page.stdout
    assert max(map(len, page.stdout.splitlines())) <= 80
    assert re.search(r"^GPU 0 +\d ", page.stdout, re.M)
    assert "0.5 @3" in page.stdout

    Path("end").touch()
    assert started[0].wait(60) == 0
    # The run is over: without a storage there is nothing to be seen, with one there is the study.
    assert bluefin("status").returncode == 1
    after = status("--storage", "sqlite:///lr.db")
    assert after["runs"] == [] and after["slots"] == []
    assert after["study"]["trials"]["complete"] == 6
    assert after["study"]["best"]["value"] == 1.0
    assert not list(Path("locks").glob("run.*"))


def test_a_report_is_compared_with_the_median_of_complete_trials():
    script = (
        'if test "$BLUEFIN_TRIAL_NUMBER" -lt 3; then echo bluefin:report 1 $BLUEFIN_TRIAL_NUMBER; echo 1; else '
        "echo bluefin:report 1 5; while ! test -e end; do sleep 0.05; done; echo 1; fi"
    )
    start(run("lr", script, "--cpu-slots", "1", "--n-trials", "4"))
    now = rows_with(lambda row: row["trial"] == 3 and row["last_report"] is not None)
    assert now["slots"][0]["last_report"] == {"step": 1, "value": 5.0, "median": 1.0}
    assert "400% worse" in bluefin("status").stdout


def test_a_killed_run_leaves_nothing_to_be_seen(folder):
    start(run("lr", "sleep 60", "--cpu-slots", "2"))
    rows_with(lambda row: row["trial"] is not None)
    started[0].send_signal(signal.SIGKILL)
    started[0].wait(60)
    after = status("--storage", "sqlite:///lr.db")
    assert after["runs"] == []
    assert not list((folder / "locks").glob("run.*"))
    # Its trials are still RUNNING in the file until somebody looks after them.
    assert {row["slot"] for row in after["slots"]} == {None}
    page = bluefin("status", "--storage", "sqlite:///lr.db").stdout
    assert "nothing runs it on this machine" in page and "elsewhere" in page


def test_a_stopped_run_is_named():
    start(run("lr", "sleep 60", "--cpu-slots", "1"))
    rows_with(lambda row: row["trial"] is not None)
    started[0].send_signal(signal.SIGSTOP)
    first = status()["runs"][0]["silent_seconds"]
    assert eventually(lambda: status()["runs"][0]["silent_seconds"] > first + 1)
    started[0].send_signal(signal.SIGCONT)
    assert eventually(lambda: status()["runs"][0]["silent_seconds"] < first + 1)


def test_what_waits_says_for_what():
    start(run("first", "while ! test -e end; do sleep 0.05; done; echo 1", "--fake-gpus", "1", "--n-trials", "1"))
    rows_with(lambda row: row["trial"] == 0, "--study-name", "first")
    start(run("second", "echo 1", "--fake-gpus", "1", "--n-trials", "2"))
    assert eventually(lambda: (try_status("--study-name", "second") or {}).get("waits"))
    (wait,) = status("--study-name", "second")["waits"]
    assert wait["trials"] == 1  # for one GPU there is one worker
    assert "GPU 0 is taken by trial 0 of study first" in wait["reason"]
    assert f"pid {started[1].pid}" in wait["who"]
    page = bluefin("status", "--study-name", "second").stdout
    assert "GPU 0 is taken by trial 0 of" in " ".join(page.split())
    # Which of the two is meant has to be said.
    both = bluefin("status")
    assert both.returncode == 1
    assert "several studies run on this machine" in both.stderr
    assert "--study-name first" in both.stderr and "--study-name second" in both.stderr
    Path("end").touch()
    assert [process.wait(60) for process in started] == [0, 0]


def test_a_slot_that_another_run_has_is_not_idle():
    options = ["--fake-gpus", "1", "--timeout", "60"]
    start(run("first", "while ! test -e $BLUEFIN_TRIAL_NUMBER.end; do sleep 0.05; done; echo 1", *options))
    rows_with(lambda row: row["trial"] == 0, "--study-name", "first")
    start(run("second", "while ! test -e second.end; do sleep 0.05; done; echo 1", *options, "--workers", "1"))
    assert eventually(lambda: (try_status("--study-name", "second") or {}).get("waits"))
    Path("0.end").touch()  # the slot goes to the run that waits
    (row,) = rows_with(lambda row: row["taken_by"] is not None, "--study-name", "first")["slots"]
    assert (row["slot"], row["trial"]) == ("GPU 0", None)
    assert row["taken_by"].startswith("trial 0 of study second (") and "pid" in row["taken_by"]
    page = bluefin("status", "--study-name", "first").stdout
    assert re.search(r"^GPU 0 +taken by trial 0 of study second", page, re.M), page
    (own,) = status("--study-name", "second")["slots"]
    assert (own["trial"], own["taken_by"]) == (0, None)


def test_queued_configurations_are_listed():
    start(run("lr", "sleep 60", "--cpu-slots", "1", *(f'--enqueue={{"x": {i}}}' for i in range(3))))
    now = rows_with(lambda row: row["trial"] == 0)
    assert now["study"]["queued"] == [1, 2]
    assert "2 queued (#1 #2)" in bluefin("status").stdout


# --- GPUs --------------------------------------------------------------------------------------------------------------


def test_what_a_gpu_does(folder, monkeypatch):
    monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", str(TOOLS / "libfake_nvml.so"))
    monkeypatch.setenv("FAKE_NVML_STATE", str(folder / "nvml.json"))
    device = {
        "uuid": "GPU-08f3c2a4-5b6d-4e7f-8a9b-0c1d2e3f4a5b",
        "name": "NVIDIA H100 80GB HBM3",
        "memory_total_mib": 81920,
        "memory_used_mib": 500,
        "utilization": 0,
        "power_mw": 68000,
    }

    def write(**changes):
        Path("new").write_text(json.dumps({"devices": [{**device, **changes}]}))
        Path("new").rename(folder / "nvml.json")

    write()
    start(run("lr", REPORTS, "--n-trials", "1"))
    rows_with(lambda row: row["trial"] == 0)
    write(memory_used_mib=40960, utilization=97, power_mw=310000)
    now = rows_with(lambda row: row["utilisation"] == 0.97 and row["memory_used_bytes"] == 40 * 2**30)
    (row,) = now["slots"]
    assert row["memory_total_bytes"] == 80 * 2**30
    assert row["power_watts"] == 310
    page = bluefin("status").stdout
    assert re.search(r"█+░+ 40.0G +97% +310W", page), page
    Path("end").touch()
    assert started[0].wait(60) == 0
    trials = bluefin("trials", "--storage", "sqlite:///lr.db", "--study-name", "lr", "-f", "json")
    used = json.loads(trials.stdout)[0]["user_attrs"]["bluefin:telemetry"]
    assert used["peak_memory_bytes"] == (40960 - 500) * 2**20
    assert 0 < used["gpu_busy_seconds"] <= used["wall_seconds"]
    assert used["utilisation"] == pytest.approx(used["gpu_busy_seconds"] / used["wall_seconds"], abs=1e-5)
    assert used["energy_joules"] > 0
    assert used["peak_host_bytes"] > 100_000


# --- a terminal --------------------------------------------------------------------------------------------------------


class Terminal:
    """`bluefin status --watch` on a terminal of 80 x 24."""

    def __init__(self, *arguments, **environment):
        self.controller, self.device = pty.openpty()
        self.resize(24, 80)
        self.text = ""
        self.process = subprocess.Popen(
            [BLUEFIN, "status", "--watch", "--interval", "0.1", *arguments],
            stdin=self.device,
            stdout=self.device,
            stderr=self.device,
            env={**os.environ, "TERM": "xterm", **environment},
        )
        os.close(self.device)
        os.set_blocking(self.controller, False)
        started.append(self.process)

    def resize(self, lines, columns):
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def shows(self, pattern):
        def look():
            try:
                self.text += os.read(self.controller, 1 << 16).decode(errors="replace")
            except (BlockingIOError, OSError):
                pass
            return re.search(pattern, self.text) is not None

        return eventually(look)


def test_watch_draws_again_and_again_and_leaves_the_last_screen():
    start(run("lr", REPORTS, "--cpu-slots", "1", "--n-trials", "1"))
    rows_with(lambda row: row["last_report"] is not None)
    terminal = Terminal()
    assert terminal.shows(r"CPU 0")
    assert "\x1b[1m" in terminal.text  # colours, and a cursor that is hidden
    assert terminal.text.startswith("\x1b[?25l\x1b[2J\x1b[H")
    assert "\x1b[?1049h" not in terminal.text  # not on a second screen, which would be gone at the end
    terminal.text = ""
    assert terminal.shows(r"CPU 0[\s\S]*\x1b\[H[\s\S]*CPU 0")
    # Another size is drawn at once, with all that was there wiped off.
    terminal.text = ""
    terminal.resize(30, 120)
    assert terminal.shows(r"\x1b\[2J")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(60) == 0
    assert terminal.shows(r"\x1b\[\?25h")
    assert terminal.text.rstrip().endswith("\x1b[J\x1b[?25h")
    assert started[0].poll() is None  # what is watched goes on


def test_no_color_is_honoured():
    start(run("lr", REPORTS, "--cpu-slots", "1", "--n-trials", "1"))
    rows_with(lambda row: row["trial"] is not None)
    terminal = Terminal(NO_COLOR="1")
    assert terminal.shows(r"CPU 0")
    assert not re.search(r"\x1b\[\d*m", terminal.text)


def test_watch_into_a_program_is_a_line_of_json_each_time():
    start(run("lr", REPORTS, "--cpu-slots", "1", "--n-trials", "1"))
    rows_with(lambda row: row["trial"] is not None)
    watch = start([BLUEFIN, "status", "--watch", "--json", "--interval", "0.1"])
    lines = [json.loads(watch.stdout.readline()) for _ in range(3)]
    assert all(line["study"]["name"] == "lr" for line in lines)
    watch.send_signal(signal.SIGTERM)
    assert watch.wait(60) == 0


# --- Python ------------------------------------------------------------------------------------------------------------

PROGRAM = """
import os, sys, time, bluefin
def objective(trial):
    step = 0
    while not os.path.exists("end"):
        step += 1
        trial.report(0.25, step)
        time.sleep(0.02)
    return 1.0
if __name__ == "__main__":
    bluefin.logging.set_verbosity(bluefin.logging.ERROR)
    study = bluefin.create_study(study_name="py", storage=sys.argv[1] if len(sys.argv) > 1 else None)
    study.optimize(objective, n_trials=4, n_workers=2, fake_gpus=2)
    for trial in study.trials:
        used = trial.user_attrs["bluefin:telemetry"]
        assert used["wall_seconds"] > 0 and used["peak_host_bytes"] > 1e6, used
"""


@pytest.mark.parametrize("storage", ["sqlite:///py.db", None])
def test_workers_of_python_are_seen(storage):
    Path("program.py").write_text(PROGRAM)
    start([sys.executable, "program.py", *([storage] if storage else [])])
    now = rows_with(lambda row: row["trial"] is not None and row["peak_host_bytes"], n=2)
    assert [row["slot"] for row in now["slots"]] == ["GPU 0", "GPU 1"]
    assert now["runs"][0]["n_trials"] == 4
    page = bluefin("status").stdout
    assert "GPU 1" in page
    if storage:
        assert rows_with(lambda row: row["last_report"] is not None, n=2)["study"]["trials"]["running"] == 2
    else:
        assert "cannot be read from here" in page
    Path("end").touch()
    _, errors = started[0].communicate(timeout=60)
    assert started[0].returncode == 0, errors
    assert not list(Path("locks").glob("run.*"))


# --- wrong usage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 1, "no run of any study on this machine"),
        (["--study-name", "x"], 1, "no run of study x on this machine"),
        (["--storage", "sqlite:///none.db"], 1, "there is no such file"),
        (["--interval", "1"], 2, "--interval is for --watch"),
        (["--watch", "--interval", "0"], 2, "--interval 0: expected seconds, 0.1 to 86400"),
        (["--watch", "--interval", "soon"], 2, "--interval soon: expected seconds"),
    ],
)
def test_what_cannot_be_shown_is_said(arguments, code, message):
    done = bluefin("status", *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert not Path("none.db").exists()
