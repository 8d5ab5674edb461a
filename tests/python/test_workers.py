# SPDX-License-Identifier: MIT
"""optimize(n_workers=): real processes, which are really killed."""

from functools import partial
import gc
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import bluefin
from processes import eventually
from processes import is_gone
import worker_objectives as objectives

pytestmark = pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def quiet():
    bluefin.logging.set_verbosity(bluefin.logging.ERROR)


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process, no descriptor."""
    yield
    gc.collect()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    open_files = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    assert not [name for name in open_files if "pidfd" in name]


@pytest.fixture(params=["memory", "sqlite", "journal"])
def storage(request, tmp_path):
    return {"memory": None, "sqlite": f"sqlite:///{tmp_path}/s.db", "journal": f"journal:///{tmp_path}/s.log"}[
        request.param
    ]


def letters(study):
    return "".join(trial.state.name[0] for trial in study.trials)


def own_attrs(trial):
    """What the objective has set."""
    return {key: value for key, value in trial.user_attrs.items() if key != "bluefin:telemetry"}


def program(folder, text, name="program.py"):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return [sys.executable, str(path)]


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


# --- trials ----------------------------------------------------------------------------------------------------------


def test_trials_run_at_the_same_time_each_worker_in_a_process_of_its_own():
    study = bluefin.create_study()
    study.optimize(objectives.process, n_trials=4, n_workers=4)
    assert letters(study) == "CCCC"
    pids = {trial.user_attrs["pid"] for trial in study.trials}
    assert len(pids) == 4 and os.getpid() not in pids
    assert {trial.user_attrs["worker"] for trial in study.trials} == {"0", "1", "2", "3"}
    # Whatever the machine does beside: all four were at work before the first had done its half second.
    begins = [trial.datetime_start for trial in study.trials]
    assert max(begins) < min(trial.datetime_complete for trial in study.trials)


def test_a_trial_has_the_whole_interface_with_every_storage(storage):
    study = bluefin.create_study(storage=storage)
    study.optimize(objectives.every_kind, n_trials=6, n_workers=2)
    assert letters(study) == "CCCCCC" and [trial.number for trial in study.trials] == list(range(6))
    for trial in study.trials:
        assert trial.value == trial.params["x"] ** 2
        assert trial.intermediate_values == {0: 0.5, 3: 0.25}
        assert own_attrs(trial) == {"list": [1, {"two": None}]} and trial.constraints == {"c": -1.0}


def test_one_worker_gives_the_study_of_the_seed():
    values = []
    for options in ({}, {"n_workers": 1}):
        study = bluefin.create_study(sampler=bluefin.samplers.TPESampler(seed=7))
        study.optimize(objectives.parabola, n_trials=25, **options)
        values.append([trial.params for trial in study.trials])
    assert values[0] == values[1]


def test_pruning():
    study = bluefin.create_study(pruner=bluefin.pruners.MedianPruner(n_startup_trials=1))
    study.optimize(objectives.pruned_when_bad, n_trials=6, n_workers=1)
    assert letters(study) == "CPCPCP" and study.trials[1].value == 100.0


class Sampler(bluefin.samplers.RandomSampler):
    def sample_independent(self, study, trial, name, distribution):
        assert not study.stopped  # the study itself, not a copy
        return 1.0


class Pruner(bluefin.pruners.BasePruner):
    def prune(self, study, trial):
        return study.pid == os.getpid() and trial.number % 2 == 1


def test_samplers_and_pruners_in_python_are_asked_in_the_parent():
    study = bluefin.create_study(sampler=Sampler(), pruner=Pruner())
    study.pid, study.stopped = os.getpid(), False
    study.optimize(objectives.pruned_when_bad, n_trials=4, n_workers=2)
    assert letters(study) == "CPCP"
    study.optimize(objectives.parabola, n_trials=2, n_workers=2)
    assert [trial.value for trial in study.trials[4:]] == [1.0, 1.0]


def test_any_object_in_memory():
    def run(trial):
        kind = trial.suggest_categorical("kind", [(1, 2), [3]])
        trial.set_user_attr("object", {kind if isinstance(kind, tuple) else 4: complex(1, 2)})
        return trial.user_attrs["object"].popitem()[1].real

    study = bluefin.create_study()
    study.enqueue_trial({"kind": (1, 2)})
    with pytest.warns(UserWarning, match="Choices for a categorical"):
        study.optimize(run, n_trials=1, n_workers=1)
    assert own_attrs(study.best_trial) == {"object": {(1, 2): 1 + 2j}} and study.best_params == {"kind": (1, 2)}


def test_several_objectives():
    study = bluefin.create_study(directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 2), n_trials=3, n_workers=2)
    assert letters(study) == "CCC" and len(study.best_trials) == 1


def test_results_mean_what_they_mean_without_workers(caplog):
    bluefin.logging.set_verbosity(bluefin.logging.INFO)
    bluefin.logging.enable_propagation()
    told = []
    for options in ({}, {"n_workers": 1}):
        caplog.clear()
        study = bluefin.create_study()
        study.optimize(objectives.results, n_trials=len(objectives.RESULTS), **options)
        values = [(trial.state, trial.values) for trial in study.trials]
        reasons = [text.split("because")[1] for text in caplog.messages if "because" in text]
        told.append((values, reasons))
    bluefin.logging.disable_propagation()
    assert str(told[0]) == str(told[1])
    assert letters(study) == "CCCFFFFCFFFCFFCF"


def test_errors_of_the_parent_are_raised_in_the_objective(tmp_path):
    study = bluefin.create_study(storage=f"sqlite:///{tmp_path}/s.db")
    study.optimize(objectives.wrong_calls, n_trials=1, n_workers=1)
    low, number, step, attribute, trial = study.best_trial.user_attrs["errors"]
    assert low.startswith("ValueError: ") and "low" in low
    assert number == "TypeError: The `value` argument is of type '<class 'str'>' but supposed to be a float."
    assert step == "ValueError: `step=-1` must be non-negative."
    assert attribute.startswith("TypeError: set_user_attr('key', <unlocked _thread.lock")
    assert trial.startswith("TypeError: The trial of a worker belongs to its process")


# --- the loop --------------------------------------------------------------------------------------------------------


def test_callbacks_run_in_the_parent_and_stop_the_study():
    seen = []

    def callback(study, trial):
        seen.append((os.getpid(), trial.number))
        if len(seen) == 3:
            study.stop()

    study = bluefin.create_study()
    study.optimize(objectives.parabola, n_workers=2, callbacks=[callback])
    assert {pid for pid, _ in seen} == {os.getpid()} and 3 <= len(seen) <= 4
    assert sorted(number for _, number in seen) == list(range(len(study.trials)))


def test_the_study_of_a_trial_can_be_read_and_stopped():
    study = bluefin.create_study(study_name="s")
    study.set_user_attr("answer", 42)
    study.optimize(objectives.reads_the_study, n_trials=10, n_workers=1)
    assert letters(study) == "CCC"


def test_timeout_and_no_trials():
    study = bluefin.create_study()
    study.optimize(objectives.parabola, n_trials=0, n_workers=2)
    assert study.trials == []
    begin = time.monotonic()
    study.optimize(objectives.process, timeout=2.0, n_workers=2)
    assert 2.0 <= time.monotonic() - begin < 7.2
    assert 1 <= len(study.trials) <= 10 and set(letters(study)) == {"C"}


def test_progress_and_garbage(capsys):
    def objective(trial):
        import gc

        gc.callbacks.append(lambda phase, info: collected.append(phase))
        trial.set_user_attr("collected", len(collected))
        return 0.0

    collected = []
    study = bluefin.create_study()
    study.optimize(objective, n_trials=3, n_workers=1, show_progress_bar=True, gc_after_trial=True)
    assert "3/3" in capsys.readouterr().err
    counts = [trial.user_attrs["collected"] for trial in study.trials]
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"n_workers": 0}, ValueError, "got 0"),
        ({"n_workers": -2}, ValueError, "got -2"),
        ({"n_workers": 1.5}, TypeError, "got 1.5"),
        ({"n_workers": "4"}, TypeError, "got '4'"),
        ({"n_workers": 4, "n_jobs": 2}, ValueError, "n_jobs=2 and n_workers=4"),
        ({"n_workers": 1, "n_jobs": -1}, ValueError, "n_jobs=-1 and n_workers=1"),
    ],
)
def test_bad_arguments(options, error, text):
    study = bluefin.create_study()
    with pytest.raises(error, match=text):
        study.optimize(objectives.parabola, n_trials=1, **options)
    assert study.trials == []


def test_one_worker_per_core():
    study = bluefin.create_study()
    study.optimize(objectives.parabola, n_trials=2, n_workers=-1)
    assert letters(study) == "CC"


# --- exceptions ------------------------------------------------------------------------------------------------------


def test_an_exception_ends_the_study_and_tells_where_it_was_raised():
    study = bluefin.create_study()
    with pytest.raises(objectives.Odd, match="this and that") as raised:
        study.optimize(objectives.raises, n_trials=20, n_workers=1)
    assert letters(study) == "CF"
    trace = str(raised.value.__cause__)
    assert "in raises\n    inner(trial.number)" in trace and 'raise Odd("this", "that")' in trace
    assert "_child.py" not in trace


def test_other_trials_are_finished_when_one_ends_the_study():
    def run(trial):
        if trial.number == 0:
            raise ZeroDivisionError("zero")
        time.sleep(0.5)
        return 1.0

    study = bluefin.create_study()
    with pytest.raises(ZeroDivisionError, match="zero"):
        study.optimize(run, n_trials=20, n_workers=2)
    assert letters(study) in ("F", "FC")


def test_exceptions_are_caught_by_their_class():
    study = bluefin.create_study()
    study.optimize(objectives.raises, n_trials=6, n_workers=1, catch=(objectives.Odd, ValueError))
    assert letters(study) == "CFFCCC" and own_attrs(study.trials[1]) == {}


def test_a_class_that_only_the_program_knows():
    class Mine(Exception):
        pass

    def run(trial):
        raise Mine("of a closure")

    study = bluefin.create_study()
    with pytest.raises(Mine, match="of a closure"):
        study.optimize(run, n_trials=1, n_workers=1)


# --- the end of a process --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how, kind, text",
    [
        ("exit", "exit:3", "exit code 3"),
        ("sys_exit", "exit:4", "exit code 4"),
        ("sys_exit_0", "no-value", "without a result"),
        ("kill", "signal:9", "killed by signal 9 (Killed)"),
        ("terminate", "signal:15", "killed by signal 15 (Terminated)"),
        ("segfault", "signal:11", "killed by signal 11 (Segmentation fault)"),
        ("kill_with_a_fork_that_lives_on", "signal:9", "killed by signal 9"),
    ],
)
def test_a_crash_costs_one_trial(how, kind, text):
    study = bluefin.create_study()
    study.optimize(objectives.Crash(how), n_trials=8, n_workers=2)
    assert letters(study) == "CCFCCCCC"
    attributes = study.trials[2].user_attrs
    assert attributes["bluefin:fail"] == kind and text in attributes["bluefin:error"]
    assert study.trials[2].params.keys() == {"x"}  # what it had asked for is kept


def test_a_crash_is_logged(caplog):
    bluefin.logging.set_verbosity(bluefin.logging.WARNING)
    bluefin.logging.enable_propagation()
    study = bluefin.create_study(storage=None)
    study.optimize(objectives.Crash("exit"), n_trials=3, n_workers=1)
    bluefin.logging.disable_propagation()
    assert "Trial 2 failed" in caplog.text and "exit code 3" in caplog.text and "Traceback" not in caplog.text


def test_a_worker_that_dies_between_two_trials_costs_none():
    study = bluefin.create_study()

    def callback(study, trial):
        pid = trial.user_attrs["pid"]
        os.kill(pid, signal.SIGKILL)
        # With all of its threads, and collected: until then a trial might still go there.
        assert eventually(lambda: not Path(f"/proc/{pid}").exists())
        time.sleep(0.05)

    study.optimize(objectives.process, n_trials=3, n_workers=1, callbacks=[callback])
    assert letters(study) == "CCC" and len({trial.user_attrs["pid"] for trial in study.trials}) == 3


def test_what_an_objective_leaves_behind_ends_with_the_study(capfd):
    study = bluefin.create_study()
    study.optimize(objectives.in_the_background, n_trials=2, n_workers=1)
    assert eventually(lambda: all(is_gone(trial.user_attrs["pid"]) for trial in study.trials))
    assert capfd.readouterr().out == "trial 0\ntrial 1\n"


# --- the objective's way to a worker ---------------------------------------------------------------------------------


def test_partial_functions_and_methods_need_no_cloudpickle(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    study = bluefin.create_study()
    study.optimize(partial(objectives.given_number, number=3), n_trials=1, n_workers=1)
    study.optimize(objectives.Crash("exit").__call__, n_trials=1, n_workers=1)
    assert study.best_value <= 1.0


def test_without_cloudpickle_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    study = bluefin.create_study()
    with pytest.raises(TypeError, match="top level of a module, or install cloudpickle"):
        study.optimize(lambda trial: 0.0, n_trials=1, n_workers=1)
    assert study.trials == []


def test_what_no_pickle_takes_is_an_error():
    lock = threading.Lock()
    study = bluefin.create_study()
    with pytest.raises(TypeError, match="holds something that cannot be pickled .*lock"):
        study.optimize(lambda trial: lock.locked(), n_trials=1, n_workers=1)
    assert study.trials == []


def test_an_objective_that_a_worker_cannot_load_begins_no_trial(tmp_path, monkeypatch):
    (tmp_path / "only_once.py").write_text(
        "import os\nassert not os.environ.get('BLUEFIN_WORKER'), 'not here'\ndef objective(trial): return 0.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import only_once

    study = bluefin.create_study()
    with pytest.raises(RuntimeError, match="could not load the objective: AssertionError: not here") as raised:
        study.optimize(only_once.objective, n_trials=5, n_workers=2)
    assert "only_once.py" in str(raised.value.__cause__)
    (tmp_path / "only_once.py").write_text(
        "import os\nwith open(__file__ + '.txt', 'a') as f: f.write('tried ')\nos._exit(7)\n"
    )
    with pytest.raises(RuntimeError, match="ended before it was ready: exit code 7"):
        study.optimize(only_once.objective, n_trials=5, n_workers=1)
    assert (tmp_path / "only_once.py.txt").read_text() == "tried tried tried "
    assert study.trials == []


def test_multiprocessing_is_still_the_programs_to_set_up(tmp_path):
    done = run(
        [
            sys.executable,
            "-c",
            "import bluefin, multiprocessing\n"
            "bluefin.create_study().optimize(lambda t: 0.0, n_trials=1, n_workers=1)\n"
            "multiprocessing.set_start_method('spawn')\n",
        ]
    )
    assert done.returncode == 0, done.stderr


SCRIPT = """
    import os
    import sys
    import bluefin

    print("imported as", __name__)

    class Loss(Exception):
        pass

    def objective(trial):
        print("trial", trial.number, os.environ["CUDA_VISIBLE_DEVICES"], sys.argv[1:])
        print("to stderr", file=sys.stderr)
        if trial.number == 2:
            raise Loss("of the main module")
        return trial.suggest_float("x", 0, 1)
"""


@pytest.mark.parametrize("as_module", [False, True])
def test_the_functions_of_a_program(tmp_path, as_module):
    command = program(
        tmp_path,
        SCRIPT
        + """
    if __name__ == "__main__":
        bluefin.logging.set_verbosity(bluefin.logging.ERROR)
        study = bluefin.create_study()
        study.optimize(objective, n_trials=4, n_workers=1, catch=Loss)
        print([trial.state.name for trial in study.trials])
    """,
    )
    if as_module:
        command = [sys.executable, "-m", "program"]
    done = run([*command, "an", "argument"], env={**os.environ, "CUDA_VISIBLE_DEVICES": "5"}, cwd=tmp_path)
    trials = [f"trial {n} 5 ['an', 'argument']" for n in range(4)]
    assert (done.returncode, done.stderr) == (0, "to stderr\n" * 4)
    lines = done.stdout.splitlines()
    assert sorted(lines) == sorted(
        ["imported as __main__", "imported as __mp_main__", *trials, "['COMPLETE', 'COMPLETE', 'FAIL', 'COMPLETE']"]
    )


def test_a_program_without_a_guard_is_told_so(tmp_path):
    command = program(tmp_path, SCRIPT + "\n    bluefin.create_study().optimize(objective, n_trials=4, n_workers=2)\n")
    done = run(command)
    assert done.returncode == 1
    assert 'belongs under `if __name__ == "__main__":`' in done.stderr and "trial 0" not in done.stdout


@pytest.mark.parametrize("cloudpickle", [True, False])
def test_a_function_that_is_in_no_file(cloudpickle):
    text = (
        textwrap.dedent(SCRIPT)
        + ("" if cloudpickle else "sys.modules['cloudpickle'] = None\n")
        + "study = bluefin.create_study()\nstudy.optimize(objective, n_trials=4, n_workers=1, catch=Loss)\n"
    )
    done = run([sys.executable, "-c", text], env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    if cloudpickle:
        assert done.returncode == 0 and "trial 3" in done.stdout, done.stderr
        assert "imported as __mp_main__" not in done.stdout
    else:
        assert done.returncode == 1 and "install cloudpickle" in done.stderr.splitlines()[-1]


# --- the end of the parent -------------------------------------------------------------------------------------------

ENDLESS = """
    from functools import partial
    import sys
    import bluefin
    sys.path.append({tests!r})
    from worker_objectives import endless

    if __name__ == "__main__":
        study = bluefin.create_study(storage="sqlite:///s.db")
        study.optimize(partial(endless, folder=".", stubborn={stubborn}), n_workers=2)
"""


def start_endless(folder, stubborn=False):
    tests = str(Path(__file__).parent)
    command = program(folder, ENDLESS.format(tests=tests, stubborn=stubborn))
    # As the leader of a group, so that a signal can go to the group, as from a terminal.
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
    )
    assert eventually(lambda: sum(len(path.read_text().split()) for path in folder.glob("*.pids")) == 4)
    return process, [int(pid) for path in folder.glob("*.pids") for pid in path.read_text().split()]


@pytest.mark.parametrize("stubborn", [False, True])
def test_ctrl_c_ends_the_study_and_its_workers_within_a_second(tmp_path, stubborn):
    process, pids = start_endless(tmp_path, stubborn)
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    error = process.communicate(timeout=20)[1]
    assert time.monotonic() - begin < 2.0  # one, and the end of the interpreter on a busy machine
    assert process.returncode == -signal.SIGINT and error.count("KeyboardInterrupt") >= 1
    assert eventually(lambda: all(is_gone(pid) for pid in pids), 1.0)
    study = bluefin.load_study(study_name=None, storage=f"sqlite:///{tmp_path}/s.db")
    assert letters(study) == "FF"
    assert len(list(tmp_path.glob("*.tidy"))) == (0 if stubborn else 2)
    kinds = [trial.user_attrs.get("bluefin:fail") for trial in study.trials]
    assert kinds == (["interrupted"] * 2 if stubborn else [None] * 2)


@pytest.mark.parametrize("sleep", ["time.sleep(30)", "[time.sleep(0.01) for _ in range(3000)]"])
@pytest.mark.parametrize("how", ["n_workers=2", "n_jobs=2"])
def test_ctrl_c_does_not_wait_for_a_callback(tmp_path, how, sleep):
    text = f"""
        import os
        import time
        import bluefin
        import sys
        sys.path.append({str(Path(__file__).parent)!r})
        from worker_objectives import note_pid

        def callback(study, trial):
            open("waits", "w").close()
            {sleep}
            open("through", "w").close()

        if __name__ == "__main__":
            study = bluefin.create_study(storage="sqlite:///s.db")
            study.optimize(note_pid, n_trials=10, callbacks=[callback], {how})
    """
    process = subprocess.Popen(
        program(tmp_path, text), cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert eventually((tmp_path / "waits").exists)
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    error = process.communicate(timeout=20)[1]
    assert time.monotonic() - begin < 2.0
    assert process.returncode == -signal.SIGINT and "KeyboardInterrupt" in error
    pids = [int(pid) for path in tmp_path.glob("*.pids") for pid in path.read_text().split()]
    assert pids and eventually(lambda: all(is_gone(pid) for pid in pids), 1.0)
    assert not (tmp_path / "through").exists()
    study = bluefin.load_study(study_name=None, storage=f"sqlite:///{tmp_path}/s.db")
    assert all(trial.state.is_finished() for trial in study.trials)


def test_nothing_outlives_a_parent_that_is_killed(tmp_path):
    process, pids = start_endless(tmp_path)
    process.kill()
    process.communicate()
    assert eventually(lambda: all(is_gone(pid) for pid in pids), 5.0)


# --- limits ------------------------------------------------------------------------------------------------------------


def test_trials_beyond_their_limits_fail_in_their_class(monkeypatch):
    monkeypatch.setattr("bluefin._workers._process._EXIT_GRACE_S", 0.3)
    study = bluefin.create_study()
    study.optimize(
        objectives.beyond_limits, n_trials=5, n_workers=1, trial_timeout=2, report_timeout=1, memory_limit=512 * 2**20
    )
    assert letters(study) == "FFFFC"
    classes = [trial.user_attrs.get("bluefin:fail") for trial in study.trials]
    assert classes == ["no-report", "timeout", "oom-host", "no-report", None]
    assert "more than its limit of 512 MiB" in study.trials[2].user_attrs["bluefin:error"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"trial_timeout": 1}, "`trial_timeout` needs `n_workers`"),
        ({"memory_limit": 2**30}, "`memory_limit` needs `n_workers`"),
        ({"n_workers": 1, "trial_timeout": 0}, "`trial_timeout` must be above 0 seconds, but got 0"),
        ({"n_workers": 1, "report_timeout": float("nan")}, "`report_timeout` must be above 0 seconds, but got nan"),
        ({"n_workers": 1, "report_timeout": 9, "trial_timeout": 9}, "must be shorter than `trial_timeout`"),
        ({"n_workers": 1, "memory_limit": 1000}, "`memory_limit` must be at least 1048576 bytes"),
    ],
)
def test_limits_that_cannot_be_are_refused_before_the_first_trial(options, sentence):
    study = bluefin.create_study()
    with pytest.raises(ValueError, match=re.escape(sentence)):
        study.optimize(objectives.parabola, n_trials=1, **options)
    assert study.trials == []
    with pytest.raises(ValueError, match="for studies with one objective"):
        bluefin.create_study(directions=["minimize", "minimize"]).optimize(
            objectives.parabola, n_trials=1, n_workers=1, report_timeout=1
        )
