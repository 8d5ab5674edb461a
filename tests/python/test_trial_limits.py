# SPDX-License-Identifier: MIT
"""`bluefin run` and `bluefin logs` from outside: what trials print, limits of a trial, and what is left of a supervisor that
was killed."""

import json
import os
from pathlib import Path
import signal
import sqlite3
import subprocess
import time

import pytest

from processes import eventually
from processes import is_gone
from processes import pids

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
TOOLS = BUILD / "tests" / "tools"
STORAGE = ["--storage", "sqlite:///s.db", "--study-name", "s"]

started = []


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "BLUEFIN_FD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(tmp_path / "locks"))
    yield tmp_path
    for process in started:
        process.kill()
        process.communicate()
    started.clear()


def bluefin(*words):
    return subprocess.run([BLUEFIN, *words], capture_output=True, text=True, timeout=120)


def command(*options, script, storage=STORAGE):
    return ["run", *storage, "--create", "--sampler", "random", "--workers", "1", *options, "--", "sh", "-c", script]


def run(*options, script, storage=STORAGE):
    return bluefin(*command(*options, script=script, storage=storage))


def start(*options, script, **more):
    words = [BLUEFIN, *command(*options, script=script)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    started.append(process)
    return process


def rows(query):
    with sqlite3.connect("s.db", timeout=60) as connection:
        return connection.execute(query).fetchall()


def attributes(key):
    query = f"SELECT value_json FROM trial_user_attributes WHERE key = '{key}' ORDER BY trial_id"
    return [json.loads(text) for (text,) in rows(query)]


def states():
    return [state for (state,) in rows("SELECT state FROM trials ORDER BY number")]


# --- what trials print -------------------------------------------------------------------------------------------------


def test_output_is_kept_beside_the_storage_and_shown():
    script = 'echo "trial $BLUEFIN_TRIAL_NUMBER"; for i in 1 2 3; do echo "line $i"; done; echo 1'
    assert run("--n-trials", "2", script=script).returncode == 0
    assert Path("s.db.logs/s/1.log").read_text() == "trial 1\nline 1\nline 2\nline 3\n1\n"
    shown = bluefin("logs", *STORAGE, "1")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "trial 1\nline 1\nline 2\nline 3\n1\n", "")
    assert bluefin("logs", *STORAGE, "--trial-number", "0", "--tail", "2").stdout == "line 3\n1\n"
    assert bluefin("logs", "--storage", "s.db", "0", "--tail", "100").stdout.startswith("trial 0\n")
    assert bluefin("logs", *STORAGE, "0", "--tail", "0").stdout == ""
    for words, sentence in {("7",): "study s has no trial 7", ("0", "--tail", "-1"): "--tail -1 must be >= 0"}.items():
        wrong = bluefin("logs", *STORAGE, *words)
        assert wrong.returncode in (1, 2) and sentence in wrong.stderr and wrong.stdout == ""


def test_no_log_is_said_with_its_reasons():
    assert run("--n-trials", "1", "--no-logs", script="echo 1").returncode == 0
    assert not Path("s.db.logs").exists()
    missing = bluefin("logs", *STORAGE, "0")
    assert missing.returncode == 1
    assert "s.db.logs/s/0.log: trial 0 has printed nothing, or its run had --no-logs" in missing.stderr


def test_logs_go_where_they_are_wanted():
    assert run("--n-trials", "1", "--log-dir", "elsewhere/logs", script="echo 1").returncode == 0
    assert Path("elsewhere/logs/s/0.log").read_text() == "1\n"
    assert bluefin("logs", *STORAGE, "--log-dir", "elsewhere/logs", "0").stdout == "1\n"


@pytest.mark.parametrize("name", ["../../up", "..", "/etc/passwd", "a b\n%", "x" * 400])
def test_no_studys_name_leads_out_of_the_folder(name, folder):
    storage = ["--storage", "sqlite:///s.db", "--study-name", name]
    assert run("--n-trials", "1", script="echo 1", storage=storage).returncode == 0
    (log,) = Path("s.db.logs").rglob("*.log")
    assert len(log.relative_to("s.db.logs").parts) == 2 and log.read_text() == "1\n"
    assert {path.name for path in folder.iterdir()} <= {"s.db", "s.db-wal", "s.db-shm", "s.db.bf-wlock", "s.db.logs"}
    assert bluefin("logs", *storage, "0").stdout == "1\n"


def test_of_a_long_log_the_middle_is_left_out():
    script = "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; echo 1"
    assert run("--n-trials", "1", "--log-limit", "100kB", script=script).returncode == 0
    text = Path("s.db.logs/s/0.log").read_text()
    assert len(text) < 101_000
    assert text.startswith("line 0\nline 1\n") and text.endswith("line 29999\n1\n")
    assert text.count("bytes are left out here, the limit of this file is 100000 (--log-limit)") == 1


def test_logs_are_followed_until_the_trial_ends():
    process = start("--n-trials", "1", script="echo first; while [ ! -e go ]; do sleep 0.02; done; echo last; echo 1")
    assert eventually(lambda: Path("s.db.logs/s/0.log").exists())
    follow = subprocess.Popen([BLUEFIN, "logs", *STORAGE, "0", "--follow"], stdout=subprocess.PIPE, text=True)
    started.append(follow)
    assert follow.stdout.readline() == "first\n"
    Path("go").touch()
    assert follow.communicate(timeout=30)[0] == "last\n1\n"
    process.communicate(timeout=30)


def test_a_failure_shows_and_stores_the_last_twenty_lines():
    done = run("--n-trials", "1", script="i=0; while [ $i -lt 50 ]; do echo err $i >&2; i=$((i+1)); done; exit 3")
    assert done.returncode == 1
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip().startswith("| ")]
    assert lines == [f"| err {i}" for i in range(30, 50)]
    assert attributes("bluefin:stderr") == ["\n".join(f"err {i}" for i in range(30, 50))]
    assert attributes("bluefin:fail") == ["exit:3"] and attributes("bluefin:error") == ["exit code 3"]


# --- limits ------------------------------------------------------------------------------------------------------------


def test_limits_end_trials_in_their_class():
    options = ["--trial-timeout", "2.5s", "--report-timeout", "1.5", "--memory-limit", "64MiB", "--grace", "0.2"]
    script = (
        "case $BLUEFIN_TRIAL_NUMBER in 0) sleep 60 ;; 1) while :; do echo bluefin:report 1 1; sleep 0.1; done ;; "
        f"2) exec {TOOLS}/trial_program allocate ;; esac; echo 1"
    )
    assert run(*options, "--n-trials", "4", script=script).returncode == 0
    assert states() == ["FAIL", "FAIL", "FAIL", "COMPLETE"]
    assert attributes("bluefin:fail") == ["no-report", "timeout", "oom-host"]
    assert "more than its limit of 64 MiB" in attributes("bluefin:error")[2]


def test_a_program_with_run_main_has_the_same_limits():
    program = str(TOOLS / "run_main_tool")
    words = [program, "--storage", "sqlite:///s.db", "--n-trials", "1", "--workers", "1", "--memory-limit", "1MiB"]
    subprocess.run(words, capture_output=True, timeout=60)  # may be too fast to be looked at
    assert "--trial-timeout" in subprocess.run([program, "--help"], capture_output=True, text=True).stdout
    wrong = subprocess.run([program, "--memory-limit", "1"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "memory_limit = 1 bytes, must be at least 1 MiB" in wrong.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--trial-timeout", "0"], "trial_timeout = 0 s, must be > 0"),
        (["--trial-timeout", "soon"], "--trial-timeout 'soon' must be a time"),
        (["--report-timeout", "10m", "--trial-timeout", "5m"], "report_timeout = 600 s, must be shorter than"),
        (["--memory-limit", "lots"], "--memory-limit 'lots' must be a size"),
        (["--memory-limit", "12Q"], "--memory-limit '12Q' must be a size"),
        (["--memory-limit", "1k"], "memory_limit = 1024 bytes, must be at least 1 MiB"),
        (["--log-limit", "1k"], "log_limit = 1024 bytes, must be at least 64 KiB"),
        (["--no-logs", "--log-dir", "x"], "--no-logs and --log-dir cannot be given together"),
        (["--no-logs", "--log-limit", "1MB"], "--no-logs and --log-limit cannot be given together"),
        (["--directions", "minimize", "maximize", "--report-timeout", "9"], "report_timeout is for studies with one"),
    ],
)
def test_limits_that_cannot_be_are_one_sentence_and_no_trial(options, sentence):
    wrong = run(*options, "--n-trials", "1", script="echo 1")
    assert wrong.returncode == 2
    assert sentence in wrong.stderr and wrong.stderr.count("\n") == 1, wrong.stderr
    assert not Path("s.db").exists() or states() == []


def test_memory_that_the_kernel_takes_back_is_a_class_of_its_own(folder):
    """The run in a control group of its own that has too little."""
    groups = Path("/proc/self/cgroup").read_text().splitlines()
    v1 = [line.split(":", 2)[2] for line in groups if "memory" in line.split(":")[1].split(",")]
    parent = Path("/sys/fs/cgroup/memory" + v1[0]) if v1 else Path("/sys/fs/cgroup" + groups[-1].split(":", 2)[2])
    group = parent / f"bluefin-test-{os.getpid()}"
    limit = group / ("memory.limit_in_bytes" if v1 else "memory.max")
    try:
        group.mkdir()
        limit.write_text(str(200 << 20))
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    try:
        script = f"[ $BLUEFIN_TRIAL_NUMBER = 0 ] && exec {TOOLS}/trial_program allocate; echo 1"
        words = [BLUEFIN, *command("--n-trials", "2", script=script)]
        enter = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group), *words]
        done = subprocess.run(enter, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert states() == ["FAIL", "COMPLETE"]
        assert attributes("bluefin:fail") == ["oom-host"]
        assert attributes("bluefin:error") == ["killed by the kernel because memory was short"]
    finally:
        assert eventually(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


# --- ends of a supervisor ----------------------------------------------------------------------------------------------

ESCAPES = (
    "setsid sh -c 'echo $$ >> pids; trap \"\" TERM HUP; sleep 60 & echo $! >> pids; wait' > /dev/null 2>&1 & "
    "sleep 60 & echo $! >> pids; echo $$ >> pids; wait"
)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_has_left_its_group_ends_with_the_supervisor(number):
    process = start("--grace", "0.2", script=ESCAPES)
    assert eventually(lambda: len(pids()) == 4)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert eventually(lambda: all(is_gone(pid) for pid in pids()))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_trials_of_a_stopped_supervisor_are_run_again_by_the_next(number):
    Path("space.json").write_text('{"x": {"type": "float", "low": 0, "high": 1}}')
    words = ["run", *STORAGE, "--create", "--sampler", "random", "--fake-gpus", "2", "--retry", "1"]
    program = ["--space", "space.json", "--", "sh", "-c"]
    first = subprocess.Popen([BLUEFIN, *words, *program, "echo {x} >> first; exec sleep 60"], stderr=subprocess.DEVNULL)
    started.append(first)
    assert eventually(lambda: Path("first").exists() and len(Path("first").read_text().split()) == 2)
    assert eventually(lambda: rows("SELECT count(*) FROM trial_params") == [(2,)])
    first.send_signal(number)
    first.wait(timeout=30)
    second = bluefin(*words, "--n-trials", "2", *program, "echo {x} >> second; echo {x}")
    assert second.returncode == 0, second.stderr
    assert sorted(states()) == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    assert attributes("bluefin:fail") == ["lost-worker" if number == signal.SIGKILL else "interrupted"] * 2
    assert sorted(Path("first").read_text().split()) == sorted(Path("second").read_text().split())
    history = rows("SELECT value_json FROM trial_system_attributes WHERE key = 'retry_history' ORDER BY trial_id")
    assert sorted(json.loads(text) for (text,) in history) == [[0], [1]]
