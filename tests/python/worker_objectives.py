# SPDX-License-Identifier: MIT
"""Objectives that workers import; without pytest, so that this is quick."""

import ctypes
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

import bluefin
from processes import is_gone


def parabola(trial):
    return trial.suggest_float("x", -5, 5) ** 2


def process(trial):
    """Half a second of work, and who has done it."""
    trial.set_user_attr("pid", os.getpid())
    trial.set_user_attr("worker", os.environ["BLUEFIN_WORKER"])
    time.sleep(0.5)
    return 0.0


def every_kind(trial):
    x = trial.suggest_float("x", -5, 5)
    assert trial.suggest_float("x", -5, 5) == x
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    step = trial.suggest_float("step", 0, 1, step=0.25)
    n = trial.suggest_int("n", 1, 9, step=2)
    kind = trial.suggest_categorical("kind", ["adam", None, 3, True])
    assert trial.params == {"x": x, "lr": lr, "step": step, "n": n, "kind": kind}
    assert type(trial.params["kind"]) is type(kind)
    assert trial.distributions["n"] == bluefin.distributions.IntDistribution(1, 9, step=2)
    trial.report(0.5, 0)
    trial.report(0.25, 3)
    assert trial.should_prune() is False
    trial.set_user_attr("list", [1, {"two": None}])
    trial.set_constraint("c", -1.0)
    assert trial.user_attrs == {"list": [1, {"two": None}]}
    assert trial.constraints == {"c": -1.0}
    assert abs(time.time() - trial.datetime_start.timestamp()) < 60
    assert trial.relative_params == {}
    assert isinstance(trial, bluefin.Trial) and trial.number >= 0
    return x**2


def pruned_when_bad(trial):
    bad = trial.number % 2
    for step in range(5):
        trial.report(step + 100 * bad, step)
        if trial.should_prune():
            raise bluefin.TrialPruned(f"at {step}")
    return bad


class Crash:
    """Ends its process at the third trial."""

    def __init__(self, how):
        self.how = how

    def __call__(self, trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 2:
            getattr(self, self.how)()
        return x

    def exit(self):
        os._exit(3)

    def sys_exit(self):
        sys.exit(4)

    def sys_exit_0(self):
        sys.exit()

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def terminate(self):
        os.kill(os.getpid(), signal.SIGTERM)

    def segfault(self):
        ctypes.string_at(0)

    def kill_with_a_fork_that_lives_on(self):
        if os.fork() == 0:
            time.sleep(600)  # and holds the socket
        self.kill()


class Odd(Exception):
    """Pickle can write it but not read it."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def inner(number):
    if number == 1:
        raise Odd("this", "that")
    if number == 2:
        error = ValueError("with a lock")
        error.lock = threading.Lock()
        raise error


def raises(trial):
    inner(trial.number)
    return 1.0


class Slow:
    """A float, and nothing that can be sent."""

    def __init__(self):
        self.lock = threading.Lock()

    def __float__(self):
        return 1.5


class NoNumber(Slow):
    __float__ = None

    def __repr__(self):
        return "<no number>"


RESULTS = [
    1,
    2.5,
    True,
    "3",
    "x",
    "12",
    None,
    [4],
    (1, 2),
    [],
    float("nan"),
    float("inf"),
    {},
    {"a": 1},
    Slow,
    NoNumber,
]


def results(trial):
    result = RESULTS[trial.number]
    return result() if isinstance(result, type) else result


def reads_the_study(trial):
    study = trial.study
    assert study.study_name == "s" and study.directions == [bluefin.study.StudyDirection.MINIMIZE]
    assert len(study.trials) == len(study.get_trials()) == trial.number + 1
    if trial.number:
        assert study.best_value == study.best_trial.value == 0 and study.user_attrs == {"answer": 42}
    for name in ("tell", "optimize", "_storage"):
        try:
            getattr(study, name)
        except AttributeError as error:
            assert "is in the process that called optimize()" in str(error)
        else:
            raise AssertionError(name)
    if trial.number == 2:
        study.stop()
    return trial.number


def wrong_calls(trial):
    """What goes wrong in the parent is raised here."""
    errors = []
    for call in (
        lambda: trial.suggest_float("x", 1, 0),
        lambda: trial.report("no number", 1),
        lambda: trial.report(1.0, -1),
        lambda: trial.set_user_attr("key", threading.Lock()),
        lambda: trial.__reduce__(),
    ):
        try:
            call()
        except (TypeError, ValueError) as error:
            errors.append(f"{type(error).__name__}: {error}")
    trial.set_user_attr("errors", errors)
    return trial.suggest_float("x", 0, 1)


def in_the_background(trial):
    """Leaves a process behind, and an unflushed line."""
    trial.set_user_attr("pid", subprocess.Popen(["sleep", "600"]).pid)
    sys.stdout.write(f"trial {trial.number}\n")
    return 0.0


def endless(trial, folder, stubborn=False):
    """Writes the numbers of its processes into the folder, then goes on for ever."""
    child = subprocess.Popen(["sleep", "600"])
    Path(folder, f"{trial.number}.pids").write_text(f"{os.getpid()} {child.pid}")
    while True:
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            if not stubborn:
                Path(folder, f"{trial.number}.tidy").write_text("")
                raise


def given_number(trial, number):
    return number / 10


def note_pid(trial):
    """Writes the number of its process into the current folder."""
    Path(f"{trial.number}.pids").write_text(str(os.getpid()))
    return 1.0


def beyond_limits(trial):
    """Trial 0 hangs, 1 reports and hangs, 2 takes memory, 3 asks all the time, also after SIGTERM; then all is well."""
    if trial.number == 0:
        time.sleep(60)
    if trial.number == 1:
        for step in range(10**6):
            trial.report(1.0, step)
            time.sleep(0.05)
    if trial.number == 2:
        blocks = []
        while len(blocks) < 16:
            blocks.append(b"x" * 2**26)
            trial.report(1.0, len(blocks))  # it is the memory that ends it
            time.sleep(0.05)
    if trial.number == 3:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            trial.suggest_float("x", 0, 1)
    return 1.0


def daemon(note):
    """A process that forks twice and never executes another program: it holds every descriptor, also the locks."""
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            note(os.getpid())
            time.sleep(600)
        os._exit(0)
    os.waitpid(middle, 0)


class Leaves:
    """Leaves processes behind that have left its session, and writes their numbers into a folder."""

    def __init__(self, folder, how, end="end"):
        self.folder = folder
        self.how = how
        self.last = end

    def __call__(self, trial):
        # Nothing of the trials before it is there.
        trial.set_user_attr("before", [pid for pid in self.pids() if not is_gone(pid)])
        getattr(self, self.how)()
        while len(self.pids()) <= trial.number:
            time.sleep(0.01)
        return getattr(self, self.last)()

    def pids(self):
        return [int(path.name) for path in Path(self.folder).iterdir()]

    def note(self, pid):
        Path(self.folder, str(pid)).touch()

    def session(self):
        self.note(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)

    def session_with_descriptors(self):
        self.note(subprocess.Popen(["sleep", "600"], start_new_session=True, close_fds=False).pid)

    def stubborn(self):
        script = f"trap '' TERM HUP INT; touch {self.folder}/$$; while :; do sleep 600; done"
        subprocess.Popen(["sh", "-c", script], start_new_session=True, close_fds=False)

    def double_fork(self):
        daemon(self.note)

    def shell(self):
        os.system(f"setsid sh -c 'touch {self.folder}/$$; exec sleep 600' & sleep 0.1")

    def orphan(self):
        """One that stays in the session, but without a parent."""
        os.system(f"sh -c 'touch {self.folder}/$$; exec sleep 600' &")

    def hidden(self):
        """Nothing in its environment tells whose it is."""
        os.system(f"env -i setsid sh -c 'touch {self.folder}/$$; exec sleep 600' &")

    def end(self):
        return 1.0

    def fail(self):
        raise ValueError("on purpose")

    def crash(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self):
        time.sleep(600)


held = None


def with_a_service(trial):
    """As libraries have one: started by the first trial in a session of its own, and used by all that follow."""
    global held
    if held is None:
        held = subprocess.Popen(["sleep", "600"], start_new_session=True)
    trial.set_user_attr("alive", held.poll() is None)
    trial.set_user_attr("pid", held.pid)
    return 0.0


def waits_for_any_child(trial):
    """Has children of its own only, whatever has become of those of others."""
    os.system("sleep 0.01 &")
    mine = subprocess.Popen(["sh", "-c", "exit 3"])
    pid, status = os.wait()
    trial.set_user_attr("mine", [pid == mine.pid, os.waitstatus_to_exitcode(status)])
    mine.returncode = 3
    try:
        os.wait()
    except ChildProcessError:
        return 0.0


class LeavesOne(Leaves):
    """Of several trials at once: each waits for its own."""

    def __call__(self, trial):
        getattr(self, self.how)()
        return getattr(self, self.last)()


def takes_memory_in_a_daemon(trial):
    def take(pid):
        block = b"x" * 2**29
        time.sleep(600)
        return block

    daemon(take)
    time.sleep(60)
