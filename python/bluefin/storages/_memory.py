# SPDX-License-Identifier: MIT
from __future__ import annotations

from bluefin import _native
from bluefin._objects import ObjectTable
from bluefin.storages._native import NativeStorage


class InMemoryStorage(NativeStorage):
    """Keeps studies in this process. Attributes and choices may be any objects."""

    def __init__(self) -> None:
        super().__init__(_native.open_storage("memory:"))
        self._table = ObjectTable()
