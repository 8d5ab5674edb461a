# SPDX-License-Identifier: MIT
"""Names of the journal from before Optuna 4, which programs still import from ``storages``."""

from __future__ import annotations

from bluefin._warnings import deprecated
from bluefin.storages import journal
from bluefin.storages.journal import _base


@deprecated("4.0.0", "6.0.0", "Use journal.JournalFileBackend instead.")
class JournalFileStorage(journal.JournalFileBackend):
    """`journal.JournalFileBackend`."""


@deprecated("4.0.0", "6.0.0", "Use journal.JournalRedisBackend instead.")
class JournalRedisStorage(journal.JournalRedisBackend):
    """`journal.JournalRedisBackend`."""


@deprecated("4.0.0", "6.0.0", "Use journal.JournalFileOpenLock instead.")
class JournalFileOpenLock(journal.JournalFileOpenLock):
    """`journal.JournalFileOpenLock`."""


@deprecated("4.0.0", "6.0.0", "Use journal.JournalFileSymlinkLock instead.")
class JournalFileSymlinkLock(journal.JournalFileSymlinkLock):
    """`journal.JournalFileSymlinkLock`."""


@deprecated("4.0.0", "6.0.0", "Use journal.BaseJournalBackend instead.")
class BaseJournalLogStorage(_base.BaseJournalBackend):
    """`journal.BaseJournalBackend`."""
