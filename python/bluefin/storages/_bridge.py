# SPDX-License-Identifier: MIT
"""A storage written in Python, in the words of the engine: whole batches, attributes as JSON text."""

from __future__ import annotations

import contextlib
import json
from typing import Any
import weakref

from bluefin import _native
from bluefin import _objects
from bluefin.distributions import json_to_distribution
from bluefin.storages._base import BaseStorage
from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState

_Record = tuple[int, str, list[int], dict[str, str], dict[str, str]]


def _text(value: Any) -> str:
    try:
        return json.dumps(value)
    except TypeError:
        return "null"  # an object that the storage can hold, and that the engine never looks at


def _texts(attributes: dict[str, Any]) -> dict[str, str]:
    return {key: _text(value) for key, value in attributes.items()}


class Bridge:
    """What `bluefin._native.python_storage` calls; python_storage.cpp is its only caller."""

    def __init__(self, storage: BaseStorage) -> None:
        self._weak_storage = weakref.ref(storage)
        self.table = _objects.ObjectTable(storage._json_only)  # objects on their way through the engine
        self.native = _native.python_storage(_WeakBridge(self))

    @property
    def storage(self) -> BaseStorage:
        storage = self._weak_storage()
        if storage is None:
            raise RuntimeError("The storage of this study does not exist any more.")
        return storage

    def url(self) -> str:
        return type(self.storage).__name__

    def create_study(self, name: str, directions: list[int], user_attrs: dict, system_attrs: dict) -> int:
        from bluefin.study._direction import StudyDirection

        study_id = self.storage.create_new_study([StudyDirection(d) for d in directions], name)
        self.set_study_attributes(study_id, True, user_attrs)
        self.set_study_attributes(study_id, False, system_attrs)
        return study_id

    def find_study(self, name: str) -> _Record | None:
        try:
            return self.get_study(self.storage.get_study_id_from_name(name))
        except KeyError:
            return None

    def get_study(self, study_id: int) -> _Record:
        storage = self.storage
        return (
            study_id,
            storage.get_study_name_from_id(study_id),
            [int(direction) for direction in storage.get_study_directions(study_id)],
            _texts(storage.get_study_user_attrs(study_id)),
            _texts(storage.get_study_system_attrs(study_id)),
        )

    def studies(self) -> list[_Record]:
        return [self.get_study(study._study_id) for study in self.storage.get_all_studies()]

    def delete_study(self, study_id: int) -> None:
        self.storage.delete_study(study_id)

    def set_study_attributes(self, study_id: int, user: bool, texts: dict[str, str]) -> None:
        set_attr = self.storage.set_study_user_attr if user else self.storage.set_study_system_attr
        for key, text in texts.items():
            set_attr(study_id, key, _objects.loads(text, self.table))

    def start_trial(self, study_id: int, system_attrs: dict[str, str]) -> Any:
        storage = self.storage
        for waiting in storage.get_all_trials(study_id, deepcopy=False, states=(TrialState.WAITING,)):
            if storage.set_trial_state_values(waiting._trial_id, state=TrialState.RUNNING):
                trial_id = waiting._trial_id
                break
        else:
            trial_id = storage.create_new_trial(study_id)
        for key, text in system_attrs.items():
            storage.set_trial_system_attr(trial_id, key, _objects.loads(text, self.table))
        return self._engine_trial(storage.get_trial(trial_id))

    def add_trial(self, study_id: int, native: Any) -> Any:
        template = FrozenTrial._from_native(native, self.table)
        trial_id = self.storage.create_new_trial(study_id, template_trial=template)
        return self._engine_trial(self.storage.get_trial(trial_id))

    def update_trial(self, *change: Any) -> bool:
        # A journal takes all of it as one append.
        with getattr(self.storage, "_one_append", contextlib.nullcontext)():
            return self._update_trial(*change)

    def _update_trial(
        self,
        trial_id: int,
        params: list[tuple[str, str, float]],
        reports: list[tuple[int, float]],
        user_attrs: dict[str, str],
        system_attrs: dict[str, str],
        state: int | None,
        values: list[float],
    ) -> bool:
        storage = self.storage
        for name, text, internal in params:
            distribution = _objects.original_distribution(json_to_distribution(text), self.table)
            storage.set_trial_param(trial_id, name, internal, distribution)
        for step, value in reports:
            storage.set_trial_intermediate_value(trial_id, step, value)
        for key, text in user_attrs.items():
            storage.set_trial_user_attr(trial_id, key, _objects.loads(text, self.table))
        for key, text in system_attrs.items():
            storage.set_trial_system_attr(trial_id, key, _objects.loads(text, self.table))
        if state is None:
            return True
        return storage.set_trial_state_values(trial_id, TrialState(state), values or None)

    def trials(self, study_id: int, last_id: int, unfinished: list[int]) -> list[Any]:
        """Trials that are new or were not finished before, ascending ids."""
        fresh = self.storage._trials_since(study_id, last_id, set(unfinished))
        return [self._engine_trial(trial) for trial in sorted(fresh, key=lambda trial: trial._trial_id)]

    def _engine_trial(self, trial: FrozenTrial) -> Any:
        return trial._to_native(self.table, dumps=lambda key, value, table: _text(value))


class _WeakBridge:
    """The engine's handle is a member of the bridge, so it must not keep the bridge alive."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = weakref.ref(bridge)

    def __getattr__(self, name: str) -> Any:
        bridge = self._bridge()
        if bridge is None:
            raise RuntimeError("The storage of this study does not exist any more.")
        return getattr(bridge, name)
