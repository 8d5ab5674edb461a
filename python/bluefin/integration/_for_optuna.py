# SPDX-License-Identifier: MIT
"""A study of bluefin as Optuna's samplers and pruners see it: real classes of Optuna on the study's own trials."""

from __future__ import annotations

import json
import threading
from typing import Any
import weakref

import optuna

from bluefin import _objects
from bluefin.integration._storage_view import StorageView
from bluefin.integration._views import Views
from bluefin.integration._words import into_bluefin
from bluefin.integration._words import into_optuna
from bluefin.study import Study
from bluefin.trial import FrozenTrial


class _ForStudy:
    """What knows its study, and does not keep it alive."""

    _weak_study: weakref.ref[Study]

    @property
    def _bluefin_study(self) -> Study:
        study = self._weak_study()
        if study is None:
            raise RuntimeError("The study does not exist any more.")
        return study


class StorageForOptuna(_ForStudy, StorageView, optuna.storages.BaseStorage):
    """The storage of a study. The study's trials come from its own cache, together with what is not yet written."""

    _into = into_optuna
    _back = into_bluefin

    def __init__(self, study: Study) -> None:
        super().__init__(study._storage, study._study_id)
        self._weak_study = weakref.ref(study)
        self._known: list[Any] = []  # finished trials by number, None where there is none
        self._lock = threading.Lock()  # guards _known

    def _trials(self, study_id: int) -> list[Any]:
        if study_id != self._study_id:
            return super()._trials(study_id)
        study = self._bluefin_study
        known = self._known
        with self._lock:
            news = [self._into.trial(trial) for trial in self._unknown(study)]
            if news:
                known.extend([None] * (news[-1].number + 1 - len(known)))
            for trial in news:
                if trial.state.is_finished():
                    known[trial.number] = trial
            trials = known.copy()
        for trial in news:
            trials[trial.number] = trial
        return [trial for trial in trials if trial is not None]

    def _unknown(self, study: Study) -> list[FrozenTrial]:
        """Ascending numbers."""
        known = self._known
        if study._storage._is_native():
            objects = study._objects
            return [FrozenTrial._from_native(native, objects, {}) for native in study._native.trials_beyond(known)]
        trials = study.get_trials(deepcopy=False)
        return [trial for trial in trials if trial.number >= len(known) or known[trial.number] is None]

    def get_trial(self, trial_id: int) -> Any:
        for trial in reversed(self.get_all_trials(self._study_id, deepcopy=False)):
            if trial._trial_id == trial_id:
                return trial
        return super().get_trial(trial_id)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        super().set_study_system_attr(study_id, key, json.loads(_text(key, value, None)))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        study = self._bluefin_study
        text = _text(key, value, study._objects)
        with self._into.errors():
            # A running trial of this process has to hear of it, and workers in other processes at once.
            if study._native.update_running(trial_id, [], {}, {}, {key: text}):
                study._native.flush()
            else:
                self._storage.set_trial_system_attr(trial_id, key, _objects.loads(text, study._objects))


def _text(key: str, value: Any, objects: _objects.Objects | None) -> str:
    """JSON, which the engine reads, wherever that can hold the value; samplers write NumPy's numbers as well."""
    try:
        return json.dumps(value, default=lambda number: number.item())
    except (AttributeError, TypeError, ValueError):
        return _objects.attribute_text(key, value, objects)


class StudyForOptuna(_ForStudy, optuna.Study):
    """A study that is real to Optuna's code; trials are begun and told by bluefin's."""

    def __init__(self, study: Study) -> None:
        # Here, for they import this module.
        from bluefin.integration._pruners import BluefinPruner
        from bluefin.integration._samplers import BluefinSampler

        self._weak_study = weakref.ref(study)
        super().__init__(
            study._native.name(),  # `study_name` is the user's to change
            StorageForOptuna(study),
            getattr(study.sampler, "optuna_sampler", None) or BluefinSampler(study.sampler),
            getattr(study.pruner, "optuna_pruner", None) or BluefinPruner(study.pruner),
        )

    def stop(self) -> None:
        self._bluefin_study.stop()


study_for_optuna: Any = Views(StudyForOptuna)
