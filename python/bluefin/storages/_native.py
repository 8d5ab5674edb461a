# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Container
from collections.abc import Sequence
from contextlib import nullcontext
import copy
import operator
import os
from typing import Any
from typing import TYPE_CHECKING

from bluefin import _checks
from bluefin import _native
from bluefin import _objects
from bluefin import _open_studies
from bluefin._subclass import overrides
from bluefin.distributions import BaseDistribution
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import distribution_to_json
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.logging import get_logger
from bluefin.storages._base import BaseStorage
from bluefin.storages._base import DEFAULT_STUDY_NAME_PREFIX
from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState
from bluefin.trial._state import states_in

if TYPE_CHECKING:
    from bluefin.study._direction import StudyDirection
    from bluefin.study._frozen import FrozenStudy


_METHODS = tuple(sorted(BaseStorage.__abstractmethods__))


def _new_name() -> str:
    import uuid  # 3 ms, which programs that name their studies need not wait for

    return f"{DEFAULT_STUDY_NAME_PREFIX}{uuid.uuid4()}"


def _id(value: Any) -> int:
    """A key as the engine takes it; what cannot be one is the key of nothing."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 2**63
    if not -(2**63) <= number < 2**63:
        raise KeyError(f"no study or trial with the id {value!r} exists")
    return number


class NativeStorage(BaseStorage):
    """A storage of the engine. A study works with it in batches; the methods here are for a look or a hand at it.

    A subclass that overrides one of them is a storage written in Python to its studies: they call its methods.
    """

    _engine: Any = None
    _json_only = True
    _overrides_methods = False
    _where = "in RDB"  # for the log, with the logger that Optuna has
    _logger_name = "_rdb.storage"

    def __init__(self, native: _native.Storage) -> None:
        self._engine = native

    def _kept_objects(self, study_id: int) -> _objects.Objects | None:
        """Objects among what the engine's storage holds of a study; None: it is in a file."""
        return None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._overrides_methods = overrides(cls, _METHODS)

    # --- for studies -------------------------------------------------------------------------------------------------

    def _is_native(self) -> bool:
        return not self._overrides_methods

    @property
    def _native(self) -> Any:
        return self._engine if self._is_native() else super()._native

    def _objects_of(self, study_id: int) -> _objects.Objects | None:
        return self._kept_objects(study_id) if self._is_native() else super()._objects_of(study_id)

    def _takes_one_by_one(self) -> bool:
        return self._overrides_methods

    def _forget_objects(self, study_id: int) -> None:
        if not self._is_native():
            super()._forget_objects(study_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._engine.url()!r})"

    def _flush(self) -> None:
        """Running trials of this process gather what they write; who looks into the storage wants to see it."""
        for study in _open_studies.of(self._engine):
            study._flush()

    def _place(self) -> Any:
        scheme, _, path = self._engine.url().partition(":///")
        return scheme, os.path.realpath(path) if path else id(self._engine)

    def _log_new_study(self, name: str) -> None:
        get_logger(f"bluefin.storages.{self._logger_name}").info(f"A new study created {self._where} with name: {name}")

    # --- studies -----------------------------------------------------------------------------------------------------

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        name = _new_name() if study_name is None else study_name
        numbers = [
            _checks.integer("A direction in `directions`", direction)
            for direction in _checks.items("`directions`", directions, "a list of StudyDirection")
        ]
        if not set(numbers) <= {0, 1, 2}:
            raise ValueError(f"`directions` must be a list of StudyDirection, but got {directions!r}.")
        study_id = self._engine.create_study(_checks.text("`study_name`", name), numbers)
        self._log_new_study(name)
        return study_id

    def delete_study(self, study_id: int) -> None:
        self._engine.delete_study(_id(study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        _objects.write_attribute(
            key,
            value,
            self._kept_objects(study_id),
            known=lambda: self._record(study_id)[3].get(key),
            write=lambda text: self._engine.set_study_attr(_id(study_id), True, key, text),
        )

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._engine.set_study_attr(_id(study_id), False, _checks.text("`key`", key), _objects.dumps(key, value))

    def _record(self, study_id: int) -> Any:
        return self._engine.study_record(_id(study_id))

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._engine.study_id(_checks.text("`study_name`", study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._record(study_id)[1]

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._frozen_study(self._record(study_id)).directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return _objects.load_attributes(self._record(study_id)[3], self._kept_objects(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return _objects.load_attributes(self._record(study_id)[4], None)

    def get_all_studies(self) -> list[FrozenStudy]:
        return [self._frozen_study(record) for record in self._engine.studies()]

    def _frozen_study(self, record: Any, deepcopy: bool = True) -> FrozenStudy:
        from bluefin.study._direction import StudyDirection
        from bluefin.study._frozen import FrozenStudy

        study_id, name, directions, texts, system_attrs = record
        user_attrs = _objects.load_attributes(texts, self._kept_objects(study_id))
        return FrozenStudy(
            name,
            None,
            copy.deepcopy(user_attrs) if deepcopy else user_attrs,
            _objects.load_attributes(system_attrs, None),
            study_id,
            directions=[StudyDirection(direction) for direction in directions],
        )

    # --- trials ------------------------------------------------------------------------------------------------------

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        if template_trial is None:
            return self._engine.begin_trial(_id(study_id))
        if not isinstance(template_trial, FrozenTrial):
            raise TypeError(f"`template_trial` must be a FrozenTrial of bluefin, but got {template_trial!r}.")
        objects = self._kept_objects(study_id)
        with nullcontext() if objects is None else objects.undone_on_error():
            return self._engine.add_trial(_id(study_id), template_trial._to_native(objects))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        _checks.text("`param_name`", param_name)
        if not isinstance(distribution, BaseDistribution):
            raise TypeError(f"`distribution` must be a distribution of bluefin, but got {distribution!r}.")
        value = _checks.number("`param_value_internal`", param_value_internal)
        objects = self._kept_objects_of_trial(trial_id) if isinstance(distribution, CategoricalDistribution) else None
        text = distribution_to_json(_objects.plain_distribution(param_name, distribution, objects))
        try:
            self._update(trial_id, params=[(param_name, text, value)])
        except UpdateFinishedTrialError as error:
            if not self.get_trial(trial_id).state.is_finished():
                raise ValueError(str(error)) from None  # another kind of distribution
            raise

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        if not isinstance(state, TrialState):
            raise TypeError(f"`state` must be a TrialState, but got {state!r}.")
        given = () if values is None else _checks.items("`values`", values, "a list of numbers")
        self._flush()
        numbers = [_checks.number("A value in `values`", value) for value in given]
        return self._update(trial_id, state=int(state), values=numbers)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        number = _checks.integer("`step`", step, 2**63)
        self._update(trial_id, reports={number: _checks.number("`intermediate_value`", intermediate_value)})

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        _objects.write_attribute(
            key,
            value,
            self._kept_objects_of_trial(trial_id),
            known=lambda: self._find_trial(trial_id)[1].user_attrs().get(key),
            write=lambda text: self._update(trial_id, user_attrs={key: text}),
        )

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._update(trial_id, system_attrs={_checks.text("`key`", key): _objects.dumps(key, value)})

    def _kept_objects_of_trial(self, trial_id: int) -> _objects.Objects | None:
        return None

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
        trial_id = _id(trial_id)
        if state is None:
            # A running trial of this process keeps what it has not yet written: it must hear of this.
            for study in _open_studies.of(self._engine):
                for native in study._natives():
                    if native.update_running(trial_id, params, reports, user_attrs, system_attrs):
                        return True
        return self._engine.update_trial(trial_id, params, reports, user_attrs, system_attrs, state, values)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        study_id, native = self._find_trial(trial_id)
        return FrozenTrial._from_native(native, self._kept_objects(study_id), memo=None)

    def _find_trial(self, trial_id: int) -> tuple[int, Any]:
        self._flush()
        return self._engine.find_trial(_id(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        wanted = states_in(states)
        self._flush()
        objects = self._kept_objects(study_id)
        memo: dict[int, Any] | None = {} if deepcopy else None
        trials = [FrozenTrial._from_native(native, objects, memo) for native in self._engine.trials(_id(study_id))]
        return trials if wanted is None else [trial for trial in trials if trial.state in wanted]


class NativeJournal(NativeStorage):
    """A journal in a file, read and written by the engine: ``journal:///relative/path`` or ``journal:////absolute/path``."""

    _where = "in Journal"
    _logger_name = "journal._storage"

    def __init__(self, url: str) -> None:
        super().__init__(_native.open_storage(url, None))
        self.url = url

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]
