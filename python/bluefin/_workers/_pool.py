# SPDX-License-Identifier: MIT
"""The workers of one optimize() call."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
import json
import multiprocessing
from multiprocessing import spawn
import os
import queue
import threading
import time
from typing import Any
from typing import TYPE_CHECKING

from bluefin import _native
from bluefin import logging
from bluefin._limits import Limits
from bluefin._out_of_memory import out_of_memory_class
from bluefin._slots import mark
from bluefin._slots import Waiting
from bluefin._workers._messages import dumps
from bluefin._workers._messages import Setup
from bluefin._workers._objective import pack_objective
from bluefin._workers._process import Worker
from bluefin._workers._process import WorkerDied
from bluefin.exceptions import StorageInternalError
from bluefin.logging import get_logger
from bluefin.study._objectives import ObjectiveLost
from bluefin.trial import FrozenTrial
from bluefin.trial import Trial

if TYPE_CHECKING:
    from bluefin.study._study import Study

_logger = get_logger(__name__)

# From Ctrl-C to SIGKILL: what the objectives have to tidy up.
_INTERRUPT_GRACE_S = 0.4
# From the last trial to SIGKILL: interpreters with large libraries take their time to end.
_EXIT_GRACE_S = 2.0
# How often a worker may die before it is ready: where memory is short, another try is worth it.
_START_ATTEMPTS = 3
# The variable that all processes of one optimize() call have.
_MARK = "BLUEFIN_WORKER_MARK"


class WorkerPool:
    """Runs the objective in worker processes, which are started when they are first needed and replaced when they die.

    Args:
        study: Whose trials run here.
        func: The objective.
        n_workers: How many.
        gc_after_trial: Collects garbage in the worker after each trial.
        telemetry: What the trials use is measured by it.
        slots: Where the workers run; None: wherever they like.
        limits: What each trial may use.

    Raises:
        TypeError: The objective cannot be sent to another process.
    """

    interrupt_grace_s = 10.0  # killed workers let their threads go at once, or as soon as a busy machine can

    def __init__(
        self,
        study: Study,
        func: Callable[[Trial], Any],
        n_workers: int,
        gc_after_trial: bool,
        telemetry: _native.Telemetry,
        slots: _native.SlotPool | None = None,
        limits: Limits | None = None,
    ) -> None:
        objective, needs_main = pack_objective(func)
        preparation = _preparation(needs_main)
        self._sys_path = [os.fspath(folder) for folder in preparation["sys_path"]]
        self._setup = dumps(Setup(preparation, objective, gc_after_trial, logging.get_verbosity()))
        self._environment = _environment()
        self._guard: _native.Guard | None = None
        self._study = study._native
        self._n_workers = n_workers
        self._workers: list[Worker | None] = [None] * n_workers
        self._limits = limits
        self._telemetry = telemetry
        self._slots = slots
        self._adapts = slots is not None and slots.adapts()
        self._waiting = None if slots is None else Waiting(slots, telemetry, self._places if self._adapts else None)
        self._leases: list[_native.SlotLease | None] = [None] * n_workers  # held as long as their workers live
        self._beside_others: set[int] = set()  # trials that ran out of memory so
        # How many trials share a GPU; None: that is fixed.
        self._auto_slots = _native.AutoSlots(study._native, slots) if slots is not None and self._adapts else None
        self._say_what_is_decided()
        # The last one used is taken first: where there are fewer trials than workers, the others need not start.
        self._free: queue.LifoQueue[int] = queue.LifoQueue()
        for index in reversed(range(n_workers)):
            self._free.put(index)
        self._lock = threading.Lock()  # no worker is started once they are being ended
        self._closed = False
        self._interrupted_at: float | None = None

    @contextmanager
    def slot(self, may_begin: Callable[[], bool]) -> Iterator[Callable[[Trial], Any] | None]:
        """A worker that has loaded the objective. What is yielded runs a trial there.

        None when no trial may be begun any more and a slot was waited for.

        Raises:
            RuntimeError: No worker can be started, or it cannot load the objective.
        """
        index = self._free.get()
        try:
            if self._waiting is not None and self._leases[index] is None:
                self._leases[index] = self._waiting.acquire(may_begin)
                if self._leases[index] is None:
                    yield None
                    return
            yield partial(self._run, index, self._ready(index))
        finally:
            if self._slots is not None:
                self._give_on(index, may_begin)
            self._free.put(index)

    def _places(self) -> int:
        """How many workers could begin now, beside those that have a slot."""
        held = sum(lease is not None for lease in self._leases)
        return self._slots.trials_at_a_time(self._n_workers) - held  # type: ignore[union-attr]

    def ended(self, trial: FrozenTrial) -> bool:
        if self._auto_slots is None:
            return False
        self._auto_slots.add(trial._native)
        self._say_what_is_decided()
        if trial.number not in self._beside_others:
            return False
        self._beside_others.discard(trial.number)
        return _native.begin_anew_beside_fewer(self._study, trial._native)

    def _say_what_is_decided(self) -> None:
        if self._auto_slots is not None and (news := self._auto_slots.take_news()):
            _logger.info(f"{news[0].upper()}{news[1:]}.")

    def _give_on(self, index: int, may_begin: Callable[[], bool]) -> None:
        """Gives a worker's slot back, with the worker, where somebody else should have it."""
        lease = self._leases[index]
        slots = self._slots
        if lease is None or slots is None:
            return
        # One that was started beside fewer or more keeps to another share of the memory, and is measured as such.
        is_as_others = not self._adapts or lease.slots_per_gpu() == slots.slots_per_gpu()
        if may_begin() and is_as_others and not slots.wanted_by_others(lease):
            return
        with self._lock:
            worker = None if self._closed else self._workers[index]
        if worker is not None:
            # It has memory on its GPU, or may have: the slot is free when it has ended.
            worker.hang_up()
            worker.wait(_EXIT_GRACE_S)
        self._leases[index] = None
        lease.release()

    def interrupt(self) -> None:
        """Ctrl-C; called again and again until every trial has ended."""
        now = time.monotonic()
        with self._lock:
            first = self._interrupted_at is None
            begin = now if self._interrupted_at is None else self._interrupted_at
            self._interrupted_at = begin
            workers = [worker for worker in self._workers if worker is not None]
        for worker in workers:
            if first:
                worker.interrupt()
            elif now - begin >= _INTERRUPT_GRACE_S:
                worker.kill()

    def close(self) -> None:
        """Ends every worker."""
        with self._lock:
            self._closed = True
            workers = [worker for worker in self._workers if worker is not None]
        end = time.monotonic() + _EXIT_GRACE_S
        for worker in workers:
            worker.hang_up()
        for worker in workers:
            worker.wait(end - time.monotonic())
        for index, lease in enumerate(self._leases):
            if lease is not None:
                self._leases[index] = None
                lease.release()
        if self._guard is not None:
            self._guard.close()
        self._telemetry.close()

    def _ready(self, index: int) -> Worker:
        worker = self._workers[index]
        if worker is not None and worker.is_alive():
            return worker
        for _ in range(_START_ATTEMPTS):
            worker = self._start(index)
            try:
                worker.wait_until_ready()
                return worker
            except WorkerDied as error:
                death = error
        raise RuntimeError(f"A worker process has ended before it was ready: {death}")

    def _start(self, index: int) -> Worker:
        with self._lock:
            if self._closed or self._interrupted_at is not None:
                raise KeyboardInterrupt
            if _MARK not in self._environment:
                self._guard = _guard(self._environment)
            environment = {**self._environment, "BLUEFIN_WORKER": str(index)}
            # As for the trials of `bluefin run`: spinning threads of several trials stop each other.
            n_trials = self._n_workers if self._slots is None else self._slots.trials_at_a_time(self._n_workers)
            cores = len(os.sched_getaffinity(0))
            environment.setdefault("OMP_NUM_THREADS", str(max(1, cores // n_trials)))
            lease = self._leases[index]
            if lease is not None:
                environment.update(lease.environment())
            inherited = [] if lease is None else lease.descriptors()
            worker = self._workers[index] = Worker(
                self._setup, self._sys_path, environment, inherited, self._limits
            )
        return worker

    def _run(self, index: int, worker: Worker, trial: Trial) -> Any:
        lease = self._leases[index]
        if lease is not None:
            mark(lease, trial, trial.study.study_name, worker.pid)
        self._telemetry.begin(trial.number, worker.pid, lease, worker.is_fresh)
        try:
            return worker.run(trial)
        except WorkerDied as death:
            interrupted = self._interrupted_at is not None
            # The words of `bluefin run`.
            trial.set_user_attr("bluefin:fail", "interrupted" if interrupted else death.kind)
            trial.set_user_attr("bluefin:error", "stopped by Ctrl-C" if interrupted else str(death))
            if interrupted:
                raise KeyboardInterrupt from None
            raise ObjectiveLost(str(death)) from None
        except Exception as error:
            if self._slots is not None and lease is not None and out_of_memory_class(error) == "oom-device":
                self._note_share(self._slots.memory_beside_others(lease), trial)
            raise
        finally:
            trial.set_user_attr("bluefin:telemetry", json.loads(self._telemetry.usage(trial.number)))
            self._telemetry.end(trial.number)

    def _note_share(self, share: int | None, trial: Trial) -> None:
        """Of a trial that has run out of a GPU's memory. share: what it had beside others; None: it had all."""
        if share is not None:
            trial.set_user_attr("bluefin:capacity", share)
            self._beside_others.add(trial.number)


def _preparation(needs_main: bool) -> dict[str, Any]:
    """What multiprocessing tells a fresh interpreter about this one, so that imports give the same modules there."""
    chosen = multiprocessing.get_start_method(allow_none=True)
    data = spawn.get_preparation_data("bluefin-worker")
    if chosen is None:  # asking has chosen one, and the program may still want to
        multiprocessing.set_start_method(None, force=True)
        del data["start_method"]
    data["authkey"] = bytes(data["authkey"])  # the type that it has can only be pickled by multiprocessing
    if not needs_main:
        data.pop("init_main_from_name", None)
        data.pop("init_main_from_path", None)
    return data


def _guard(environment: dict[str, str]) -> _native.Guard | None:
    """Ends what is left when the program is killed together with the keepers of its workers. Marks the environment."""
    mark = environment[_MARK] = f"{os.getpid()}-{time.monotonic_ns():x}"
    try:
        return _native.Guard(f"{_MARK}={mark}")
    except StorageInternalError as error:  # there is no /bin/sh
        _logger.warning(f"Processes may be left when this program is killed: {error}.")
        return None


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # A worker is not the trial of a supervisor, even if this process is.
    for name in ("BLUEFIN_FD", "BLUEFIN_DEVICE", "BLUEFIN_DEVICE_UUID", "BLUEFIN_SLOTS_PER_GPU", _MARK):
        environment.pop(name, None)
    environment.setdefault("OMP_WAIT_POLICY", "passive")
    return environment
