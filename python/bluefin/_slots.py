# SPDX-License-Identifier: MIT
"""Where the trials of `Study.optimize` run: GPUs, shared with every other process of the machine."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
import threading
import time
from typing import TYPE_CHECKING
from typing import Union

from bluefin import _checks
from bluefin import _native
from bluefin.logging import get_logger

if TYPE_CHECKING:
    from bluefin.trial import Trial

_logger = get_logger(__name__)

Gpus = Union[str, int, Iterable[Union[str, int]], None]

_PAUSE_S = 0.02  # between two tries to get a slot
_SAY_WHY_AFTER_S = 1.0


def open_slots(
    gpus: Gpus, gpus_per_trial: int, slots_per_gpu: int, cpu_slots: int, fake_gpus: int
) -> _native.SlotPool | None:
    """The slots that the arguments of `Study.optimize` ask for; None: none.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: They contradict each other or the machine.
    """
    numbers = [
        _checks.integer(f"`{name}`", value, 2**31)
        for name, value in (
            ("gpus_per_trial", gpus_per_trial),
            ("slots_per_gpu", slots_per_gpu),
            ("cpu_slots", cpu_slots),
            ("fake_gpus", fake_gpus),
        )
    ]
    text = _gpus_text(gpus)
    if text is None:
        if numbers[2:] == [0, 0]:
            if numbers[:2] != [1, 1]:
                raise ValueError("`gpus_per_trial` and `slots_per_gpu` need `gpus`: gpus=\"all\", say.")
            return None
        text = "auto"
    return _native.open_slots(text, *numbers)


def _gpus_text(gpus: Gpus) -> str | None:
    """In the form of the command line."""
    if gpus is None or isinstance(gpus, str):
        return gpus
    if isinstance(gpus, Iterable):
        names = [name if isinstance(name, str) else str(_checks.integer("An item of `gpus`", name)) for name in gpus]
        return ",".join(names) + "," if names else "none"
    return str(_checks.integer("`gpus`", gpus))


class Waiting:
    """Threads that wait for slots of a pool.

    Args:
        pool: The pool.
        telemetry: Is told that they wait, and why; None: nobody is.
    """

    def __init__(self, pool: _native.SlotPool, telemetry: _native.Telemetry | None = None) -> None:
        self._pool = pool
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
                lease = self._pool.try_acquire(self._n_waiting)
                if lease is not None:
                    return lease
                if self._telemetry is not None:
                    self._telemetry.set_waiting(self._n_waiting, self._pool.reason())
                if time.monotonic() - begin > _SAY_WHY_AFTER_S:
                    self._say_why()
                time.sleep(_PAUSE_S)
            return None
        finally:
            with self._lock:
                self._n_waiting -= 1
                if self._n_waiting == 0:
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
