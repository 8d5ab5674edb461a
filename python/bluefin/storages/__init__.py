# SPDX-License-Identifier: MIT
"""Where studies live: in memory or in an SQLite file that Optuna reads and writes as well."""

from __future__ import annotations

from typing import Any

from bluefin import _native
from bluefin._objects import ObjectTable

__all__ = ["BaseStorage", "InMemoryStorage", "RDBStorage", "get_storage"]


class BaseStorage:
    """Base class of the storages."""

    _native: Any
    _table: ObjectTable | None = None  # for objects that only memory can hold

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._native.url()!r})"


class InMemoryStorage(BaseStorage):
    """Keeps studies in this process. Attributes and choices may be any objects."""

    def __init__(self) -> None:
        self._native = _native.open_storage("memory:")
        self._table = ObjectTable()


class RDBStorage(BaseStorage):
    """An SQLite file with Optuna's tables. Any number of threads and processes may use it at once.

    Args:
        url: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``. The file is made if it does not exist.

    Raises:
        ValueError: The URL names another kind of storage.
        StorageInternalError: The file cannot be used; the message says why and what to do.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._native = _native.open_storage(url)

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["url"])  # type: ignore[misc]


def get_storage(storage: None | str | BaseStorage) -> BaseStorage:
    """A storage from what ``storage`` arguments take: None (in memory), a URL or a storage.

    Raises:
        TypeError: It is something else.
    """
    if storage is None:
        return InMemoryStorage()
    if isinstance(storage, str):
        return RDBStorage(storage)
    if isinstance(storage, BaseStorage):
        return storage
    raise TypeError(f"`storage` must be None, a URL or a storage of bluefin, but got {storage!r}.")
