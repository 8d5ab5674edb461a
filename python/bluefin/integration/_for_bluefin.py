# SPDX-License-Identifier: MIT
"""A study of Optuna as the samplers and pruners of bluefin see it: the engine on Optuna's storage."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any
import weakref

import optuna

from bluefin.integration._storage_view import StorageView
from bluefin.integration._views import Views
from bluefin.integration._words import into_bluefin
from bluefin.integration._words import into_optuna
from bluefin.storages import BaseStorage
from bluefin.study import Study
from bluefin.trial import FrozenTrial


class StorageForBluefin(StorageView, BaseStorage):
    """The storage of a study. The engine is given what is new, and keeps the rest itself."""

    _into = into_bluefin
    _back = into_optuna

    def _trials_since(self, study_id: int, last_id: int, unfinished: set[int]) -> list[FrozenTrial]:
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        first = bisect_left(trials, min({last_id + 1, *unfinished}), key=lambda trial: trial._trial_id)
        return [
            self._into.trial(trial)
            for trial in trials[first:]
            if trial._trial_id > last_id or trial._trial_id in unfinished
        ]


class StudyForBluefin(Study):
    """A study that is read only: trials are begun and told by Optuna's code."""

    _samples_once = True

    def __init__(self, study: optuna.Study) -> None:
        self._weak_study = weakref.ref(study)
        super().__init__(
            study._storage.get_study_name_from_id(study._study_id),  # `study_name` is the user's to change
            StorageForBluefin(study._storage, study._study_id),
            getattr(study.sampler, "bluefin_sampler", None),
            getattr(study.pruner, "bluefin_pruner", None),
        )

    def stop(self) -> None:
        study = self._weak_study()
        if study is not None:
            study.stop()


_views: Any = Views(StudyForBluefin)


def study_for_bluefin(study: optuna.Study) -> StudyForBluefin:
    # Hyperband shows samplers and pruners the trials of one bracket, as a study made for each call. The engine keeps
    # what it knows of a study, and so looks at the whole of it.
    return _views(getattr(study, "_study", study))
