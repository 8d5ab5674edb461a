# SPDX-License-Identifier: MIT
from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any


class BaseJournalBackend(abc.ABC):
    """Where a journal is kept. Any number of processes may read and append at once."""

    @abc.abstractmethod
    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The records from this number on (0: all), in the order in which they were appended."""

    @abc.abstractmethod
    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Appends records, together and for good."""


class BaseJournalSnapshot(abc.ABC):
    """A backend that can also keep what the journal amounts to, so that a new reader need not replay all of it."""

    @abc.abstractmethod
    def save_snapshot(self, snapshot: bytes) -> None:
        """Replaces the snapshot."""

    @abc.abstractmethod
    def load_snapshot(self) -> bytes | None:
        """The last snapshot, or None."""
