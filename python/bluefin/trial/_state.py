# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Container
from collections.abc import Iterable
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


def states_in(states: Container[TrialState] | Iterable[TrialState] | None) -> tuple[TrialState, ...] | None:
    """What a ``states`` argument holds; None: it does not choose. An iterator is used up, and that is all."""
    if states is None:
        return None
    try:
        held = states if isinstance(states, Container) else tuple(states)  # `in` would use up an iterator
        return tuple(state for state in TrialState if state in held)
    except TypeError:
        raise TypeError(f"`states` must be several states or None, but got {states!r}.") from None
