# SPDX-License-Identifier: MIT
"""`bluefin run` and run_main() from outside: real processes, real signals, real SQLite files."""

import json
import os
import pty
import re
import resource
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from processes import eventually
from processes import is_gone
from processes import pids

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
TOOLS = BUILD / "tests" / "tools"
PARABOLA = ["--space", "space.json", "--", "awk", "BEGIN {{ print ({x} - 2) ^ 2 }}"]
STORAGE = ["--storage", "sqlite:///s.db", "--study-name", "s"]
CREATE = STORAGE + ["--create", "--sampler", "random"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "OMP_NUM_THREADS", "BLUEFIN_FD"):
        monkeypatch.delenv(name, raising=False)
    Path("space.json").write_text('{"x": {"type": "float", "low": -5, "high": 5}}')
    yield tmp_path
    for process in started:
        process.kill()
        process.communicate()
    started.clear()


started = []


def bluefin(*arguments, **options):
    return subprocess.run([BLUEFIN, "run", *arguments], capture_output=True, text=True, timeout=120, **options)


def start(*arguments, **options):
    process = subprocess.Popen(
        [BLUEFIN, "run", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    started.append(process)
    return process


def rows(query, path="s.db"):
    with sqlite3.connect(path, timeout=60) as connection:
        return connection.execute(query).fetchall()


def states(path="s.db"):
    return [state for (state,) in rows("SELECT state FROM trials ORDER BY number", path)]


# --- any program -----------------------------------------------------------------------------------------------------


def test_any_program_is_tuned_and_the_study_is_joined():
    first = bluefin(*CREATE, "--n-trials", "6", "--workers", "2", *PARABOLA)
    assert first.returncode == 0, first.stderr
    assert "6 trials" in first.stdout and "best: trial" in first.stdout and "optuna-dashboard" in first.stdout
    assert len(re.findall(r"^ +#\d+  (done|best) ", first.stderr, re.M)) == 6
    assert "\x1b" not in first.stderr and "\r" not in first.stderr
    second = bluefin(*STORAGE, "--n-trials", "2", "--workers", "1", *PARABOLA)
    assert second.returncode == 0, second.stderr
    assert states() == ["COMPLETE"] * 8
    assert bluefin(*CREATE, "--n-trials", "0", *PARABOLA).returncode == 1  # joins, but completes nothing
    best = min(rows("SELECT value FROM trial_values"))[0]
    assert f"with value {best!r}" in second.stdout


def test_quiet_says_nothing():
    result = bluefin(*CREATE, "--n-trials", "2", "--quiet", *PARABOLA)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_what_differs_from_the_study_is_said_on_the_screen_and_in_the_log():
    assert bluefin(*CREATE, "--seed", "3", "--n-trials", "1", *PARABOLA).returncode == 0
    same = bluefin(*STORAGE, "--n-trials", "1", *PARABOLA)
    assert "was made with" not in same.stderr
    other = bluefin(*STORAGE, "--sampler", "tpe", "--seed", "4", "--log-file", "log", "--n-trials", "1", *PARABOLA)
    for text in (other.stderr, Path("log").read_text()):
        assert "was made with sampler 'random'" in text and "was made with seed 3" in text


def test_a_summary_that_cannot_be_written_is_an_error():
    for options in (["--n-trials", "1", *PARABOLA], ["--help"]):
        with open("/dev/full", "w") as full:
            command = [BLUEFIN, "run", *CREATE, *options]
            result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert result.returncode == 1 and result.stderr.endswith("bluefin: cannot write to standard output\n")
    assert states() == ["COMPLETE"]


def test_what_to_type_next_names_the_best_trial_only_if_there_is_one():
    none = bluefin(*CREATE, "--n-trials", "1", "--", "false")
    assert none.returncode == 1 and "bluefin trials" in none.stdout and "best-trial" not in none.stdout
    assert "  bluefin best-trial --storage" in bluefin(*CREATE, "--n-trials", "1", *PARABOLA).stdout


HOSTILE = "a\x1b[2J'b\\\x07\x1b]0;t\x07\n\u202ec\x9b31m"
OBEYED = set("\x1b\x07\u202e\x9b\r")


def test_names_choices_and_errors_cannot_make_a_terminal_obey():
    Path("space.json").write_text(json.dumps({HOSTILE: [HOSTILE, HOSTILE + "2"]}))
    options = ["--storage", "sqlite:///s.db", "--study-name", HOSTILE, "--log-file", "log"]
    script = "printf 'no\\033[2J' >&2; exit 3"
    failed = bluefin(*options, "--create", "--max-failures-in-row", "1", "--", "sh", "-c", script)
    assert failed.returncode == 1 and "stopped after 1 failures in a row" in failed.stderr
    done = bluefin(*options, "--n-trials", "2", "--space", "space.json", "--space-in-env", "--", "echo", "1")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^best: trial \d with value 1.0\n  a \[2J'b", done.stdout, re.M)
    unknown = bluefin("--storage", "sqlite:///s.db", "--study-name", "t", "--", "true")
    assert "(it holds: a [2J'b" in unknown.stderr
    program = [str(TOOLS / "run_main_tool"), "--workers", "a\x1b[2J"]
    wrong = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2
    texts = [text for run in (failed, done, unknown, wrong) for text in (run.stdout, run.stderr)]
    for text in [*texts, Path("log").read_text()]:
        assert not OBEYED & set(text), text
    # What is suggested is still the study, and can be pasted.
    best = re.search(r"^  bluefin (best-trial .*)$", done.stdout, re.M)
    shown = subprocess.run(["bash", "-c", f"{BLUEFIN} {best.group(1)} -f json"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert list(json.loads(shown.stdout)["params"]) == [HOSTILE]


def test_a_placeholder_without_a_space_is_said_once():
    for script in ("echo $1", "exit 3", "echo 1"):
        result = bluefin(*CREATE, "--n-trials", "2", "--workers", "1", "--", "sh", "-c", script, "sh", "--lr={lr}")
        said = [line for line in result.stderr.splitlines() if "{lr} among its arguments" in line]
        assert len(said) == 1 and said[0].startswith("warning: trial ") and "--space FILE" in said[0], result.stderr
    spoken = bluefin(*CREATE, "--n-trials", "1", "--", str(TOOLS / "trial_program"), "silent", "{lr}")
    braces = bluefin(*CREATE, "--n-trials", "1", "--", "sh", "-c", "lr=1; echo ${lr}; exit", "{}", "{0}", "{{lr}}", "{ lr }")
    filled = bluefin(*CREATE, "--n-trials", "1", *PARABOLA)
    for result in (spoken, braces, filled):
        assert "among its arguments" not in result.stderr, result.stderr


def test_a_malformed_report_fails_its_trial():
    for line in ("bluefin:report 1", "bluefin:report one 2", "bluefin:report -1 2"):
        result = bluefin(*CREATE, "--n-trials", "1", "--", "sh", "-c", f"echo {line}; sleep 60")
        assert result.returncode == 1 and "protocol" in result.stderr, line
    assert states() == ["FAIL"] * 3


def test_storage_comes_from_the_environment():
    environment = {**os.environ, "OPTUNA_STORAGE": "sqlite:///o.db"}
    options = ["--study-name", "s", "--create", "--n-trials", "1", *PARABOLA]
    assert bluefin(*options, env=environment).returncode == 0
    environment["BLUEFIN_STORAGE"] = "sqlite:///b.db"
    assert bluefin(*options, env=environment).returncode == 0
    assert Path("o.db").exists() and states("b.db") == ["COMPLETE"]


def test_reports_prune_a_shell_script():
    Path("train.sh").write_text(
        "#!/bin/sh\n"
        "for step in 1 2 3; do echo bluefin:report $step $1; done\n"
        '[ "$1" = 0 ] || exec sleep 60\n'
        "echo $1\n"
    )
    os.chmod("train.sh", 0o755)
    Path("space.json").write_text('{"x": {"type": "int", "low": 0, "high": 9}}')
    queue = [word for x in (0, 5, 6) for word in ("--enqueue", json.dumps({"x": x}))]
    options = ["--pruner", "median", "--pruner-option", "n_startup_trials=1", "--workers", "1", "--n-trials", "3"]
    result = bluefin(*CREATE, *options, *queue, "--space", "space.json", "--", "./train.sh", "{x}")
    assert result.returncode == 0, result.stderr
    assert states() == ["COMPLETE", "PRUNED", "PRUNED"]
    assert rows("SELECT count(*) FROM trial_intermediate_values")[0][0] == 5
    assert rows("SELECT value FROM trial_values ORDER BY trial_id") == [(0.0,), (5.0,), (6.0,)]


def test_failures_in_a_row_stop_the_run_and_show_the_error_output():
    result = bluefin(*CREATE, "--n-trials", "50", "--workers", "1", "--max-failures-in-row", "4",
                     "--", "sh", "-c", "echo broken pipe dream >&2; exit 7")  # fmt: skip
    assert result.returncode == 1
    assert "stopped after 4 failures in a row" in result.stderr
    assert "exit code 7\nbroken pipe dream" in result.stderr
    assert states() == ["FAIL"] * 4
    attributes = dict(rows("SELECT key, value_json FROM trial_user_attributes WHERE trial_id = 1"))
    assert json.loads(attributes["bluefin:fail"]) == "exit:7"
    assert json.loads(attributes["bluefin:error"]) == "exit code 7"
    assert json.loads(attributes["bluefin:stderr"]) == "broken pipe dream"


def test_enqueued_configurations_run_first():
    result = bluefin(*CREATE, "--n-trials", "3", "--workers", "1", "--enqueue", '{"x": 2}', "--enqueue", '{"x": 3}',
                     *PARABOLA)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert [value for (value,) in rows("SELECT value FROM trial_values ORDER BY trial_id")][:2] == [0.0, 1.0]


def test_several_objectives():
    result = bluefin(*STORAGE, "--create", "--directions", "minimize", "maximize", "--n-trials", "4", "--workers", "1",
                     "--space", "space.json", "--", "sh", "-c", "echo {x} 1")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "Pareto front" in result.stdout
    assert rows("SELECT count(*) FROM trial_values")[0][0] == 8


def test_threads_of_children_are_limited_unless_the_user_says_otherwise():
    cores = len(os.sched_getaffinity(0))
    program = ["--", "sh", "-c", "[ $OMP_WAIT_POLICY = passive ] && echo $OMP_NUM_THREADS"]
    assert bluefin(*CREATE, "--n-trials", "1", "--workers", "1", *program).returncode == 0
    environment = {**os.environ, "OMP_NUM_THREADS": "17"}
    assert bluefin(*CREATE, "--n-trials", "1", "--workers", "1", *program, env=environment).returncode == 0
    assert rows("SELECT value FROM trial_values ORDER BY trial_id") == [(float(cores),), (17.0,)]


def test_a_seed_repeats_a_run():
    values = []
    for name in ("a", "b"):
        options = ["--storage", f"sqlite:///{name}.db", "--study-name", "s", "--create", "--seed", "7"]
        assert bluefin(*options, "--n-trials", "15", "--workers", "1", *PARABOLA).returncode == 0
        values.append(rows("SELECT param_value FROM trial_params ORDER BY trial_id", f"{name}.db"))
    assert values[0] == values[1] and len(set(values[0])) == 15


# --- wrong use -------------------------------------------------------------------------------------------------------

WRONG = {
    "no program": (["--storage", "sqlite:///s.db"], "after --"),
    "unknown option": (["--trials", "3", "--", "true"], "--trials"),
    "argument before --": (["3", "--", "true"], "unexpected argument '3'"),
    "no storage": (["--", "true"], "no storage"),
    "program missing": ([*CREATE, "--", "no-such-program"], "not in $PATH"),
    "program not executable": ([*CREATE, "--", "./space.json"], "not an executable file"),
    "script without its interpreter": ([*CREATE, "--", "./interpreter.sh"], "./interpreter.sh needs the interpreter /no/such"),
    "script without #!": ([*CREATE, "--", "./plain.sh"], "./plain.sh is no program, and no script"),
    "Python without its interpreter": (
        [*CREATE, "--python-program", "./interpreter.sh", "--python", "x.py:f"],
        "Python: program ./interpreter.sh needs the interpreter /no/such",
    ),
    "placeholder without parameter": ([*CREATE, "--space", "space.json", "--", "echo", "{x}{y}"], "{y}"),
    "parameter without placeholder": ([*CREATE, "--space", "space.json", "--", "echo"], '"x"'),
    "space file missing": ([*CREATE, "--space", "none.json", "--", "echo"], "none.json"),
    "space file broken": ([*CREATE, "--space", "broken.json", "--", "echo"], "broken.json, line 2, column 14"),
    "space file with a huge number": ([*CREATE, "--space", "huge.json", "--", "echo", "{x}"], "too large for a double"),
    "space file with half an integer": ([*CREATE, "--space", "half.json", "--", "echo", "{x}"], "must be an integer"),
    "space file with low > high": ([*CREATE, "--space", "bounds.json", "--", "echo", "{x}"], "line 1, column 43"),
    "space file that is empty": ([*CREATE, "--space", "empty.json", "--", "echo"], "empty.json, line 1, column 1: empty"),
    "bad direction": ([*STORAGE, "--create", "--direction", "up", "--", "true"], "'up'"),
    "two ways of directions": (
        [*STORAGE, "--direction", "minimize", "--directions", "maximize", "--", "true"],
        "together",
    ),
    "bad n-trials": ([*CREATE, "--n-trials", "many", "--", "true"], "many"),
    "negative n-trials": ([*CREATE, "--n-trials=-1", "--", "true"], "n_trials = -1"),
    "no workers": ([*CREATE, "--workers", "0", "--", "true"], "workers = 0"),
    "bad timeout": ([*CREATE, "--timeout", "5 years", "--", "true"], "90s, 5m, 2h"),
    "unknown sampler": ([*STORAGE, "--create", "--sampler", "magic", "--", "true"], "magic"),
    "unknown sampler option": ([*STORAGE, "--create", "--sampler-option", "magic=1", "--", "true"], "magic"),
    "sampler option without value": ([*STORAGE, "--create", "--sampler-option", "magic", "--", "true"], "NAME=VALUE"),
    "unknown pruner": ([*STORAGE, "--create", "--pruner", "magic", "--", "true"], "magic"),
    "enqueue no JSON": ([*CREATE, "--enqueue", "x=3", "--", "true"], "JSON object"),
    "enqueue a list": ([*CREATE, "--enqueue", '{"x": [1]}', "--", "true"], "'x'"),
    "enqueue another name": ([*CREATE, "--enqueue", '{"y": 1}', *PARABOLA], "'y'"),
    "enqueue a word for a number": ([*CREATE, "--enqueue", '{"x": "a"}', *PARABOLA], "--enqueue: parameter 'x': 'a' is"),
    "enqueue an integer beyond 64 bits": (
        [*CREATE, "--enqueue", '{"x": 18446744073709551615}', *PARABOLA],
        "too large",
    ),
    "enqueue a name twice": ([*CREATE, "--enqueue", '{"x": 1, "x": 2}', *PARABOLA], "two values"),
    "hint of a parameter that is not there": (
        [*CREATE, "--resource-hint", "a=x*zz", *PARABOLA],
        "--resource-hint a: 'zz' is not a parameter of the space file",
    ),
    "negative seed": ([*CREATE, "--seed", "-1", *PARABOLA], "--seed '-1'"),
    "a time beyond all clocks": ([*CREATE, "--grace", "1e300", *PARABOLA], "--grace '1e300'"),
    "space-in-env alone": ([*CREATE, "--space-in-env", "--", "true"], "--space"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_sentence_and_code_2(case):
    Path("broken.json").write_text('{\n  "x": [1, 2,]\n}\n')
    Path("bounds.json").write_text('{"x": {"type": "float", "low": 2, "high": 1}}')
    Path("huge.json").write_text('{"x": {"type": "float", "low": 0, "high": 1e400}}')
    Path("empty.json").touch()
    Path("half.json").write_text('{"x": {"type": "int", "low": 0.5, "high": 3}}')
    for name, line in {"interpreter.sh": "#!/no/such/interpreter", "plain.sh": "echo 1"}.items():
        Path(name).write_text(f"{line}\n")
        Path(name).chmod(0o755)
    arguments, words = WRONG[case]
    result = bluefin(*arguments)
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1 and result.stdout == ""
    assert words in result.stderr
    assert not Path("s.db").exists()


def test_unknown_studies_and_other_directions_are_errors():
    assert bluefin(*CREATE, "--n-trials", "1", *PARABOLA).returncode == 0
    unknown = bluefin("--storage", "sqlite:///s.db", "--study-name", "t", *PARABOLA)
    assert unknown.returncode == 1 and "(it holds: s)" in unknown.stderr
    for options in ([], ["--create"]):
        other = bluefin(*STORAGE, *options, "--direction", "maximize", *PARABOLA)
        assert other.returncode == 1 and "direction" in other.stderr
    Path("text.db").write_text("this is no database, it is only a text that is long enough to be looked at\n" * 20)
    assert bluefin("--storage", "sqlite:///text.db", "--study-name", "s", "--create", *PARABOLA).returncode == 1


def test_help_shows_an_example():
    result = bluefin("--help")
    assert result.returncode == 0 and "example:" in result.stdout and "--max-failures-in-row" in result.stdout


# --- signals ---------------------------------------------------------------------------------------------------------


def test_ctrl_c_once_lets_running_trials_finish():
    process = start(*CREATE, "--workers", "2", "--", "sh", "-c", "echo $$ >> pids; sleep 1; echo 1",
                    start_new_session=True)  # fmt: skip
    assert eventually(lambda: len(pids()) == 2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert states() == ["COMPLETE", "COMPLETE"]
    assert "waiting for 2 running trials" in err and "stopped by a signal" in out


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]])
def test_ctrl_c_twice_or_term_stops_at_once(signals):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and a program inherits that
    process = start(*CREATE, "--workers", "2", "--", "sh", "-c", "echo $$ >> pids; exec sleep 60",
                    start_new_session=True)  # fmt: skip
    assert eventually(lambda: len(pids()) == 2)
    for number in signals:
        os.killpg(process.pid, number)
        time.sleep(0.2)
    process.communicate(timeout=20)
    assert process.returncode == 1
    assert states() == ["FAIL", "FAIL"]
    kinds = rows("SELECT value_json FROM trial_user_attributes WHERE key = 'bluefin:fail'")
    assert kinds == [('"interrupted"',)] * 2
    assert all(is_gone(pid) for pid in pids())


def test_a_program_that_ignores_term_is_killed_after_the_grace():
    process = start(*CREATE, "--workers", "1", "--grace", "0.3s", "--", str(TOOLS / "trial_program"), "hang-hard",
                    "pids")  # fmt: skip
    assert eventually(lambda: len(pids()) == 1)
    begin = time.monotonic()
    process.terminate()
    process.communicate(timeout=20)
    assert time.monotonic() - begin >= 0.3
    assert states() == ["FAIL"] and is_gone(pids()[0])


def test_children_of_a_killed_supervisor_die_and_the_other_supervisor_goes_on():
    # What the program starts itself dies with it: sh and its sleep are one group.
    victim = start(*CREATE, "--workers", "2", "--", "sh", "-c", "echo $$ >> pids; sleep 60 & echo $! >> pids; wait")
    other = start(*CREATE, "--workers", "2", "--n-trials", "60", "--", "sh", "-c", "sleep 0.02; echo 1")
    assert eventually(lambda: len(pids()) == 4)
    victim.kill()
    killed = time.monotonic()
    assert eventually(lambda: all(is_gone(pid) for pid in pids()))
    assert time.monotonic() - killed < 1.0
    victim.communicate(timeout=20)
    other.communicate(timeout=120)
    assert other.returncode == 0
    # The other one fails the two that were lost, if it still runs a second later.
    assert states().count("COMPLETE") == 60 and len(states()) == 62


def test_two_supervisors_share_one_file():
    processes = [start(*CREATE, "--workers", "2", "--n-trials", "200", *PARABOLA) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    numbers = [number for (number,) in rows("SELECT number FROM trials")]
    assert sorted(numbers) == list(range(400))
    assert states() == ["COMPLETE"] * 400
    shown = re.findall(r"^ +#(\d+) ", outputs[0][1] + outputs[1][1], re.M)
    assert sorted(map(int, shown)) == list(range(400))


def test_a_storage_error_ends_the_run_and_its_children():
    process = start(*CREATE, "--workers", "2", "--", str(TOOLS / "trial_program"), "reporter", "pids")
    assert process.stderr.readline().startswith("study s in")
    assert eventually(lambda: len(pids()) == 2)
    rows("DROP TABLE trial_intermediate_values")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "trial_intermediate_values" in err
    assert all(is_gone(pid) for pid in pids())


def test_a_limit_of_a_files_size_ends_the_run_with_a_sentence():
    """SIGXFSZ would end the process without one."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which Python ignores

    done = bluefin(*CREATE, "--workers", "2", "--n-trials", "1000", *PARABOLA, preexec_fn=limit)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    before = states()
    assert len(before) > 5 and before.count("COMPLETE") > 2
    done = bluefin(*CREATE, "--n-trials", "2", *PARABOLA)
    assert done.returncode == 0, done.stderr
    assert states()[: len(before)].count("COMPLETE") == before.count("COMPLETE")
    assert "RUNNING" not in states()


# --- the protocol and run_main ---------------------------------------------------------------------------------------

CLIENT = """
import json, os, socket
s = socket.socket(fileno=int(os.environ["BLUEFIN_FD"]))
lines = s.makefile("rw")
def call(**request):
    lines.write(json.dumps(request) + "\\n"); lines.flush()
    return json.loads(lines.readline())
hello = call(op="hello", version=1)
assert hello["number"] == int(os.environ["BLUEFIN_TRIAL_NUMBER"]) and hello["directions"] == ["maximize"]
assert hello["params"] == json.loads(os.environ["BLUEFIN_PARAMS"])
units = call(op="suggest", name="units", distribution={"type": "int", "low": 16, "high": 64, "step": 16})["value"]
kind = call(op="suggest", name="kind", distribution=["a", None, True, 2, 0.5])
assert ["a", None, True, 2, 0.5][kind["index"]] == kind["value"]
assert call(op="suggest", name="units", distribution=["a"])["error"]["code"] == "conflict"
assert call(op="report", step=0, value=float("nan")) == {"ok": True, "prune": False}
assert call(op="set_user_attr", key="k", value={"a": [1, "\\u00e9"]})["ok"]
assert not call(op="tell", values=[1, 2])["ok"]
assert call(op="tell", values=[units])["ok"]
assert call(op="tell", values=[units])["error"]["code"] == "conflict"
print("this is no value")
"""


def test_a_client_in_another_language():
    Path("client.py").write_text(CLIENT)
    result = bluefin(*CREATE, "--direction", "maximize", "--n-trials", "3", "--workers", "1", "--space", "space.json",
                     "--space-in-env", "--", sys.executable, "client.py")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert states() == ["COMPLETE"] * 3
    assert rows("SELECT count(*) FROM trial_params")[0][0] == 9
    assert json.loads(rows("SELECT value_json FROM trial_user_attributes LIMIT 1")[0][0]) == {"a": [1, "é"]}


def test_run_main_alone_is_a_study_and_under_bluefin_run_one_trial():
    program = str(TOOLS / "run_main_tool")
    alone = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert alone.returncode == 0, alone.stderr
    assert states("run_main_tool.db") == ["COMPLETE"] * 8
    assert "best: trial 0 with value 0.0" in alone.stdout  # the configuration to run first
    again = subprocess.run([program, "--n-trials", "2"], capture_output=True, text=True, timeout=60)
    assert again.returncode == 0 and len(states("run_main_tool.db")) == 10
    assert rows("SELECT count(*) FROM trial_params WHERE param_value = 2.0", "run_main_tool.db") == [(1,)]
    under = bluefin(*CREATE, "--n-trials", "3", "--workers", "1", "--", program)
    assert under.returncode == 0, under.stderr
    assert states() == ["COMPLETE"] * 3
    wrong = subprocess.run([program, "--workers", "none"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "none" in wrong.stderr
    assert "Finds the lowest point" in subprocess.run([program, "--help"], capture_output=True, text=True).stdout


def test_a_terminal_gets_a_progress_line_and_no_line_is_too_long():
    master, slave = pty.openpty()
    subprocess.run(["stty", "cols", "60"], stdin=slave, check=True)
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([BLUEFIN, "run", *CREATE, "--n-trials", "8", "--workers", "2", "--space", "space.json",
                                "--", "sh", "-c", "sleep 0.2; echo {x}"],
                               stdout=subprocess.DEVNULL, stderr=slave, env=environment)  # fmt: skip
    os.close(slave)
    text = b""
    while select.select([master], [], [], 30)[0]:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        text += data
    process.wait(timeout=30)
    os.close(master)
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", text.decode())
    assert re.search(r"\d/8  \d done  0 pruned  0 failed  \d running", plain)
    study, *lines = re.split(r"[\r\n]+", plain)
    assert study.startswith("study s in sqlite:///s.db") and all(len(line) <= 60 for line in lines)
    assert "\x1b[" in text.decode()


def test_an_attached_program_ends_with_code_1_when_its_supervisor_is_gone():
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([str(TOOLS / "trial_program"), "reporter", "pids"], pass_fds=[theirs.fileno()],
                               env={**os.environ, "BLUEFIN_FD": str(theirs.fileno())})  # fmt: skip
    theirs.close()
    started.append(process)
    lines = ours.makefile("rw")
    hello = {"op": "hello", "version": 1, "client": "bluefin-c++ 0.1.0", "prestart": True}
    assert json.loads(lines.readline()) == hello
    hello = {"ok": True, "version": 1, "number": 3, "directions": ["minimize"], "params": {}, "distributions": {}}
    print(json.dumps({**hello, "something": "new"}), file=lines, flush=True)
    assert json.loads(lines.readline()) == {"op": "report", "step": 0, "value": 1.0}
    lines.close()
    ours.close()
    assert process.wait(timeout=20) == 1


def test_the_log_file_holds_what_was_shown():
    result = bluefin(*CREATE, "--n-trials", "3", "--workers", "1", "--log-file", "log", *PARABOLA)
    assert result.returncode == 0
    log = Path("log").read_text()
    assert log.startswith(result.stderr) and "3 complete" in log
