# SPDX-License-Identifier: MIT
"""What a trial of `bluefin run` can be: a function in Python, a plugin, a shell script, a client of the protocol."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")
PLUGINS = BUILD / "tests" / "tools"
CREATE = ["--storage", "sqlite:///s.db", "--study-name", "s", "--create", "--sampler", "random"]
ONE = [*CREATE, "--n-trials", "1", "--workers", "1"]

pytestmark = pytest.mark.skipif(not Path(BLUEFIN).exists(), reason="the command bluefin is not built")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "BLUEFIN_FD", "BLUEFIN_PYTHON", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{BUILD}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    Path("space.json").write_text('{"x": {"type": "float", "low": -5, "high": 5}}')
    return tmp_path


def bluefin(*arguments, **options):
    options.setdefault("timeout", 120)
    return subprocess.run([BLUEFIN, "run", *arguments], capture_output=True, text=True, **options)


def rows(query):
    with sqlite3.connect("s.db", timeout=60) as connection:
        return connection.execute(query).fetchall()


def states():
    return [state for (state,) in rows("SELECT state FROM trials ORDER BY number")]


def values():
    return [value for (value,) in rows("SELECT value FROM trial_values ORDER BY trial_id")]


def attributes(number):
    query = f"""SELECT key, value_json FROM trial_user_attributes
                JOIN trials USING (trial_id) WHERE number = {number}"""
    return {key: json.loads(value) for key, value in rows(query)}


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(textwrap.dedent(text))
    return path


# --- a function in Python --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[sys.executable], [sys.executable, "-I", "-S"]], ids=["all", "nothing"])
def test_a_function_in_python_is_an_objective(command):
    """Also for an interpreter that sees no installed package at all."""
    write("interpreter", f'#!/bin/sh\nexec {" ".join(command)} "$@"\n')
    os.chmod("interpreter", 0o755)
    write(
        "code/train.py",
        """
        import sys
        from helper import base  # beside it
        import bluefin_client

        assert __name__ == "train" and bluefin_client.TrialPruned

        def objective(trial):
            x = trial.suggest_float("x", -5, 5)
            assert trial.suggest_float("x", -5, 5) == x == trial.params["x"]
            units = trial.suggest_int("units", 16, 64, step=16)
            assert isinstance(units, int) and units % 16 == 0
            kind = trial.suggest_categorical("kind", ["a", None, True, 2, 0.5])
            trial.set_user_attr("kind", [kind, sys.argv[1:], trial.seed, trial.device, trial.study_name])
            trial.set_constraint("c", -1)
            trial.report(float("nan"), 0)
            trial.report(x, 1)
            assert not trial.should_prune()
            print("7 8 9")
            return base + units + trial.number
        """,
    )
    write("code/helper.py", "base = 1000\n")
    done = bluefin(*CREATE, "--n-trials", "3", "--workers", "2", "--python-program", "./interpreter",
                   "--python", "code/train.py:objective", "--", "--epochs", "{3}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 3
    units = [v for (v,) in rows("SELECT param_value FROM trial_params WHERE param_name = 'units' ORDER BY trial_id")]
    assert values() == [1000 + u + n for n, u in enumerate(units)]
    kind, arguments, seed, device, study = attributes(2)["kind"]
    assert arguments == ["--epochs", "{3}"] and isinstance(seed, int) and device is None and study == "s"
    assert rows("SELECT count(*) FROM trial_intermediate_values") == [(6,)]


def test_a_module_a_method_and_parameters_of_a_space_file():
    write("pkg/__init__.py", "")
    write(
        "pkg/mod.py",
        """
        import pickle
        import bluefin_client

        class Model:
            @staticmethod
            def score(trial):
                assert pickle.loads(pickle.dumps(bluefin_client.TrialPruned)) is bluefin_client.TrialPruned
                trial.suggest_int("n", 1, 3)
                return trial.params["x"] * 2
        """,
    )
    done = bluefin(*ONE, "--space", "space.json", "--python", "pkg.mod:Model.score", "--enqueue", '{"x": 1.5}',
                   "--python-program", sys.executable)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert values() == [3.0]
    assert rows("SELECT count(*) FROM trial_params") == [(2,)]


OUTCOMES = """
import sys

class OutOfMemoryError(RuntimeError):
    pass

def objective(trial):
    trial.report(3.0, 0)
    n = trial.number
    if n == 0:
        import bluefin_client
        raise bluefin_client.TrialPruned
    if n in (1, 2):
        module = type(sys)("optuna" if n == 1 else "bluefin")
        module.TrialPruned = type("TrialPruned", (Exception,), {})
        sys.modules[module.__name__] = module
        raise module.TrialPruned
    if n == 3:
        inner(trial)
    if n == 4:
        raise MemoryError
    if n == 5:
        raise OutOfMemoryError("CUDA out of memory")
    if n == 6:
        return [1, 2]
    if n == 7:
        return float("nan")
    if n == 8:
        sys.exit(3)
    if n == 9:
        trial.study.best_value
    if n == 10:
        return trial.suggest_float("y", 1, 0)
    return None if n == 11 else "12.5"

def inner(trial):
    raise LookupError("one line\\nand another")
"""


def test_what_an_objective_in_python_can_do_to_its_trial():
    write("train.py", OUTCOMES)
    done = bluefin(*CREATE, "--n-trials", "13", "--workers", "1", "--max-failures-in-row", "0", "--pruner", "nop",
                   "--python-program", sys.executable, "--python", "train.py:objective")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert states() == ["PRUNED"] * 3 + ["FAIL"] * 9 + ["COMPLETE"]
    assert values()[-1] == 12.5
    error = attributes(3)["bluefin:error"]
    assert error.startswith("Traceback (most recent call last):\n  File ")
    assert error.endswith("LookupError: one line\nand another") and "in inner" in error and "in objective" in error
    assert "bluefin_client" not in error and "importlib" not in error
    assert attributes(3)["bluefin:fail"] == "exception"
    assert "in inner" in attributes(3)["bluefin:stderr"]
    assert attributes(4)["bluefin:fail"] == "oom-host" and attributes(5)["bluefin:fail"] == "oom-device"
    assert "2 values given" in attributes(6)["bluefin:error"]
    assert "nan" in attributes(7)["bluefin:error"]
    assert attributes(8)["bluefin:fail"] == "exit:3"
    assert "the study lives in the process" in attributes(9)["bluefin:error"]
    assert "y" in attributes(10)["bluefin:error"].splitlines()[-1]
    assert "NoneType" in attributes(11)["bluefin:error"]


def test_a_file_that_cannot_be_imported_fails_its_trials_with_the_reason():
    write("train.py", "import no_such_package\n\ndef objective(trial):\n    return 1\n")
    done = bluefin(*ONE, "--python-program", sys.executable, "--python", "train.py:objective")
    assert done.returncode == 1
    error = attributes(0)["bluefin:error"]
    assert error.endswith("ModuleNotFoundError: No module named 'no_such_package'")
    assert 'train.py", line 1' in error and "bluefin_client" not in error and "importlib" not in error


def test_the_interpreter_is_that_of_the_option_the_variable_the_environment_and_the_path(monkeypatch):
    write("train.py", "import os\ndef objective(trial):\n    trial.set_user_attr('who', os.environ['WHO'])\n    return 1\n")
    write("venv/bin/python3", f"#!/bin/sh\nWHO=venv exec {sys.executable} \"$@\"\n")
    for name in ("option", "variable", "path/python3"):
        write(name, f"#!/bin/sh\nWHO={name} exec {sys.executable} \"$@\"\n")
    for name in ("option", "variable", "path/python3", "venv/bin/python3"):
        os.chmod(name, 0o755)
    target = [*ONE, "--python", "train.py:objective"]
    monkeypatch.setenv("PATH", f"{os.getcwd()}/path:{os.environ['PATH']}")
    assert bluefin(*target).returncode == 0
    monkeypatch.setenv("VIRTUAL_ENV", f"{os.getcwd()}/venv")
    assert bluefin(*target).returncode == 0
    monkeypatch.setenv("BLUEFIN_PYTHON", "./variable")
    assert bluefin(*target).returncode == 0
    assert bluefin(*target, "--python-program", "./option").returncode == 0
    assert [attributes(n)["who"] for n in range(4)] == ["path/python3", "venv", "variable", "option"]


def test_the_client_is_a_file_that_programs_can_carry():
    shutil.copy(ROOT / "python" / "client" / "bluefin_client.py", "bluefin_client.py")
    write(
        "program.py",
        """
        import os, subprocess, bluefin_client

        def objective(trial):
            shown = subprocess.run("test -z \\"$BLUEFIN_FD\\" && ! test -e /proc/self/fd/3", shell=True)
            trial.set_user_attr("clean", shown.returncode == 0)
            return trial.suggest_int("n", 4, 4)

        if bluefin_client.is_attached():
            bluefin_client.run(objective)
        """,
    )
    assert subprocess.run([sys.executable, "program.py"], timeout=60).returncode == 0
    done = bluefin(*ONE, "--", sys.executable, "program.py")
    assert done.returncode == 0, done.stderr
    assert values() == [4.0] and attributes(0)["clean"] is True


# --- a plugin --------------------------------------------------------------------------------------------------------


def test_a_plugin_is_an_objective_and_its_crash_costs_one_trial():
    # A name alone is a file here, not one of the loader's folders.
    shutil.copy(PLUGINS / "plugin_value.so", "plugin_value.so")
    done = bluefin(*CREATE, "--n-trials", "4", "--workers", "1", "--plugin", "plugin_value.so",
                   env={**os.environ, "PLUGIN_DIES": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert attributes(1)["bluefin:error"] == "one is no number"
    assert attributes(2)["bluefin:fail"] == "signal:11"
    x = rows("SELECT param_value FROM trial_params WHERE param_name = 'x' ORDER BY trial_id")
    assert values() == [x[0][0] ** 2, x[3][0] ** 2] and attributes(3)["kind"] in ("a", "b")


# --- a shell script --------------------------------------------------------------------------------------------------


def script(text, *options, **more):
    write("script.sh", "#!/bin/sh\nset -eu\n" + textwrap.dedent(text))
    os.chmod("script.sh", 0o755)
    return bluefin(*(options or ONE), "--", "./script.sh", **more)


def test_a_shell_script_asks_reports_and_tells():
    done = script(
        """
        x=$(bluefin trial suggest x float -5 5)
        [ "$(bluefin trial suggest x float -5 5)" = "$x" ]
        lr=$(bluefin trial suggest lr float 1e-5 0.1 --log)
        n=$(bluefin trial suggest n int -16 64 --step 16)
        kind=$(bluefin trial suggest kind categorical adam sgd "with space" -- --nesterov -3)
        size=$(bluefin trial suggest size categorical --json 8 true null '"8"')
        bluefin trial report 0 nan
        bluefin trial report 1 -1.5
        if bluefin trial should-prune; then exit 9; else [ $? = 1 ]; fi
        bluefin trial set-attr list '[1, "a"]'
        bluefin trial set-attr --string text 1.10
        bluefin trial set-attr --string -- word "$kind"
        bluefin trial set-attr size "$size"
        bluefin trial set-attr --string -- seen "$x $lr $n"
        bluefin trial set-constraint memory -1
        bluefin trial set-resource-hint "weights=n*n*size"
        [ "$(bluefin trial info number)" = $BLUEFIN_TRIAL_NUMBER ]
        [ "$(bluefin trial info params kind)" = "$kind" ]
        bluefin trial set-attr info "$(bluefin trial info)"
        echo 99
        bluefin trial tell -2.5
        """,
        *CREATE, "--n-trials", "3", "--workers", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE"] * 3 and values() == [-2.5] * 3, done.stderr
    for number in range(3):
        found = attributes(number)
        assert found["list"] == [1, "a"] and found["text"] == "1.10"
        info = found["info"]
        assert list(info) == ["study", "number", "params", "seed", "device"] and info["number"] == number
        assert info["params"]["kind"] == found["word"] in ("adam", "sgd", "with space", "--nesterov", "-3")
        assert info["params"]["size"] == found["size"]
        x, lr, n = map(float, found["seen"].split())
        assert (info["params"]["x"], info["params"]["lr"], info["params"]["n"]) == (x, lr, n)
        assert 1e-5 <= lr <= 0.1 and n in (-16, 0, 16, 32, 48, 64)
    assert rows("SELECT count(*) FROM trial_intermediate_values") == [(6,)]
    assert rows("SELECT count(DISTINCT param_value) FROM trial_params WHERE param_name = 'x'") == [(3,)]
    hint = "SELECT value_json FROM study_system_attributes WHERE \"key\" = 'bluefin:resource_hint:weights'"
    assert rows(hint) == [('["n", "n", "size"]',)]


def test_a_shell_script_is_pruned_and_fails():
    done = script(
        """
        number=$(bluefin trial info number)
        bluefin trial report 0 $number
        if bluefin trial should-prune; then bluefin trial tell --state pruned; exit; fi
        case $number in
          0) bluefin trial tell 0.5 ;;
          2) bluefin trial tell --state fail --reason "no luck" ;;
          3) bluefin trial tell 1 2 || bluefin trial tell nan || exit 4 ;;
        esac
        """,
        *CREATE, "--n-trials", "5", "--workers", "1", "--max-failures-in-row", "0", "--pruner", "percentile",
        "--pruner-option", "percentile=100", "--pruner-option", "n_startup_trials=5",
    )  # fmt: skip
    assert states() == ["COMPLETE"] + ["FAIL"] * 4, done.stderr
    assert attributes(1)["bluefin:fail"] == "no-value"
    assert attributes(2)["bluefin:error"] == "no luck" and attributes(2)["bluefin:fail"] == "exception"
    assert attributes(3)["bluefin:fail"] == "exit:4"
    assert "2 values given" in attributes(3)["bluefin:stderr"] and "nan" in attributes(3)["bluefin:stderr"]
    done = script(
        """
        bluefin trial report 0 1000
        bluefin trial should-prune && bluefin trial tell --state pruned
        """,
        *CREATE, "--n-trials", "1", "--workers", "1", "--pruner", "median", "--pruner-option", "n_startup_trials=1",
    )  # fmt: skip
    assert states()[5] == "PRUNED", done.stderr


def test_commands_of_a_script_that_are_killed_or_run_at_once_do_not_mix_up_their_answers():
    """A killed process leaves a reply behind, or half of a request; processes at once would read each other's."""
    done = script(
        """
        leave='{"op": "suggest", "name": "left", "distribution": {"type": "float", "low": 7, "high": 7}}'
        printf '%s\\n%s\\n' '{"op": "hello", "version": 1, "id": "x"}' "$leave" >&"$BLUEFIN_FD"
        [ "$(bluefin trial suggest a int 1 1)" = 1 ]
        printf '%s\\n' "$leave" >&"$BLUEFIN_FD"
        dd bs=1 count=9 <&"$BLUEFIN_FD" >/dev/null 2>&1
        [ "$(bluefin trial suggest b int 2 2)" = 2 ]
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
          { bluefin trial suggest "p$i" int "$i" "$i" > "out.$i"; } &
          pids="${pids:-} $!"
        done
        for pid in $pids; do wait "$pid"; done
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do [ "$(cat "out.$i")" = "$i" ]; done
        bluefin trial tell 1
        """
    )
    assert done.returncode == 0, attributes(0)
    assert rows("SELECT count(*) FROM trial_params") == [(15,)]


def test_a_request_that_a_killed_command_left_unfinished_ends_the_trial_as_protocol():
    done = script("""printf '{"op": "hel' >&"$BLUEFIN_FD"; bluefin trial report 0 1""")
    assert done.returncode == 1 and attributes(0)["bluefin:fail"] == "protocol"


WRONG_TRIAL_COMMANDS = {
    "nothing to suggest": (["suggest", "x", "float"], "expected NAME (float"),
    "no such kind": (["suggest", "x", "double", "0", "1"], "'double' must be float, int or categorical"),
    "a bound too many": (["suggest", "x", "float", "0", "1", "2"], "LOW and HIGH"),
    "no number": (["suggest", "x", "float", "0", "one"], "HIGH 'one' must be a number"),
    "no integer": (["suggest", "x", "int", "0.5", "1"], "LOW '0.5' must be an integer"),
    "a step of choices": (["suggest", "x", "categorical", "a", "--step", "2"], "for float and int"),
    "no JSON": (["suggest", "x", "categorical", "--json", "a"], "'a' must be"),
    "no step": (["report", "1.5", "3"], "STEP '1.5' must be an integer"),
    "no value": (["report", "1"], "expected STEP VALUE"),
    "a value too many": (["report", "1", "2", "3"], "too many: 3"),
    "nothing to tell": (["tell"], "give a VALUE"),
    "a value of a pruned trial": (["tell", "1", "--state", "pruned"], "no VALUE"),
    "another state": (["tell", "--state", "running"], "expected one of complete, pruned, fail"),
    "a reason of success": (["tell", "1", "--reason", "x"], "--reason needs --state fail"),
    "no attribute": (["set-attr", "key"], "expected KEY VALUE"),
    "no hint": (["set-resource-hint", "width"], "the hint 'width' must be NAME=PARAMETER*PARAMETER..."),
}


@pytest.mark.parametrize("case", WRONG_TRIAL_COMMANDS)
def test_wrong_use_of_a_trial_command_is_one_sentence_and_code_2(case):
    arguments, words = WRONG_TRIAL_COMMANDS[case]
    done = subprocess.run([BLUEFIN, "trial", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_outside_of_a_trial_the_commands_say_so():
    for arguments, code in ((["report", "1", "2"], 1), (["should-prune"], 3)):
        done = subprocess.run([BLUEFIN, "trial", *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == code
        assert done.stderr == "bluefin: $BLUEFIN_FD is not set: this process was not started for a trial\n"


def test_errors_of_the_supervisor_reach_the_script():
    done = script(
        """
        bluefin trial suggest x float 0 1 > /dev/null
        bluefin trial suggest x int 0 1 2> message && exit 8
        bluefin trial suggest y float 1 0 2>> message && exit 8
        bluefin trial info nothing 2>> message && exit 8
        bluefin trial tell 1
        bluefin trial report 3 3 2>> message && exit 8
        exit 0
        """
    )
    assert done.returncode == 0, done.stderr
    text = Path("message").read_text()
    assert text.count("bluefin: ") == text.count("\n") == 4 and "the trial has no 'nothing'" in text


# --- clients of the protocol -----------------------------------------------------------------------------------------


def client_of_the_document():
    text = (ROOT / "docs" / "protocol.md").read_text()
    (found,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", text, re.S)
    return found


def test_the_client_in_the_document_works():
    write("client.sh", client_of_the_document())
    os.chmod("client.sh", 0o755)
    done = bluefin(*CREATE, "--n-trials", "6", "--workers", "2", "--pruner", "median",
                   "--pruner-option", "n_startup_trials=2", "--", "./client.sh")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(states()) <= {"COMPLETE", "PRUNED"} and "COMPLETE" in states()
    assert rows("SELECT count(*) FROM trial_params") == [(6,)]
    if "PRUNED" in states():
        assert rows("SELECT max(n) FROM (SELECT count(*) n FROM trial_intermediate_values GROUP BY trial_id)") == [(10,)]


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not there")
def test_a_client_in_another_language():
    """tests/tools/client.pl, written from docs/protocol.md alone."""
    done = bluefin(*CREATE, "--directions", "minimize", "--n-trials", "5", "--workers", "2", "--space", "space.json",
                   "--space-in-env", "--pruner", "nop", "--max-failures-in-row", "0",
                   "--", "perl", str(ROOT / "tests" / "tools" / "client.pl"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert states() == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE", "COMPLETE"]
    assert attributes(0)["list"] == [1, {"a": "é"}] and "two is too few" in attributes(2)["bluefin:error"]
    assert rows("SELECT count(*) FROM trial_intermediate_values") == [(5 * 3,)]
    assert rows("SELECT count(*) FROM trial_params") == [(5 * 4,)]
    units = rows("SELECT param_value FROM trial_params WHERE param_name = 'units' ORDER BY trial_id")
    assert values()[0] == units[0][0]


# --- found before the first trial ------------------------------------------------------------------------------------

BROKEN_PYTHON = {
    "no function named": ("train.py", "write FILE.py:FUNCTION or MODULE:FUNCTION"),
    "no such file": ("none.py:objective", "none.py: No such file or directory"),
    "a folder": (".:objective", "Is a directory"),
    "no such module": ("no_such_package.mod:objective", "No module named 'no_such_package'"),
    "no such submodule": ("pkg.none:objective", "there is no such module"),
    "a package that fails": ("bad.mod:objective", "ZeroDivisionError: division by zero"),
    "another function": ("train.py:objectiv", "train.py has no function 'objectiv'; did you mean objective?"),
    "no syntax": ("syntax.py:objective", "syntax.py, line 2: "),
    "not text": ("bytes.py:objective", "null bytes"),
    "no trial": ("train.py:nothing", "must be a function of one argument, the trial"),
    "two arguments": ("train.py:two", "must be a function of one argument, the trial"),
    "a coroutine": ("train.py:later", "is a coroutine"),
}


@pytest.mark.parametrize("case", BROKEN_PYTHON)
def test_a_function_that_is_not_there_is_one_sentence_before_the_first_trial(case):
    write("train.py", "open('run', 'w')\ndef objective(trial): return 1\ndef nothing(): pass\ndef two(a, b): pass\n"
                      "async def later(trial): pass\n")  # fmt: skip
    write("syntax.py", "def objective(trial):\nreturn 1\n")
    Path("bytes.py").write_bytes(b"\x00\xff\x00def objective(trial): pass")
    write("pkg/__init__.py", "")
    write("bad/__init__.py", "1 / 0\n")
    write("bad/mod.py", "def objective(trial): return 1\n")
    target, words = BROKEN_PYTHON[case]
    done = bluefin(*CREATE, "--python-program", sys.executable, "--python", target)
    refused(done, words)
    assert done.stderr.startswith(f"bluefin: --python {target}: ")
    assert not Path("run").exists()  # the file was read, not run


def test_what_a_file_may_bind_by_other_means_is_not_refused():
    write("a.py", "from b import *\n")
    write("b.py", "def objective(trial): return 1\n")
    write("c.py", "try:\n    from nowhere import objective\nexcept ImportError:\n    objective = lambda trial: 2\n")
    write("d.py", "globals()['objective'] = lambda trial: 3\n")
    write("e.py", "import functools\ndef f(a, trial): return a\nobjective = functools.partial(f, 4)\n")
    write("json.py", "def objective(trial, extra=None): return 5\n")
    for name in ("a", "c", "d", "e", "json"):
        done = bluefin(*ONE, "--python-program", sys.executable, "--python", f"{name}.py:objective")
        assert done.returncode == 0, done.stderr
    assert values() == [1, 2, 3, 4, 5]


def refused(done, words):
    assert done.returncode == 2, done.stderr
    assert words in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == "" and not Path("s.db").exists()


PYTHON = ["--python", "train.py:objective"]
BROKEN = {
    "another version of the plugin interface": (["--plugin", "{plugins}/plugin_other_abi.so"],
                                                "version 999 of the plugin interface, but bluefin "),
    "a plugin that crashes": (["--plugin", "{plugins}/plugin_crash.so"], "killed by signal 11"),
    "a library without an objective": (["--plugin", "{plugins}/plugin_empty.so"], "BLUEFIN_OBJECTIVE(function)"),
    "a plugin that lacks something": (["--plugin", "{plugins}/plugin_unresolved.so"], "function_that_is_nowhere"),
    "a plugin that is no library": (["--plugin", "train.py"], "cannot be loaded: "),
    "no such plugin": (["--plugin", "none.so"], "--plugin none.so: there is no such file"),
    "a plugin with arguments": (["--plugin", "{plugins}/plugin_value.so", "--", "3"], "'3' stands after --"),
    "two kinds": ([*PYTHON, "--plugin", "{plugins}/plugin_value.so"], "cannot be given together"),
    "an interpreter for nothing": (["--python-program", "python3", "--", "true"], "--python-program needs --python"),
    "no such interpreter": ([*PYTHON, "--python-program", "no-python"], "Python: program no-python is not in $PATH"),
    "an interpreter that is none": ([*PYTHON, "--python-program", "./train.py"], "not an executable file"),
    "an interpreter that fails": ([*PYTHON, "--python-program", "false"], "ended with exit code 1"),
    "a placeholder in an argument of Python": ([*PYTHON, "--space", "space.json", "--", "{y}"], "{y}"),
    "a space file with an error": ([*PYTHON, "--space", "broken.json"], "broken.json, line 2, column 14"),
    "more GPUs than there are": (["--gpus", "9", "--", "true"], "gpus = 9, but there are 2 GPUs here"),
    "GPUs and CPU slots": (["--gpus", "2", "--cpu-slots", "2", "--", "true"], "cpu_slots = 2 and gpus = 2"),
    "GPUs that are not there and CPU slots": (["--fake-gpus", "2", "--cpu-slots", "2", "--", "true"], "cannot be combined"),
    "GPUs of each trial but none": (["--gpus", "none", "--gpus-per-trial", "2", "--", "true"], "gpus_per_trial = 2 needs"),
    "more GPUs a trial than there are": (["--fake-gpus", "2", "--gpus-per-trial", "3", "--", "true"], "gpus_per_trial = 3, but"),
    "more workers than slots": (["--fake-gpus", "2", "--workers", "3", "--", "true"], "workers = 3"),
    "quiet and verbose": (["--quiet", "--verbose", "--", "true"], "--quiet and --verbose"),
    "trials below none": (["--retry=-1", "--", "true"], "retry = -1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_wrong_use_is_found_before_the_first_trial(case, monkeypatch):
    write("train.py", "def objective(trial): return 1\n")
    write("broken.json", '{\n  "x": [1, 2,]\n}\n')
    monkeypatch.setenv("FAKE_NVML_STATE", str(Path("gpus.json").absolute()))
    monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", str(PLUGINS / "libfake_nvml.so"))
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(Path("locks").absolute()))
    write("gpus.json", json.dumps({"devices": [{"uuid": f"GPU-{i}", "name": "Fake"} for i in range(2)]}))
    arguments, words = BROKEN[case]
    refused(bluefin(*CREATE, *[argument.replace("{plugins}", str(PLUGINS)) for argument in arguments]), words)
