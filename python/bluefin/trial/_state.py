# SPDX-License-Identifier: MIT
import enum


class TrialState(enum.IntEnum):
    """Where a trial stands; RUNNING and WAITING trials are unfinished."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4

    __str__ = enum.Enum.__str__

    def is_finished(self) -> bool:
        """Whether the trial does not change any more."""
        return self not in (TrialState.RUNNING, TrialState.WAITING)
