# SPDX-License-Identifier: MIT
"""Where studies live: in memory, in an SQLite file that Optuna reads and writes as well, or in a storage of your own."""

from __future__ import annotations

import importlib
from typing import Any
from typing import TYPE_CHECKING

from bluefin import _absent
from bluefin.storages._base import BaseStorage
from bluefin.storages._base import DEFAULT_STUDY_NAME_PREFIX as DEFAULT_STUDY_NAME_PREFIX
from bluefin.storages._callbacks import RetryFailedTrialCallback
from bluefin.storages._callbacks import RetryHeartbeatStaleTrialCallback
from bluefin.storages._heartbeat import fail_stale_trials
from bluefin.storages._memory import InMemoryStorage
from bluefin.storages._native import NativeJournal
from bluefin.storages._native import NativeStorage
from bluefin.storages._rdb import CachedStorage as _CachedStorage
from bluefin.storages._rdb import RDBStorage

if TYPE_CHECKING:
    from bluefin.storages import journal
    from bluefin.storages.journal import JournalStorage
    from bluefin.storages._deprecated import BaseJournalLogStorage
    from bluefin.storages._deprecated import JournalFileOpenLock
    from bluefin.storages._deprecated import JournalFileStorage
    from bluefin.storages._deprecated import JournalFileSymlinkLock
    from bluefin.storages._deprecated import JournalRedisStorage
else:
    # Only programs that use a journal wait for it.
    _LATER = {
        "journal": "journal",
        "JournalStorage": "journal",
        "BaseJournalLogStorage": "_deprecated",
        "JournalFileOpenLock": "_deprecated",
        "JournalFileStorage": "_deprecated",
        "JournalFileSymlinkLock": "_deprecated",
        "JournalRedisStorage": "_deprecated",
    }
    _absent_name = _absent.lookup(__name__)

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            return _absent_name(name)
        module = importlib.import_module(f"{__name__}.{_LATER[name]}")
        found = globals()[name] = module if name == "journal" else getattr(module, name)
        return found


__all__ = [
    "BaseJournalLogStorage",
    "BaseStorage",
    "InMemoryStorage",
    "JournalFileOpenLock",
    "JournalFileStorage",
    "JournalFileSymlinkLock",
    "JournalRedisStorage",
    "JournalStorage",
    "RDBStorage",
    "RetryFailedTrialCallback",
    "RetryHeartbeatStaleTrialCallback",
    "fail_stale_trials",
    "get_storage",
    "journal",
]

if not TYPE_CHECKING:
    __all__ += _absent.names(__name__)

def get_storage(storage: None | str | BaseStorage) -> BaseStorage:
    """A storage from what ``storage`` arguments take: None (in memory), a URL or a storage. ``journal:///FILE`` is the
    engine's own `JournalStorage` with a `JournalFileBackend`.

    Raises:
        TypeError: It is something else.
    """
    if storage is None:
        return InMemoryStorage()
    if isinstance(storage, str):
        return NativeJournal(storage) if storage.startswith("journal:") else RDBStorage(storage)
    if isinstance(storage, BaseStorage):
        return storage
    raise TypeError(f"`storage` must be None, a URL or a storage of bluefin, but got {storage!r}.")
