# SPDX-License-Identifier: MIT
"""A small process between a worker and the program: whatever the worker starts ends with it.

It is a subreaper (prctl(2)): processes whose parents end are its own then instead of init's, also those that have left
the worker's session. It ends all of them when the worker has ended in whatever way, and when the program has; then it ends as the
worker did. The worker itself is no subreaper, since its objective may wait for any child (os.wait).

This file is not imported but run, in a fresh interpreter that has loaded nothing else yet: the fork copies no thread,
and the copy that stays here is small.

What it does when it is sent a signal: SIGINT: sends it to the worker. SIGTERM: sends it to the worker's process group.
SIGUSR1: ends everything at once.
"""

import ctypes
import os
import resource
import select
import signal
import time
from typing import NoReturn

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_COMMANDS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
_LONGEST_DYING_S = 2.0  # what the kernel cannot kill is left to it
_PAUSE_S = 0.001


def keep(socket: int, program: int) -> int:
    """Returns in the worker, with the keeper's number; the keeper stays here.

    Args:
        socket: The worker's.
        program: A pidfd of the program's process.
    """
    system = ctypes.CDLL(None)
    system.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    keeper = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.close(program)
        os.setsid()
        return keeper
    os.close(socket)  # the program sees its end when the worker has closed it
    system.prctl(_PR_SET_NAME, b"bluefin-keeper", 0, 0, 0)
    commands: list[int] = []
    wake, wake_end = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    for number in (*_COMMANDS, signal.SIGCHLD):
        signal.signal(number, lambda number, frame: commands.append(number))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_COMMANDS, signal.SIGCHLD))
    events = select.poll()
    events.register(wake, select.POLLIN)
    events.register(program, select.POLLIN)
    ends = False
    while not ends and not _reap(worker):
        ready = [fd for fd, _ in events.poll()]
        if wake in ready:
            os.read(wake, 4096)
        ends = program in ready
        while commands:
            command = commands.pop(0)
            if command == signal.SIGINT:
                os.kill(worker, command)
            elif command == signal.SIGTERM:
                _kill_group(worker, command)
            elif command == signal.SIGUSR1:
                ends = True
    return _end_like(_end_all(worker))


def _reap(worker: int) -> bool:
    """Collects children that have ended. True: the worker has; its number stays its own until it is collected, too."""
    while (child := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if child.si_pid == worker:
            return True
        os.waitpid(child.si_pid, 0)
    return False


def _end_all(worker: int) -> int:
    """Kills the worker's group and whatever else is below this process; the status of the worker."""
    end = time.monotonic() + _LONGEST_DYING_S
    _kill_group(worker, signal.SIGKILL)
    status = None
    # Again and again: what the killed ones have started, they leave to this process.
    while time.monotonic() < end:
        for pid in _descendants():
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                if ended[0] == worker:
                    status = ended[1]
        except ChildProcessError:
            break
        time.sleep(_PAUSE_S)
    return int(signal.SIGKILL) if status is None else status


def _descendants() -> list[int]:
    found = [os.getpid()]
    for pid in found:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as children:
                    found += [int(child) for child in children.read().split()]
        except OSError:
            pass  # it has ended
    return found[1:]


def _kill_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # it has not begun yet, or has ended


def _end_like(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the worker's own is enough
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
        os.kill(os.getpid(), number)
        signal.pause()
    os._exit(os.WEXITSTATUS(status))
