# SPDX-License-Identifier: MIT
"""Heartbeats: trials whose process is gone without a word fail after a while, whatever host it ran on."""

from __future__ import annotations

import abc
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
import copy
from threading import Event
from threading import Thread
from typing import TYPE_CHECKING

from bluefin._warnings import deprecated
from bluefin._warnings import experimental
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.logging import get_logger
from bluefin.storages._base import BaseStorage
from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState

if TYPE_CHECKING:
    from bluefin.study import Study

_logger = get_logger(__name__)

StaleTrialCallback = Callable[["Study", FrozenTrial], None]


class BaseHeartbeat(abc.ABC):
    """What a storage with heartbeats offers besides `BaseStorage`."""

    @abc.abstractmethod
    def record_heartbeat(self, trial_id: int) -> None:
        """Says that a running trial is alive."""

    @abc.abstractmethod
    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        """Running trials that have said so once, but not for the grace period."""

    @abc.abstractmethod
    def get_heartbeat_interval(self) -> int | None:
        """Seconds between two heartbeats; None: there are none."""

    @abc.abstractmethod
    def get_heartbeat_stale_trial_callback(self) -> StaleTrialCallback | None:
        """What is called with each trial that was failed."""

    @deprecated("4.9.0", "6.0.0", "Use `get_heartbeat_stale_trial_callback` instead.")
    def get_failed_trial_callback(self) -> StaleTrialCallback | None:
        """The old name of `get_heartbeat_stale_trial_callback`."""
        return self.get_heartbeat_stale_trial_callback()


def is_heartbeat_enabled(storage: BaseStorage) -> bool:
    """Whether running trials of this storage tell that they are alive."""
    return isinstance(storage, BaseHeartbeat) and storage.get_heartbeat_interval() is not None


@contextmanager
def beating(trial_id: int, storage: BaseStorage) -> Iterator[None]:
    """Records heartbeats of a trial, in a thread of its own, while the block runs."""
    if not is_heartbeat_enabled(storage):
        yield
        return
    assert isinstance(storage, BaseHeartbeat)
    done = Event()
    thread = Thread(target=_beat, args=(trial_id, storage, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(trial_id: int, storage: BaseHeartbeat, done: Event) -> None:
    while True:
        try:
            storage.record_heartbeat(trial_id)
        except Exception as error:  # the next one may get through; a trial must not seem dead for one that did not
            _logger.warning(f"The heartbeat of the trial with id {trial_id} could not be recorded: {error!r}")
        if done.wait(storage.get_heartbeat_interval()):
            return


@experimental("2.9.0")
def fail_stale_trials(study: Study) -> None:
    """Fails the running trials of a study whose heartbeat has stopped, and calls the storage's callback with each.

    Does nothing where the storage records no heartbeats.
    """
    fail_stale(study)


def fail_stale(study: Study) -> None:
    """The same without the warning: what `Study.optimize` does before each trial."""
    storage = study._storage
    if not is_heartbeat_enabled(storage):
        return
    assert isinstance(storage, BaseHeartbeat)
    failed = []
    for trial_id in storage._get_stale_trial_ids(study._study_id):
        try:
            if storage.set_trial_state_values(trial_id, state=TrialState.FAIL):
                failed.append(trial_id)
        except UpdateFinishedTrialError:
            pass  # another process was faster
    callback = storage.get_heartbeat_stale_trial_callback()
    if callback is not None:
        for trial_id in failed:
            callback(study, copy.deepcopy(storage.get_trial(trial_id)))


def fail_lost(study: Study) -> None:
    """Fails the trials that processes of this machine ran until they died, and calls the storage's callback with each."""
    storage = study._storage
    callback = storage.get_heartbeat_stale_trial_callback() if isinstance(storage, BaseHeartbeat) else None
    for native in study._native.fail_lost_trials(callback is None):
        if callback is not None:
            callback(study, FrozenTrial._from_native(native, study._objects, {}))
