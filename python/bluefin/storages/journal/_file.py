# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterator
import json
import os
from typing import Any

from bluefin.storages.journal._base import BaseJournalBackend
from bluefin.storages.journal._lock import BaseJournalFileLock
from bluefin.storages.journal._lock import JournalFileSymlinkLock


class JournalFileBackend(BaseJournalBackend):
    """A journal in a file, one JSON object a line, which Optuna reads and writes too.

    Args:
        file_path: The file; it is made if it does not exist.
        lock_obj: Held while records are appended; None: a `JournalFileSymlinkLock`.
    """

    def __init__(self, file_path: str, lock_obj: BaseJournalFileLock | None = None) -> None:
        if not isinstance(file_path, (str, os.PathLike)):
            raise TypeError(f"`file_path` must be a path, but got {file_path!r}.")
        self._file_path = file_path = os.fspath(file_path)
        self._lock = lock_obj or JournalFileSymlinkLock(file_path)
        open(file_path, "ab").close()
        self._offsets = {0: 0}  # record number to its place in the file

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        number = log_number_from if log_number_from in self._offsets else 0
        position = self._offsets[number]
        with open(self._file_path, "rb") as file:
            # Up to what is there now: others may be writing behind it.
            end = os.fstat(file.fileno()).st_size
            file.seek(position)
            broken: Exception | None = None
            for line in file:
                position += len(line)
                if position > end:
                    return
                # The last line may be half written; one that others stand behind is an error.
                if broken is not None:
                    raise broken
                if not line.endswith(b"\n"):
                    broken = ValueError(f"{self._file_path}: record {number} is not a whole line.")
                    continue
                try:
                    record = json.loads(line)
                except ValueError as error:
                    broken = error
                    continue
                number += 1
                self._offsets[number] = position
                if number > log_number_from:
                    yield record

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._lock.acquire()
        try:
            with open(self._file_path, "ab") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        finally:
            self._lock.release()
