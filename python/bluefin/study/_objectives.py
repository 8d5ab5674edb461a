# SPDX-License-Identifier: MIT
"""Where the objectives of an optimize() call run."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import nullcontext
from functools import partial
import threading
from typing import Any
from typing import ContextManager
from typing import Protocol
from typing import TYPE_CHECKING

from bluefin import _native
from bluefin._slots import mark
from bluefin._slots import Waiting

if TYPE_CHECKING:
    from bluefin.trial import FrozenTrial
    from bluefin.trial import Trial


class ObjectiveLost(Exception):
    """The process that ran an objective is gone, which costs its trial and nothing else."""


class Objectives(Protocol):
    """What `Run` needs of the place where objectives run; `bluefin._workers.WorkerPool` is the other one."""

    # How long Ctrl-C waits for the threads that run trials before it leaves them behind.
    interrupt_grace_s: float

    def slot(self, may_begin: Callable[[], bool]) -> ContextManager[Callable[[Trial], Any] | None]:
        """A place for one trial, taken before the trial is begun. What it gives runs the objective.

        None when no trial may be begun any more: for places that are waited for.
        """

    def ended(self, trial: FrozenTrial) -> bool:
        """Is told of each trial that has ended here. Whether it has failed without fault, and begins anew."""

    def interrupt(self) -> None:
        """Raises KeyboardInterrupt in running objectives; called again and again until all have ended."""

    def close(self) -> None:
        """No more trials will come."""


class InThreads:
    """The objective runs in the thread that calls it."""

    interrupt_grace_s = 0.8  # one that does not return to Python's code cannot be ended

    def __init__(self, func: Callable[[Trial], Any], slots: _native.SlotPool | None = None) -> None:
        self._func = func
        self._slot = nullcontext(self._call)  # one for all, at any time
        self._waiting = None if slots is None else Waiting(slots)
        self._lock = threading.Lock()  # guards the rest
        self._running: set[int] = set()  # threads
        self._interrupted: set[int] = set()

    def slot(self, may_begin: Callable[[], bool]) -> ContextManager[Callable[[Trial], Any] | None]:
        return self._slot if self._waiting is None else self._leased(self._waiting, may_begin)

    @property
    def has_slots(self) -> bool:
        return self._waiting is not None

    @contextmanager
    def _leased(self, waiting: Waiting, may_begin: Callable[[], bool]) -> Iterator[Callable[[Trial], Any] | None]:
        lease = waiting.acquire(may_begin)
        if lease is None:
            yield None
            return
        try:
            yield partial(self._call_on, lease)
        finally:
            lease.release()

    def _call_on(self, lease: _native.SlotLease, trial: Trial) -> Any:
        trial._devices = lease.ordinals()
        mark(lease, trial, trial.study.study_name, 0)
        return self._call(trial)

    def ended(self, trial: FrozenTrial) -> bool:
        return False

    def interrupt(self) -> None:
        # Again and again: a thread that has just begun its trial enters the objective later.
        with self._lock:
            for ident in self._running - self._interrupted:
                _native.raise_in_thread(ident, KeyboardInterrupt)
            self._interrupted |= self._running

    def close(self) -> None:
        pass

    def _call(self, trial: Trial) -> Any:
        ident = threading.get_ident()
        with self._lock:
            self._running.add(ident)
        try:
            return self._func(trial)
        finally:
            with self._lock:
                self._running.discard(ident)
