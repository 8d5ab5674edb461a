# SPDX-License-Identifier: MIT
from __future__ import annotations

import math
from typing import Any
from typing import Literal
import warnings

from bluefin import _checks
from bluefin import _native
from bluefin._warnings import warn_experimental_argument
from bluefin.exceptions import ExperimentalWarning
from bluefin.storages._heartbeat import BaseHeartbeat
from bluefin.storages._heartbeat import StaleTrialCallback
from bluefin.storages._native import NativeStorage
from bluefin.storages._sqlalchemy import check_engine_kwargs
from bluefin.storages._sqlalchemy import engine_url


_HEAD = "v3.2.0.a"
_ARGUMENTS = (
    "url",
    "engine_kwargs",
    "skip_compatibility_check",
    "heartbeat_interval",
    "grace_period",
    "heartbeat_stale_trial_callback",
    "skip_table_creation",
    "durability",
)


class _Engine:
    """What programs use of SQLAlchemy's engine: the URL, and a way to let go of connections."""

    def __init__(self, url: str) -> None:
        self.url = url

    def dispose(self, close: bool = True) -> None:
        """Does nothing: the one connection ends with the last study and storage object that use it."""


class RDBStorage(NativeStorage, BaseHeartbeat):
    """An SQLite file with Optuna's tables. Any number of threads and processes may use it at once.

    Args:
        url: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``. The file is made if it does not exist.
            ``sqlite://`` and ``sqlite:///:memory:`` are a storage in memory, for this object alone. As in SQLAlchemy the
            scheme may be ``sqlite+pysqlite``, and options of `sqlite3.connect` (``?timeout=10``) may follow.
        engine_kwargs: Arguments of `sqlalchemy.create_engine`. They are checked and have no effect, nor have options in
            the URL: there is neither SQLAlchemy nor Python's sqlite3 here.
        skip_compatibility_check: Accepted; the schema is always checked.
        heartbeat_interval: Seconds between two heartbeats of a trial that `Study.optimize` runs; None: none. Before each
            trial, trials whose heartbeat has stopped fail.
        grace_period: Seconds without a heartbeat until a trial counts as dead; None: twice the interval.
        heartbeat_stale_trial_callback: Called with the study and each trial that was failed so.
        failed_trial_callback: The old name of ``heartbeat_stale_trial_callback``.
        skip_table_creation: Accepted; tables are made where they are missing.
        durability: What a power cut may take of the trials that were told: ``"trial"`` nothing, ``"group"`` those of the
            last 100 ms, ``"os"`` what the operating system has not written yet. None: ``$BLUEFIN_DURABILITY``, or
            ``"trial"``. Bluefin's own, Optuna has no such argument.

    Raises:
        ValueError: The URL names another kind of storage or has an unknown option; ``engine_kwargs`` would name another
            database; the interval or the period is not positive; the durability is not one of its words.
        TypeError: SQLAlchemy does not know an argument in ``engine_kwargs``.
        StorageInternalError: The file cannot be used; the message says why and what to do.
    """

    def __init__(
        self,
        url: str,
        engine_kwargs: dict[str, Any] | None = None,
        skip_compatibility_check: bool = False,
        *,
        heartbeat_interval: int | None = None,
        grace_period: int | None = None,
        heartbeat_stale_trial_callback: StaleTrialCallback | None = None,
        failed_trial_callback: StaleTrialCallback | None = None,
        skip_table_creation: bool = False,
        durability: Literal["trial", "group", "os"] | None = None,
    ) -> None:
        location = engine_url(_checks.text("`url`", url))
        self.engine_kwargs = check_engine_kwargs(engine_kwargs)
        if heartbeat_interval is not None:
            _checks.count("`heartbeat_interval`", heartbeat_interval)
            if heartbeat_interval <= 0:
                raise ValueError(f"`heartbeat_interval` must be a positive integer, but got {heartbeat_interval!r}.")
            warn_experimental_argument("heartbeat_interval")
        if grace_period is not None and _checks.count("`grace_period`", grace_period) <= 0:
            raise ValueError(f"`grace_period` must be a positive integer, but got {grace_period!r}.")
        if failed_trial_callback is not None:
            if heartbeat_stale_trial_callback is not None:
                raise ValueError("Specify only one of `heartbeat_stale_trial_callback` and `failed_trial_callback`.")
            warnings.warn(
                "`failed_trial_callback` is deprecated. Use `heartbeat_stale_trial_callback` instead.",
                FutureWarning,
                stacklevel=2,
            )
        if durability is not None:
            _checks.text("`durability`", durability)
        super().__init__(_native.open_storage(location, durability))
        self.url = url
        self.durability = durability
        self.engine = _Engine(url)
        self.skip_compatibility_check = skip_compatibility_check
        self.skip_table_creation = skip_table_creation
        self.heartbeat_interval = heartbeat_interval
        self.grace_period = grace_period
        self.heartbeat_stale_trial_callback = heartbeat_stale_trial_callback or failed_trial_callback

    @property
    def failed_trial_callback(self) -> StaleTrialCallback | None:
        """The old name of ``heartbeat_stale_trial_callback``."""
        return self.heartbeat_stale_trial_callback

    def record_heartbeat(self, trial_id: int) -> None:
        self._engine.record_heartbeat(trial_id)

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        assert self.heartbeat_interval is not None
        grace = 2 * self.heartbeat_interval if self.grace_period is None else self.grace_period
        return self._engine.stale_trials(study_id, math.ceil(grace))

    def get_heartbeat_interval(self) -> int | None:
        return self.heartbeat_interval

    def get_heartbeat_stale_trial_callback(self) -> StaleTrialCallback | None:
        return self.heartbeat_stale_trial_callback

    def get_current_version(self) -> str:
        """The revision of the tables; files of other revisions are not opened."""
        return _HEAD

    def get_head_version(self) -> str:
        """The revision that this version writes."""
        return _HEAD

    def get_all_versions(self) -> list[str]:
        """The revisions that this version reads."""
        return [_HEAD]

    def upgrade(self) -> None:
        """Does nothing: a file that is open has the current tables. An older one: ``optuna storage upgrade``."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_engine", "engine")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = dict(state)  # what is left is of a subclass
        arguments = {name: own.pop(name) for name in _ARGUMENTS}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            RDBStorage.__init__(self, **arguments)
        self.__dict__.update(own)


class CachedStorage(NativeStorage, BaseHeartbeat):
    """The same storage under the name that Optuna has for a cache around it: the engine has its own."""

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend._engine)
        self._backend = backend

    def __getstate__(self) -> dict[str, Any]:
        return {"backend": self._backend}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def record_heartbeat(self, trial_id: int) -> None:
        self._backend.record_heartbeat(trial_id)

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        return self._backend._get_stale_trial_ids(study_id)

    def get_heartbeat_interval(self) -> int | None:
        return self._backend.get_heartbeat_interval()

    def get_heartbeat_stale_trial_callback(self) -> StaleTrialCallback | None:
        return self._backend.get_heartbeat_stale_trial_callback()
