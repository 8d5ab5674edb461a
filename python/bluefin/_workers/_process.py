# SPDX-License-Identifier: MIT
"""One worker, seen from the parent."""

from __future__ import annotations

from multiprocessing import spawn
from multiprocessing.connection import Connection
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

from bluefin import _native
from bluefin._limits import Limits
from bluefin._limits import Watch
from bluefin._workers._messages import dumps
from bluefin._workers._messages import loads
from bluefin._workers._messages import pack_error
from bluefin._workers._messages import unpack_error
from bluefin.trial import Trial

# The keeper is forked from before anything else is imported.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; keeper = dict(__name__='bluefin-keeper'); "
    "exec(compile(open({file!r}, encoding='utf-8').read(), {file!r}, 'exec'), keeper); "
    "parent = keeper['keep']({fd}, {program}); del keeper; "
    "from bluefin._workers._child import main; main({fd}, parent)"
)
_KEEPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_keeper.py")

# How long a worker that says no more may take to end, and one that has to end after SIGTERM.
_EXIT_GRACE_S = 5.0

# How long a keeper may take to end everything: for one that was stopped.
_KEEPER_GRACE_S = 5.0

# What the keeper understands as "end everything at once".
_END_ALL = signal.SIGUSR1


def _end_connection(connection: Connection) -> None:
    """Closed alone it would stay open in whatever this process has forked meanwhile."""
    with socket.socket(fileno=os.dup(connection.fileno())) as shared:
        try:
            shared.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the worker has ended
    connection.close()


class WorkerDied(Exception):
    """The process has ended without being asked to.

    Attributes:
        kind: ``signal:9`` or ``exit:3``, say: the words of `bluefin run`.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Worker:
    """A process, in which one trial runs at a time, and its keeper (`_keeper`). All but `interrupt`, `kill` and `hang_up` are for one thread.

    Args:
        setup: The pickled `Setup`.
        sys_path: Where the process finds this package.
        environment: Its environment.
        inherited: Descriptors that it holds as long as it lives: the locks of its slot.
        limits: What each trial may use.
    """

    def __init__(
        self,
        setup: bytes,
        sys_path: list[str],
        environment: dict[str, str],
        inherited: list[int] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._setup = setup
        self._limits = limits or Limits()
        self._lock = threading.Lock()  # a number is not signalled once its process is collected
        self._collected = False
        self._in_use = False  # a thread waits for what it says
        self._in_trial = False
        self._pid = 0
        self._kept: list[int] = []  # the keeper's processes that belong to no trial
        self._dropped: list[int] = []  # the worker's that belong to nobody
        self.is_fresh = True  # it has run no trial yet
        ours, theirs = socket.socketpair()
        with ours, theirs:
            fd = theirs.fileno()
            this = _native.open_process(os.getpid())
            try:
                # The keeper's. A session of its own: Ctrl-C at the terminal is the parent's affair.
                self._process = subprocess.Popen(
                    [*_interpreter(), "-c", _PROGRAM.format(path=sys_path, file=_KEEPER, fd=fd, program=this)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[fd, this, *(inherited or ())],
                    env=environment,
                    start_new_session=True,
                )
            finally:
                os.close(this)
            self._connection = Connection(ours.detach())
        try:
            self._end = _native.open_process(self._process.pid)
        except BaseException:
            self._process.send_signal(_END_ALL)
            self._process.wait()
            raise
        # Not the socket alone: processes that the objective has forked hold that, too.
        self._events = select.poll()
        self._events.register(self._connection.fileno(), select.POLLIN)
        self._events.register(self._end, select.POLLIN)

    def wait_until_ready(self) -> None:
        """Until the objective is loaded.

        Raises:
            RuntimeError: It cannot be.
            WorkerDied: The process has ended.
        """
        self._in_use = True
        try:
            self._send_bytes(self._setup)
            word, *content = self._receive()
        finally:
            self._in_use = False
        if word == "raised":
            self.collect()
            error = unpack_error(*content)
            raise RuntimeError(
                f"A worker process could not load the objective: {type(error).__name__}: {error}\n"
                "(A worker imports the module of the objective. Where that is the program itself, what starts the "
                'study belongs under `if __name__ == "__main__":`, and what the objective uses does not.)'
            ) from error.__cause__
        self._pid = content[0]
        self._kept = _native.adopted(self._process.pid, self._pid)

    def run(self, trial: Trial) -> Any:
        """Runs the objective on a trial; returns its result or raises its exception.

        Raises:
            WorkerDied: The process has ended, or was ended for a limit.
        """
        in_step = False
        self._in_use = self._in_trial = True
        try:
            self._send("run", trial.number)
            watch = Watch(self._limits, self._process.pid)
            while True:
                word, *content = self._receive(watch)
                if word == "call":
                    if content[1] == "report":
                        watch.note_report()
                    if broken := watch.broken():  # one that asks all the time as well
                        raise self._end_for(*broken)
                    self._send(*_answer(trial, *content))
                    continue
                if word == "dropped":
                    self._dropped = content[0]
                    continue
                in_step = True
                if word == "returned":
                    return content[0]
                error = unpack_error(*content)
                # It may have come between a question and its answer.
                in_step = not isinstance(error, KeyboardInterrupt)
                raise error
        finally:
            self._in_use = self._in_trial = False
            self.is_fresh = False
            if in_step:
                self._end_leftovers()
            else:
                self.collect()

    def _end_leftovers(self) -> None:
        """Ends what the trial has left running and nobody looks after.

        What the worker itself still holds may be meant for all of its trials: the service of a library, say.
        """
        with self._lock:
            if not self._collected:
                _native.end_leftovers(self._process.pid, self._pid, self._kept, self._dropped)
        self._dropped = []

    @property
    def pid(self) -> int:
        """Of the process that runs the trials, once it is ready."""
        return self._pid

    def is_alive(self) -> bool:
        """Whether it can take another trial."""
        if not self._collected and self._events.poll(0):  # it has nothing to say but that it ends
            self.collect()
        return not self._collected

    def interrupt(self) -> None:
        """Raises KeyboardInterrupt in the objective; ends a worker that is not running one."""
        with self._lock:
            if self._collected:
                return
            self._process.send_signal(signal.SIGINT if self._in_trial else _END_ALL)

    def kill(self) -> None:
        """Ends the process and all that it has started."""
        with self._lock:
            if not self._collected:
                self._process.send_signal(_END_ALL)

    def hang_up(self) -> None:
        """Lets a worker that has no trial end by itself; kills one that has."""
        if self._in_use:
            self.kill()
            return
        with self._lock:  # collect() closes it
            if not self._connection.closed:
                _end_connection(self._connection)

    def wait(self, seconds: float) -> None:
        """After `hang_up`: waits for the end of the process, and makes it when the time is over."""
        if self._in_use or self._collected:
            return
        self._poll_end(seconds)
        self.collect()

    def collect(self) -> WorkerDied:
        """Ends what is left of it and tells how the process has ended."""
        with self._lock:
            if not self._collected:
                self._process.send_signal(_END_ALL)  # until it is waited for, the number cannot be somebody else's
                self._poll_end(_KEEPER_GRACE_S)
                self._process.kill()  # a keeper that was stopped; the worker sees its end
                self._process.wait()
                self._collected = True
                self._connection.close()
                os.close(self._end)
        return _death(self._process.returncode)

    def _send(self, *message: Any) -> None:
        self._send_bytes(dumps(message))

    def _send_bytes(self, data: bytes) -> None:
        try:
            self._connection.send_bytes(data)
        except OSError:
            raise self._ended() from None

    def _receive(self, watch: Watch | None = None) -> tuple[Any, ...]:
        while not (events := self._events.poll(None if watch is None else watch.wait_ms())):
            if watch is not None and (broken := watch.broken()):
                raise self._end_for(*broken)
        ready = [fd for fd, _ in events]
        # What it said last counts, also when it has ended since.
        if self._connection.fileno() in ready:
            try:
                return loads(self._connection.recv_bytes())
            except Exception:  # the end of the file, or half a message
                pass
        raise self._ended()

    def _end_for(self, kind: str, text: str) -> WorkerDied:
        # One that takes too much memory at once, as the kernel does: during a grace it would go on taking it.
        if kind != "oom-host":
            with self._lock:
                if not self._collected:
                    self._process.terminate()  # the keeper passes it on to the group
            self._poll_end(_EXIT_GRACE_S)
        self.collect()
        return WorkerDied(kind, text)

    def _ended(self) -> WorkerDied:
        # Its last files may be closed a while before it has ended, and how it ends is to be known.
        self._poll_end(_EXIT_GRACE_S)
        return self.collect()

    def _poll_end(self, seconds: float) -> None:
        end = select.poll()
        end.register(self._end, select.POLLIN)
        end.poll(max(0.0, seconds) * 1000)


def _answer(trial: Trial, of_study: bool, name: str, arguments: bytes) -> tuple[Any, ...]:
    try:
        args, kwargs = loads(arguments)
        if name == "suggest_categorical":
            result: Any = _suggest_index(trial, *args)
        else:
            member = getattr(trial.study if of_study else trial, name)
            result = member(*args, **kwargs) if callable(member) else member
        return "returned", dumps(result)
    except Exception as error:
        return "raised", *pack_error(error)


def _suggest_index(trial: Trial, name: str, choices: tuple[Any, ...]) -> int:
    chosen = trial.suggest_categorical(name, choices)
    return next(index for index, choice in enumerate(choices) if choice is chosen)


def _interpreter() -> list[str]:
    executable = spawn.get_executable()
    name = executable.decode() if isinstance(executable, bytes) else executable
    return [name or sys.executable, *subprocess._args_from_interpreter_flags()]  # type: ignore[attr-defined]


def _death(code: int) -> WorkerDied:
    if code < 0:
        return WorkerDied(f"signal:{-code}", f"killed by signal {-code} ({signal.strsignal(-code)})")
    if code == 0:
        return WorkerDied("no-value", "the worker process ended without a result (exit code 0)")
    return WorkerDied(f"exit:{code}", f"exit code {code}")
