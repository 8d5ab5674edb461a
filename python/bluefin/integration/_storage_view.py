# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Container
from collections.abc import Sequence
import copy
from typing import Any

from bluefin.integration._words import Words


def _as_it_is(method: str) -> Any:
    """A method whose arguments and result are the same in both packages."""

    def forwarded(self: StorageView, *args: Any, **kwargs: Any) -> Any:
        with self._into.errors():
            return getattr(self._storage, method)(*args, **kwargs)

    forwarded.__name__ = method
    return forwarded


class StorageView:
    """A storage of one package with the interface of the other; subclasses derive from the other's BaseStorage as well.

    It serves the view of one study, whose finished trials it converts once.
    """

    _into: Words  # the package that looks
    _back: Words  # the package of the storage

    def __init__(self, storage: Any, study_id: int) -> None:
        self._storage = storage
        self._study_id = study_id
        self._finished: dict[int, Any] = {}  # of the study, by id

    delete_study = _as_it_is("delete_study")
    set_study_user_attr = _as_it_is("set_study_user_attr")
    set_study_system_attr = _as_it_is("set_study_system_attr")
    get_study_id_from_name = _as_it_is("get_study_id_from_name")
    get_study_name_from_id = _as_it_is("get_study_name_from_id")
    get_study_user_attrs = _as_it_is("get_study_user_attrs")
    get_study_system_attrs = _as_it_is("get_study_system_attrs")
    set_trial_intermediate_value = _as_it_is("set_trial_intermediate_value")
    set_trial_user_attr = _as_it_is("set_trial_user_attr")
    set_trial_system_attr = _as_it_is("set_trial_system_attr")
    remove_session = _as_it_is("remove_session")

    def create_new_study(self, directions: Sequence[Any], study_name: str | None = None) -> int:
        with self._into.errors():
            return self._storage.create_new_study([self._back.direction(d) for d in directions], study_name)

    def get_study_directions(self, study_id: int) -> list[Any]:
        with self._into.errors():
            return [self._into.direction(d) for d in self._storage.get_study_directions(study_id)]

    def get_all_studies(self) -> list[Any]:
        with self._into.errors():
            return [self._into.study(study) for study in self._storage.get_all_studies()]

    def create_new_trial(self, study_id: int, template_trial: Any = None) -> int:
        template = None if template_trial is None else self._back.trial(template_trial)
        with self._into.errors():
            return self._storage.create_new_trial(study_id, template)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: Any
    ) -> None:
        with self._into.errors():
            self._storage.set_trial_param(
                trial_id, param_name, param_value_internal, self._back.distribution(distribution)
            )

    def set_trial_state_values(self, trial_id: int, state: Any, values: Sequence[float] | None = None) -> bool:
        with self._into.errors():
            return self._storage.set_trial_state_values(trial_id, self._back.state(state), values)

    def get_trial(self, trial_id: int) -> Any:
        with self._into.errors():
            return self._into.trial(self._storage.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[Any] | None = None
    ) -> list[Any]:
        with self._into.errors():
            trials = self._trials(study_id)
        if states is not None:
            trials = [trial for trial in trials if trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def _trials(self, study_id: int) -> list[Any]:
        """All trials of a study in a list of the caller's own."""
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        if study_id != self._study_id:
            return [self._into.trial(trial) for trial in trials]
        return [self._finished.get(trial._trial_id) or self._converted(trial) for trial in trials]

    def _converted(self, trial: Any) -> Any:
        made = self._into.trial(trial)
        if made.state.is_finished():
            self._finished[made._trial_id] = made
        return made
