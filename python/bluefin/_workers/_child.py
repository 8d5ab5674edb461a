# SPDX-License-Identifier: MIT
"""The main program of a worker."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import gc
from multiprocessing import process
from multiprocessing import spawn
from multiprocessing.connection import Connection
import os
import sys
import threading
from typing import Any

from bluefin import _native
from bluefin import logging
from bluefin._workers._messages import dumps
from bluefin._workers._messages import loads
from bluefin._workers._messages import pack_error
from bluefin._workers._messages import Setup
from bluefin._workers._messages import unpack_error
from bluefin._workers._trial import WorkerTrial

_EXIT_INTERRUPTED = 130  # a shell's number for SIGINT


def main(fd: int, parent: int) -> None:
    """Runs trials until the program closes the socket ``fd``. parent: the keeper's number."""
    _native.end_with_parent(parent)
    os.set_inheritable(fd, False)  # programs that the objective starts must not hold the socket
    try:
        _run_trials(Connection(fd))
    except (EOFError, ConnectionError):
        pass  # the parent needs no more trials
    except KeyboardInterrupt:
        os._exit(_EXIT_INTERRUPTED)


def _run_trials(connection: Connection) -> None:
    setup: Setup = loads(connection.recv_bytes())
    try:
        objective = _load_objective(setup)
    except BaseException as error:  # also sys.exit() of a main module that is no module
        connection.send_bytes(dumps(("raised", *pack_error(error, skip_frames=1))))
        return
    connection.send_bytes(dumps(("ready", os.getpid())))
    call = _caller(connection)
    while True:
        _, number = loads(connection.recv_bytes())
        message = _outcome(objective, WorkerTrial(number, call))
        if setup.gc_after_trial:
            gc.collect()
        _flush_output()
        if dropped := _dropped():
            connection.send_bytes(dumps(("dropped", dropped)))
        connection.send_bytes(message)


def _load_objective(setup: Setup) -> Callable[[WorkerTrial], Any]:
    # With this mark a main module without a guard cannot start workers of its own, here or with multiprocessing.
    process.current_process()._inheriting = True  # type: ignore[attr-defined]
    try:
        spawn.prepare(setup.preparation)
        logging.set_verbosity(setup.verbosity)
        return loads(setup.objective)
    finally:
        del process.current_process()._inheriting  # type: ignore[attr-defined]


def _dropped() -> list[int]:
    """Processes that run although their Popen is gone: Python keeps these to collect them some time."""
    running = getattr(sys.modules.get("subprocess"), "_active", None)
    return [process.pid for process in running or ()]


def _flush_output() -> None:
    """What was printed is to be seen now, not when the worker ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # there is none, or nobody reads it


def _caller(connection: Connection) -> Callable[..., Any]:
    lock = threading.Lock()  # some objectives report from a thread of their own

    def call(of_study: bool, name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            arguments = dumps((args, kwargs))
        except Exception as error:
            raise TypeError(f"{name}{args!r} cannot be sent to the process that holds the study: {error}") from error
        with lock:
            connection.send_bytes(dumps(("call", of_study, name, arguments)))
            word, *content = loads(connection.recv_bytes())
        if word == "raised":
            packed, text = content
            raise unpack_error(packed, text, with_traceback=False)
        return loads(*content)

    return call


def _outcome(objective: Callable[[WorkerTrial], Any], trial: WorkerTrial) -> bytes:
    try:
        return dumps(("returned", _plain(objective(trial))))
    except SystemExit:
        raise
    except BaseException as error:
        return dumps(("raised", *pack_error(error, skip_frames=1)))


class Unusable:
    """Stands for a result that is no number."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _plain(value: Any) -> Any:
    """A result in a form that can be sent, and that Study.tell takes in the same way."""
    if value is None or isinstance(value, (str, bytes)) or type(value) in (bool, int, float):
        return value
    if isinstance(value, Sequence):
        return [_plain(member) for member in value]
    try:
        return float(value)
    except (TypeError, ValueError):
        return Unusable(repr(value))
