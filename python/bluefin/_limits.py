# SPDX-License-Identifier: MIT
"""What one trial in a worker may use."""

from __future__ import annotations

from dataclasses import dataclass
import math
import time

from bluefin import _checks
from bluefin import _native

_MEMORY_INTERVAL_S = 0.25
_MIN_MEMORY = 2**20


@dataclass(frozen=True)
class Limits:
    """As in `bluefin run`: seconds of a trial, seconds without a report, bytes of main memory."""

    trial_timeout: float | None = None
    report_timeout: float | None = None
    memory_limit: int | None = None

    @staticmethod
    def checked(
        trial_timeout: float | None, report_timeout: float | None, memory_limit: int | None, with_workers: bool
    ) -> Limits:
        given = {"trial_timeout": trial_timeout, "report_timeout": report_timeout, "memory_limit": memory_limit}
        for name, value in given.items():
            if value is not None and not with_workers:
                raise ValueError(f"`{name}` needs `n_workers`: only a trial in a process of its own can be ended.")
        seconds: list[float | None] = []
        for name in ("trial_timeout", "report_timeout"):
            value = given[name]
            seconds.append(None if value is None else _checks.number(f"`{name}`", value))
            if value is not None and not 0 < seconds[-1] < math.inf:  # type: ignore[operator]
                raise ValueError(f"`{name}` must be above 0 seconds, but got {value!r}.")
        trial, report = seconds
        if trial is not None and report is not None and report >= trial:
            raise ValueError(
                f"`report_timeout` must be shorter than `trial_timeout`, which would always come first, but got "
                f"{report_timeout!r} and {trial_timeout!r}."
            )
        memory = None if memory_limit is None else _checks.integer("`memory_limit`", memory_limit, 2**63)
        if memory is not None and memory < _MIN_MEMORY:
            raise ValueError(f"`memory_limit` must be at least {_MIN_MEMORY} bytes (1 MiB), but got {memory_limit!r}.")
        return Limits(trial, report, memory)


class Watch:
    """Looks at one trial.

    Args:
        limits: What it may use.
        pid: The process that its own, and what that has started, descend from.
    """

    def __init__(self, limits: Limits, pid: int) -> None:
        self._limits = limits
        self._pid = pid
        self._begin = self._reported = self._looked = time.monotonic()

    def note_report(self) -> None:
        self._reported = time.monotonic()

    def wait_ms(self) -> float | None:
        """How long to wait for the worker before `broken` is to be asked; None: for ever."""
        limits = self._limits
        ends = []
        if limits.trial_timeout is not None:
            ends.append(self._begin + limits.trial_timeout)
        if limits.report_timeout is not None:
            ends.append(self._reported + limits.report_timeout)
        if limits.memory_limit is not None:
            ends.append(self._looked + _MEMORY_INTERVAL_S)
        # At most a day: what poll() takes ends at 2^31 ms.
        return min(max(0.0, min(ends) - time.monotonic()), 86400.0) * 1000 if ends else None

    def broken(self) -> tuple[str, str] | None:
        """The class of `bluefin run` and a sentence when a limit is exceeded."""
        limits = self._limits
        now = time.monotonic()
        if limits.trial_timeout is not None and now - self._begin >= limits.trial_timeout:
            return "timeout", f"the trial ran for longer than {limits.trial_timeout:g} s (trial_timeout)"
        if limits.report_timeout is not None and now - self._reported >= limits.report_timeout:
            return "no-report", f"no report for {limits.report_timeout:g} s (report_timeout)"
        if limits.memory_limit is not None and now - self._looked >= _MEMORY_INTERVAL_S:
            self._looked = now
            used = _native.descendants_memory(self._pid, limits.memory_limit)
            if used > limits.memory_limit:
                return "oom-host", (
                    f"the trial had {used / 2**20:.6g} MiB of memory, more than its limit of "
                    f"{limits.memory_limit / 2**20:.6g} MiB (memory_limit)"
                )
        return None
