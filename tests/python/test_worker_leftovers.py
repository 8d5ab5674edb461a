# SPDX-License-Identifier: MIT
"""optimize(n_workers=): what a trial leaves running, of whatever session, ends with it and gives its slot back."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import textwrap
import time

import bluefin
import pytest

from processes import eventually
from processes import is_gone
import worker_objectives as objectives

pytestmark = pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")

WAYS = ["session", "session_with_descriptors", "stubborn", "double_fork", "shell", "orphan", "hidden"]


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    bluefin.logging.set_verbosity(bluefin.logging.ERROR)
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(tmp_path / "locks"))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


def pids(folder):
    return [int(path.name) for path in folder.iterdir()]


def slot_is_free():
    """Whether another process gets the only slot at once."""
    code = "import bluefin; bluefin.create_study().optimize(lambda trial: 1.0, timeout=5, n_trials=1, fake_gpus=1)"
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.monotonic() - begin < 4


@pytest.mark.parametrize("how", WAYS)
def test_it_ends_with_its_trial(folder, how):
    study = bluefin.create_study()
    study.optimize(objectives.Leaves(str(folder), how), n_trials=3, n_workers=1, fake_gpus=1)
    assert [trial.user_attrs["before"] for trial in study.trials] == [[], [], []]
    assert len(pids(folder)) == 3 and all(is_gone(pid) for pid in pids(folder))


def test_it_ends_with_a_trial_that_fails(folder):
    study = bluefin.create_study()
    objective = objectives.Leaves(str(folder), "session", "fail")
    study.optimize(objective, n_trials=2, n_workers=1, catch=ValueError)
    assert study.trials[1].user_attrs["before"] == []
    assert len(pids(folder)) == 2 and all(is_gone(pid) for pid in pids(folder))


@pytest.mark.parametrize("how", WAYS)
def test_it_ends_with_a_worker_that_is_killed(folder, how):
    study = bluefin.create_study()
    study.optimize(objectives.Leaves(str(folder), how, "crash"), n_trials=2, n_workers=1, fake_gpus=1)
    assert [trial.user_attrs["bluefin:fail"] for trial in study.trials] == ["signal:9", "signal:9"]
    assert study.trials[1].user_attrs["before"] == []
    assert len(pids(folder)) == 2 and all(is_gone(pid) for pid in pids(folder))


def test_it_ends_with_a_trial_that_takes_too_long(folder):
    study = bluefin.create_study()
    objective = objectives.Leaves(str(folder), "stubborn", "hang")
    study.optimize(objective, n_trials=1, n_workers=1, trial_timeout=0.5)
    assert study.trials[0].user_attrs["bluefin:fail"] == "timeout"
    assert len(pids(folder)) == 1 and all(is_gone(pid) for pid in pids(folder))


def test_its_memory_counts(folder):
    study = bluefin.create_study()
    study.optimize(objectives.takes_memory_in_a_daemon, n_trials=1, n_workers=1, memory_limit=2**28)
    assert study.trials[0].user_attrs["bluefin:fail"] == "oom-host"


def test_what_the_worker_holds_is_there_for_its_next_trial():
    study = bluefin.create_study()
    study.optimize(objectives.with_a_service, n_trials=3, n_workers=1)
    assert [trial.user_attrs["alive"] for trial in study.trials] == [True, True, True]
    services = {trial.user_attrs["pid"] for trial in study.trials}
    assert len(services) == 1 and is_gone(*services)


def test_what_the_program_forks_meanwhile_does_not_keep_it_waiting():
    """A forked child has the program's ends of all sockets."""
    forked = []

    def forks(study, trial):
        if not forked:
            forked.append(os.fork())
            if forked[0] == 0:
                time.sleep(60)
                os._exit(0)

    study = bluefin.create_study()
    begin = time.monotonic()
    try:
        study.optimize(objectives.parabola, n_trials=3, n_workers=2, callbacks=[forks])
        assert time.monotonic() - begin < 30
        assert not is_gone(forked[0])
    finally:
        os.kill(forked[0], signal.SIGKILL)
        os.waitpid(forked[0], 0)


def test_children_of_others_are_not_the_objectives_to_wait_for():
    study = bluefin.create_study()
    study.optimize(objectives.waits_for_any_child, n_trials=2, n_workers=1)
    assert [trial.user_attrs["mine"] for trial in study.trials] == [[True, 3], [True, 3]]


def test_what_the_module_of_the_objective_starts_stays(folder, tmp_path, monkeypatch):
    (tmp_path / "with_daemon.py").write_text(
        textwrap.dedent(
            f"""
            import os, pathlib, time

            folder = pathlib.Path({str(folder)!r})
            here = len(list(folder.iterdir()))
            os.system(f"setsid sh -c 'touch {{folder}}/$$; exec sleep 600' &")
            while len(list(folder.iterdir())) == here:
                time.sleep(0.01)

            def objective(trial):
                trial.set_user_attr("alive", [os.path.exists(f"/proc/{{path.name}}") for path in folder.iterdir()])
                return 0.0
            """
        )
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import with_daemon  # starts one here, too

    here = pids(folder)
    study = bluefin.create_study()
    try:
        study.optimize(with_daemon.objective, n_trials=2, n_workers=1)
    finally:
        for pid in here:
            os.kill(pid, signal.SIGKILL)
    assert [trial.user_attrs["alive"] for trial in study.trials] == [[True, True], [True, True]]
    assert len(pids(folder)) == 2 and all(is_gone(pid) for pid in pids(folder) if pid not in here)


# --- the program is killed ---------------------------------------------------------------------------------------------


def keepers(pid):
    """The children of a program that are keepers, and the workers below these."""
    found = []
    for child in children(pid):
        if Path(f"/proc/{child}/comm").read_text() == "bluefin-keeper\n":
            found.append((child, children(child)[0]))
    return found


def children(pid):
    return [
        int(child)
        for thread in os.listdir(f"/proc/{pid}/task")
        for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    ]


@pytest.fixture
def program(folder, tmp_path):
    """A program whose two trials have left a process behind and go on for ever."""
    started = []

    def start(how):
        (tmp_path / "program.py").write_text(
            textwrap.dedent(
                f"""
                import sys
                sys.path.insert(0, {os.path.dirname(__file__)!r})
                import bluefin, worker_objectives
                if __name__ == "__main__":
                    objective = worker_objectives.LeavesOne({str(folder)!r}, {how!r}, "hang")
                    bluefin.create_study().optimize(objective, n_workers=2, fake_gpus=2)
                """
            )
        )
        started.append(subprocess.Popen([sys.executable, str(tmp_path / "program.py")], stderr=subprocess.DEVNULL))
        assert eventually(lambda: len(pids(folder)) == 2)
        assert not any(is_gone(pid) for pid in pids(folder))
        return started[0]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("how", WAYS)
def test_it_ends_with_a_program_that_is_killed(folder, program, how):
    process = program(how)
    of_it = keepers(process.pid)
    assert len(of_it) == 2
    process.kill()
    process.wait()
    below = [*pids(folder), *(pid for pair in of_it for pid in pair)]
    assert eventually(lambda: all(is_gone(pid) for pid in below), 5.0)
    assert slot_is_free()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_a_program_that_is_sent_a_signal(folder, program, number):
    process = program("session")
    process.send_signal(number)
    process.wait()
    assert eventually(lambda: all(is_gone(pid) for pid in pids(folder)), 5.0)


@pytest.mark.parametrize("how", ["session_with_descriptors", "double_fork"])
def test_it_ends_when_the_keepers_are_killed_as_well(folder, program, how):
    process = program(how)
    of_it = keepers(process.pid)
    process.send_signal(signal.SIGSTOP)  # nobody has the time to do anything about it
    for pid in [*(keeper for keeper, _ in of_it), *(worker for _, worker in of_it), process.pid]:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert eventually(lambda: all(is_gone(pid) for pid in pids(folder)), 5.0)


def test_a_keeper_that_is_killed_takes_its_worker_along(folder, program):
    process = program("session")
    [(keeper, worker), other] = keepers(process.pid)
    os.kill(keeper, signal.SIGKILL)
    assert eventually(lambda: is_gone(worker), 5.0)
    assert not any(is_gone(pid) for pid in other)
