# SPDX-License-Identifier: MIT
"""Where the trials of `Study.optimize` run: GPUs, shared with every other process of the machine."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
import threading
import time
from typing import Literal
from typing import TYPE_CHECKING
from typing import Union

from bluefin import _checks
from bluefin import _native
from bluefin.logging import get_logger

if TYPE_CHECKING:
    from bluefin.trial import Trial

_logger = get_logger(__name__)

Gpus = Union[str, int, Iterable[Union[str, int]], None]
SlotsPerGpu = Union[int, Literal["auto"]]

_PAUSE_S = 0.02  # between two tries to get a slot
_PAUSE_WITHOUT_PLACE_S = 0.1
_SAY_WHY_AFTER_S = 1.0


def open_slots(
    gpus: Gpus,
    gpus_per_trial: int,
    slots_per_gpu: SlotsPerGpu,
    cpu_slots: int,
    fake_gpus: int,
    with_workers: bool,
) -> _native.SlotPool | None:
    """The slots that the arguments of `Study.optimize` ask for; None: none.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: They contradict each other or the machine.
    """
    for name, value in (
        ("gpus_per_trial", gpus_per_trial),
        ("slots_per_gpu", slots_per_gpu),
        ("cpu_slots", cpu_slots),
        ("fake_gpus", fake_gpus),
    ):
        if isinstance(value, bool):
            raise TypeError(f"`{name}` must be a number, but got {value!r}.")
    of_trial = _checks.integer("`gpus_per_trial`", gpus_per_trial, 2**31)
    on_gpu = _checked_slots_per_gpu(slots_per_gpu, with_workers)
    on_cpu = _checks.integer("`cpu_slots`", cpu_slots, 2**31)
    fakes = _checks.integer("`fake_gpus`", fake_gpus, 2**31)
    text = _gpus_text(gpus)
    if text is None:
        if (on_cpu, fakes) == (0, 0):
            if (of_trial, on_gpu) != (1, 1):
                raise ValueError("`gpus_per_trial` and `slots_per_gpu` need `gpus`: gpus=\"all\", say.")
            return None
        text = "auto"
    return _native.open_slots(text, of_trial, on_gpu, on_cpu, fakes)


def _checked_slots_per_gpu(given: SlotsPerGpu, with_workers: bool) -> int | None:
    """A number; None: as many as fit."""
    if isinstance(given, str):
        if given != "auto":
            raise ValueError(f'`slots_per_gpu` must be a number or "auto", but got {given!r}.')
        if not with_workers:
            raise ValueError(
                '`slots_per_gpu="auto"` needs `n_workers`: what a trial uses of a GPU can only be measured where it '
                "has a process of its own."
            )
        return None
    number = _checks.integer("`slots_per_gpu`", given, 2**31)
    if number < 1:
        raise ValueError(f'`slots_per_gpu` must be at least 1, or "auto", but got {given!r}.')
    return number


def _gpus_text(gpus: Gpus) -> str | None:
    """In the form of the command line."""
    if gpus is None or isinstance(gpus, str):
        return gpus
    if isinstance(gpus, Iterable):
        names = [name if isinstance(name, str) else str(_gpu_number("An item of `gpus`", name)) for name in gpus]
        return ",".join(names) + "," if names else "none"
    return str(_gpu_number("`gpus`", gpus))


def _gpu_number(what: str, value: int) -> int:
    if isinstance(value, bool):  # an int to Python; but neither one GPU nor all of them is what it says
        raise TypeError(f'{what} must be an int, but got {value!r} (gpus="all" is every GPU, gpus="none" is none).')
    return _checks.integer(what, value)


class Waiting:
    """Threads that wait for slots of a pool.

    Args:
        pool: The pool.
        telemetry: Is told that they wait, and why; None: nobody is.
        places: How many slots there could be now besides those that are held; the threads beyond these wait silently.
            None: one for each thread.
    """

    def __init__(
        self,
        pool: _native.SlotPool,
        telemetry: _native.Telemetry | None = None,
        places: Callable[[], int] | None = None,
    ) -> None:
        self._pool = pool
        self._places = places
        self._telemetry = telemetry
        self._lock = threading.Lock()  # guards the rest
        self._n_waiting = 0
        self._said = ""

    def acquire(self, may_begin: Callable[[], bool]) -> _native.SlotLease | None:
        """Waits for a slot as long as a trial may be begun."""
        begin = time.monotonic()
        with self._lock:
            self._n_waiting += 1
        try:
            while may_begin():
                wanted = self._n_waiting if self._places is None else min(self._n_waiting, self._places())
                if wanted <= 0:
                    self._want_nothing()
                    begin = time.monotonic()
                    time.sleep(_PAUSE_WITHOUT_PLACE_S)
                    continue
                lease = self._pool.try_acquire(wanted)
                if lease is not None:
                    return lease
                if self._telemetry is not None:
                    self._telemetry.set_waiting(wanted, self._pool.reason())
                if time.monotonic() - begin > _SAY_WHY_AFTER_S:
                    self._say_why()
                time.sleep(_PAUSE_S)
            return None
        finally:
            with self._lock:
                self._n_waiting -= 1
                if self._n_waiting == 0:
                    self._want_nothing()

    def _want_nothing(self) -> None:
        self._pool.stop_waiting()
        if self._telemetry is not None:
            self._telemetry.set_waiting(0, "")

    def _say_why(self) -> None:
        reason = self._pool.reason()
        with self._lock:
            if not reason or reason == self._said:
                return
            self._said = reason
        _logger.info(f"Waiting for a slot: {reason}.")


def mark(lease: _native.SlotLease, trial: Trial, study_name: str, pid: int) -> None:
    """Notes on the trial which devices it has, and at the lock which trial has it."""
    lease.note(study_name, trial.number, pid)
    if uuids := lease.uuids():
        trial.set_user_attr("bluefin:gpu", ",".join(uuids))
