# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

from bluefin import _native
from bluefin._objects import Objects
from bluefin.storages._native import NativeStorage


class InMemoryStorage(NativeStorage):
    """Keeps studies in this process. Attributes and choices may be any objects.

    A pickled one is a copy of its studies, which keep their ids; trials get new ones.
    """

    _json_only = False
    _where = "in memory"
    _logger_name = "_in_memory"

    def __init__(self) -> None:
        super().__init__(_native.open_storage("memory:", None))
        self._all_objects: dict[int, Objects] = {}  # by study

    def _kept_objects(self, study_id: int) -> Objects:
        return self._all_objects.setdefault(study_id, Objects())

    def _kept_objects_of_trial(self, trial_id: int) -> Objects:
        return self._kept_objects(self._find_trial(trial_id)[0])

    def delete_study(self, study_id: int) -> None:
        super().delete_study(study_id)
        objects = self._all_objects.pop(study_id, None)
        if objects is not None:
            objects.clear()

    def __getstate__(self) -> dict[str, Any]:
        # Not copied here: an object may lead back to this storage, which only who copies all of it knows.
        studies = [self._frozen_study(record, deepcopy=False) for record in self._engine.studies()]
        own = {name: value for name, value in self.__dict__.items() if name not in ("_engine", "_all_objects")}
        return {
            "studies": [(s, NativeStorage.get_all_trials(self, s._study_id, deepcopy=False)) for s in studies],
            "own": own,  # of a subclass
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        InMemoryStorage.__init__(self)
        self.__dict__.update(state["own"])
        next_id = 0
        for study, trials in state["studies"]:
            directions = [int(direction) for direction in study.directions]
            # Ids stay as they were: what else was pickled may hold them.
            for _ in range(next_id, study._study_id):
                self._engine.delete_study(self._engine.create_study("", directions))
            study_id = self._engine.create_study(study.study_name, directions)
            next_id = study_id + 1
            for key, value in study.user_attrs.items():
                NativeStorage.set_study_user_attr(self, study_id, key, value)
            for key, value in study.system_attrs.items():
                NativeStorage.set_study_system_attr(self, study_id, key, value)
            for trial in trials:
                NativeStorage.create_new_trial(self, study_id, trial)
