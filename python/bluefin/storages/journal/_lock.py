# SPDX-License-Identifier: MIT
"""Locks that also hold on network file systems: whoever creates the lock file has the lock."""

from __future__ import annotations

import abc
import os
import time
import uuid
import warnings

from bluefin.logging import get_logger

LOCK_FILE_SUFFIX = ".lock"

_logger = get_logger(__name__)
_SAY_SO_AFTER_S = 10.0


class BaseJournalFileLock(abc.ABC):
    """What `JournalFileBackend` holds while it appends."""

    @abc.abstractmethod
    def acquire(self) -> bool:
        """Waits until the lock is had; True."""

    @abc.abstractmethod
    def release(self) -> None:
        """Gives it back; RuntimeError when it was not had."""


class _LockFile(BaseJournalFileLock):
    """A lock file beside the journal. One that nobody has touched for ``grace_period`` seconds is taken away: its owner
    is dead."""

    def __init__(self, filepath: str, grace_period: int | None = 30) -> None:
        if grace_period is not None:
            if grace_period <= 0:
                raise ValueError(f"`grace_period` must be a positive number of seconds, but got {grace_period!r}.")
            if grace_period < 3:
                warnings.warn("The value of `grace_period` might be too small.", stacklevel=2)
        self._lock_target_file = filepath
        self._lock_file = filepath + LOCK_FILE_SUFFIX
        self.grace_period = grace_period

    @abc.abstractmethod
    def _create(self) -> None:
        """FileExistsError when somebody has the lock."""

    def acquire(self) -> bool:
        pause = 0.001
        unchanged_since = next_word = time.monotonic()
        seen: float | None = None
        while True:
            try:
                self._create()
                return True
            except FileExistsError:
                pass
            now = time.monotonic()
            if now - next_word > _SAY_SO_AFTER_S:
                next_word = now
                _logger.warning(f"Still waiting for the lock file {self._lock_file}.")
            try:
                modified = os.lstat(self._lock_file).st_mtime
            except OSError:
                continue  # released just now
            if modified != seen:
                seen, unchanged_since = modified, now
            if self.grace_period is not None and now - unchanged_since > self.grace_period:
                _logger.warning(f"The lock file {self._lock_file} was not released for {self.grace_period} s; taking it.")
                try:
                    self.release()
                except RuntimeError:  # somebody else did
                    pass
                pause, seen = 0.001, None
                continue
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def release(self) -> None:
        # Renamed first: only one process can do that, so nobody removes the next owner's file.
        aside = f"{self._lock_file}{uuid.uuid4()}.rename"
        try:
            os.rename(self._lock_file, aside)
            os.unlink(aside)
        except OSError as error:
            raise RuntimeError("Error: did not possess lock") from error


class JournalFileSymlinkLock(_LockFile):
    """A symbolic link as the lock: also for NFS version 2.

    Args:
        filepath: The journal.
        grace_period: Seconds after which a lock that nobody releases is taken away; None: never.
    """

    def _create(self) -> None:
        os.symlink(self._lock_target_file, self._lock_file)


class JournalFileOpenLock(_LockFile):
    """A file opened with ``O_EXCL`` as the lock: for local files and NFS from version 3 on.

    Args:
        filepath: The journal.
        grace_period: Seconds after which a lock that nobody releases is taken away; None: never.
    """

    def _create(self) -> None:
        os.close(os.open(self._lock_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
