# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Container
from collections.abc import Sequence
from typing import Any
from typing import TYPE_CHECKING
import uuid

from bluefin import _native
from bluefin import _objects
from bluefin import _open_studies
from bluefin.distributions import BaseDistribution
from bluefin.distributions import distribution_to_json
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.storages._base import BaseStorage
from bluefin.storages._base import DEFAULT_STUDY_NAME_PREFIX
from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState

if TYPE_CHECKING:
    from bluefin.study._direction import StudyDirection
    from bluefin.study._frozen import FrozenStudy


class NativeStorage(BaseStorage):
    """A storage of the engine. A study works with it in batches; the methods here are for a look or a hand at it."""

    _native: Any = None  # type: ignore[assignment]
    _table: _objects.ObjectTable | None = None  # type: ignore[assignment] # for objects that only memory can hold

    def __init__(self, native: _native.Storage) -> None:
        self._native = native

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._native.url()!r})"

    def _flush(self) -> None:
        """Running trials of this process gather what they write; who looks into the storage wants to see it."""
        for study in _open_studies.of(self._native):
            study._native.flush()

    # --- studies -----------------------------------------------------------------------------------------------------

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        name = DEFAULT_STUDY_NAME_PREFIX + str(uuid.uuid4()) if study_name is None else study_name
        return self._native.create_study(name, [int(direction) for direction in directions])

    def delete_study(self, study_id: int) -> None:
        self._native.delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._native.set_study_attr(study_id, True, key, _objects.dumps(key, value, self._table))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._native.set_study_attr(study_id, False, key, _objects.dumps(key, value, None))

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._native.study_id(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._native.study_record(study_id)[1]

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._frozen_study(self._native.study_record(study_id)).directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return _objects.load_attributes(self._native.study_record(study_id)[3], self._table)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return _objects.load_attributes(self._native.study_record(study_id)[4], None)

    def get_all_studies(self) -> list[FrozenStudy]:
        return [self._frozen_study(record) for record in self._native.studies()]

    def _frozen_study(self, record: Any) -> FrozenStudy:
        from bluefin.study._direction import StudyDirection
        from bluefin.study._frozen import FrozenStudy

        study_id, name, directions, user_attrs, system_attrs = record
        return FrozenStudy(
            name,
            None,
            _objects.load_attributes(user_attrs, self._table),
            _objects.load_attributes(system_attrs, None),
            study_id,
            directions=[StudyDirection(direction) for direction in directions],
        )

    # --- trials ------------------------------------------------------------------------------------------------------

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        if template_trial is None:
            return self._native.begin_trial(study_id)
        return self._native.add_trial(study_id, template_trial._to_native(self._table))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        text = distribution_to_json(_objects.plain_distribution(param_name, distribution, self._table))
        try:
            self._update(trial_id, params=[(param_name, text, float(param_value_internal))])
        except UpdateFinishedTrialError as error:
            if not self.get_trial(trial_id).state.is_finished():
                raise ValueError(str(error)) from None  # another kind of distribution
            raise

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        self._flush()
        return self._update(trial_id, state=int(state), values=[float(value) for value in values or ()])

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._update(trial_id, reports={int(step): float(intermediate_value)})

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._update(trial_id, user_attrs={key: _objects.dumps(key, value, self._table)})

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._update(trial_id, system_attrs={key: _objects.dumps(key, value, None)})

    def _update(
        self,
        trial_id: int,
        params: Sequence[tuple[str, str, float]] = (),
        reports: dict[int, float] = {},
        user_attrs: dict[str, str] = {},
        system_attrs: dict[str, str] = {},
        state: int | None = None,
        values: Sequence[float] = (),
    ) -> bool:
        if state is None:
            # A running trial of this process keeps what it has not yet written: it must hear of this.
            for study in _open_studies.of(self._native):
                if study._native.update_running(trial_id, params, reports, user_attrs, system_attrs):
                    return True
        return self._native.update_trial(trial_id, params, reports, user_attrs, system_attrs, state, values)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        self._flush()
        return FrozenTrial._from_native(self._native.find_trial(trial_id)[1], self._table)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        self._flush()
        trials = [FrozenTrial._from_native(native, self._table) for native in self._native.trials(study_id)]
        return trials if states is None else [trial for trial in trials if trial.state in states]


class NativeJournal(NativeStorage):
    """A journal in a file, read and written by the engine: ``journal:///relative/path`` or ``journal:////absolute/path``."""

    def __init__(self, url: str) -> None:
        super().__init__(_native.open_storage(url))
        self.url = url

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]
