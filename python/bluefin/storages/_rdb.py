# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

from bluefin import _native
from bluefin.storages._native import NativeStorage


class _Engine:
    """What programs use of SQLAlchemy's engine: the URL, and a way to let go of connections."""

    def __init__(self, url: str) -> None:
        self.url = url

    def dispose(self, close: bool = True) -> None:
        """Does nothing: the one connection ends with the last study and storage object that use it."""


class RDBStorage(NativeStorage):
    """An SQLite file with Optuna's tables. Any number of threads and processes may use it at once.

    Args:
        url: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``. The file is made if it does not exist.
        engine_kwargs: Accepted for programs that pass it to SQLAlchemy; nothing in it is needed here.
        skip_compatibility_check: Accepted; the schema is always checked.
        skip_table_creation: Accepted; tables are made where they are missing.

    Raises:
        ValueError: The URL names another kind of storage.
        StorageInternalError: The file cannot be used; the message says why and what to do.
    """

    def __init__(
        self,
        url: str,
        engine_kwargs: dict[str, Any] | None = None,
        skip_compatibility_check: bool = False,
        *,
        skip_table_creation: bool = False,
    ) -> None:
        super().__init__(_native.open_storage(url))
        self.url = url
        self.engine = _Engine(url)
        self.engine_kwargs = engine_kwargs or {}
        self.skip_compatibility_check = skip_compatibility_check
        self.skip_table_creation = skip_table_creation

    def __getstate__(self) -> dict[str, Any]:
        names = ("url", "engine_kwargs", "skip_compatibility_check", "skip_table_creation")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


class CachedStorage(NativeStorage):
    """The same storage under the name that Optuna has for a cache around it: the engine has its own."""

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend._native)
        self._backend = backend
