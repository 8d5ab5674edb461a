# SPDX-License-Identifier: MIT
"""Studies in a journal: every change is a line that is appended, and a reader replays the lines."""

from bluefin.storages.journal._base import BaseJournalBackend
from bluefin.storages.journal._file import JournalFileBackend
from bluefin.storages.journal._lock import JournalFileOpenLock
from bluefin.storages.journal._lock import JournalFileSymlinkLock
from bluefin.storages.journal._redis import JournalRedisBackend
from bluefin.storages.journal._storage import JournalStorage

__all__ = [
    "BaseJournalBackend",
    "JournalFileBackend",
    "JournalFileOpenLock",
    "JournalFileSymlinkLock",
    "JournalRedisBackend",
    "JournalStorage",
]
