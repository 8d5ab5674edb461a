# SPDX-License-Identifier: MIT
"""A storage written in Python, in the words of the engine: whole batches, attributes as JSON text."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import contextlib
import copy
import json
from numbers import Integral
import reprlib
from typing import Any
import warnings
import weakref

from bluefin import _native
from bluefin import _objects
from bluefin.distributions import json_to_distribution
from bluefin.exceptions import UpdateFinishedTrialError
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
        self._json_only = storage._json_only
        self._objects: dict[int, _objects.Objects] = {}  # on their way through the engine, by study
        self._left_out: dict[int, dict[str, str]] = {}  # what the engine cannot hold: by study and parameter, in words
        self.native = _native.python_storage(_WeakBridge(self))

    @property
    def storage(self) -> BaseStorage:
        storage = self._weak_storage()
        if storage is None:
            raise RuntimeError("The storage of this study does not exist any more.")
        return storage

    def objects(self, study_id: int) -> _objects.Objects:
        return self._objects.setdefault(study_id, _objects.Objects(self._json_only))

    def forget_objects(self, study_id: int) -> None:
        self._objects.pop(study_id, None)
        self._left_out.pop(study_id, None)

    def left_out(self, study_id: int) -> str:
        """See bluefin/storage.hpp."""
        return next(iter(self._left_out.get(study_id, {}).values()), "")

    def _wrong(self, method: str, result: Any, expected: str) -> TypeError:
        return TypeError(f"{self.url()}.{method} returned {reprlib.repr(result)}, expected {expected}.")

    def _call(self, method: str, expected: type[Any], *args: Any, **kwargs: Any) -> Any:
        """What a method of the storage returns, which must be of this type."""
        result = getattr(self.storage, method)(*args, **kwargs)
        if not (_is_integer(result) if expected is int else isinstance(result, expected)):
            raise self._wrong(method, result, f"{'an' if expected is int else 'a'} {expected.__name__}")
        return result

    def url(self) -> str:
        return type(self.storage).__name__

    # --- studies -----------------------------------------------------------------------------------------------------

    def create_study(self, name: str, directions: list[int], user_attrs: dict, system_attrs: dict) -> int:
        from bluefin.study._direction import StudyDirection

        study_id = self._call("create_new_study", int, [StudyDirection(d) for d in directions], name)
        self.set_study_attributes(study_id, True, user_attrs)
        self.set_study_attributes(study_id, False, system_attrs)
        return study_id

    def find_study(self, name: str) -> _Record | None:
        try:
            study_id = self._call("get_study_id_from_name", int, name)
        except KeyError:
            return None
        return self.get_study(study_id)

    def get_study(self, study_id: int) -> _Record:
        return (
            study_id,
            self._call("get_study_name_from_id", str, study_id),
            self._directions(study_id),
            _texts(self._attributes("get_study_user_attrs", study_id)),
            _texts(self._attributes("get_study_system_attrs", study_id)),
        )

    def _directions(self, study_id: int) -> list[int]:
        given = self.storage.get_study_directions(study_id)
        try:
            directions = [int(direction) for direction in given]
        except (TypeError, ValueError):
            directions = []
        if not directions or not set(directions) <= {0, 1, 2}:
            raise self._wrong("get_study_directions", given, "a StudyDirection for each objective")
        return directions

    def _attributes(self, method: str, study_id: int) -> dict[str, Any]:
        attributes = getattr(self.storage, method)(study_id)
        if not isinstance(attributes, Mapping) or not all(isinstance(key, str) for key in attributes):
            raise self._wrong(method, attributes, "a dict of str to value")
        return dict(attributes)

    def studies(self) -> list[_Record]:
        studies = self.storage.get_all_studies()
        if not isinstance(studies, Iterable):
            raise self._wrong("get_all_studies", studies, "a list of studies")
        ids: list[Any] = [getattr(study, "_study_id", None) for study in studies]
        if not all(map(_is_integer, ids)):
            raise self._wrong("get_all_studies", studies, "a list of studies")
        return [self.get_study(study_id) for study_id in ids]

    def delete_study(self, study_id: int) -> None:
        self.storage.delete_study(study_id)

    def set_study_attributes(self, study_id: int, user: bool, texts: dict[str, str]) -> None:
        set_attr = self.storage.set_study_user_attr if user else self.storage.set_study_system_attr
        objects = self.objects(study_id)
        try:
            for key, text in texts.items():
                set_attr(study_id, key, _objects.loads(text, objects))
        finally:
            objects.discard(texts.values())  # the storage has them now

    # --- trials ------------------------------------------------------------------------------------------------------

    def start_trial(self, study_id: int, system_attrs: dict[str, str]) -> Any:
        storage = self.storage
        waiting = storage.get_all_trials(study_id, deepcopy=False, states=(TrialState.WAITING,))
        for trial in self.checked_trials("get_all_trials", waiting):
            if self._call("set_trial_state_values", bool, trial._trial_id, state=TrialState.RUNNING):
                trial_id = trial._trial_id
                break
        else:
            trial_id = self._call("create_new_trial", int, study_id)
        for key, text in system_attrs.items():
            storage.set_trial_system_attr(trial_id, key, _objects.loads(text, self.objects(study_id)))
        return self._stored_trial(study_id, trial_id)

    def add_trial(self, study_id: int, native: Any) -> Any:
        objects = self.objects(study_id)
        template = FrozenTrial._from_native(native, objects, memo=None)
        trial_id = self._call("create_new_trial", int, study_id, template_trial=template)
        objects.discard([*native.user_attrs().values(), *native.system_attrs().values()])  # the storage has them now
        return self._stored_trial(study_id, trial_id)

    def update_trial(self, study_id: int, trial_id: int, *change: Any) -> bool:
        # A journal takes all of it as one append.
        with getattr(self.storage, "_one_append", contextlib.nullcontext)():
            return self._update_trial(self.objects(study_id), trial_id, *change)

    def _update_trial(
        self,
        objects: _objects.Objects,
        trial_id: int,
        params: list[tuple[str, str, float]],
        reports: list[tuple[int, float]],
        user_attrs: dict[str, str],
        system_attrs: dict[str, str],
        state: int | None,
        values: list[float],
    ) -> bool:
        storage = self.storage
        errors: list[Exception] = []

        def attempt(write: Callable[..., Any], *args: Any) -> None:
            # As when each came by itself, what one of them is refused for is no matter of the others.
            try:
                write(trial_id, *args)
            except UpdateFinishedTrialError:
                raise
            except Exception as error:
                errors.append(error)

        for name, text, internal in params:
            distribution = _objects.original_distribution(name, json_to_distribution(text), objects)
            attempt(storage.set_trial_param, name, internal, distribution)
        for step, value in reports:
            attempt(storage.set_trial_intermediate_value, step, value)
        for key, text in user_attrs.items():
            attempt(storage.set_trial_user_attr, key, _objects.loads(text, objects))
        for key, text in system_attrs.items():
            attempt(storage.set_trial_system_attr, key, _objects.loads(text, objects))
        if errors:
            raise errors[0]
        if state == TrialState.RUNNING:
            return self._call("set_trial_state_values", bool, trial_id, TrialState.RUNNING, values or None)
        if state is not None:
            storage.set_trial_state_values(trial_id, TrialState(state), values or None)
        return True

    def trials(self, study_id: int, last_id: int, unfinished: list[int]) -> list[Any]:
        """Trials that are new or were not finished before, ascending ids."""
        fresh = self.storage._trials_since(study_id, last_id, set(unfinished))
        return [self._engine_trial(study_id, trial) for trial in sorted(fresh, key=lambda trial: trial._trial_id)]

    def checked_trials(self, method: str, trials: Any) -> list[FrozenTrial]:
        """What a method of the storage has returned, as a list of trials."""
        if not isinstance(trials, Iterable):
            raise self._wrong(method, trials, "a list of FrozenTrial")
        trials = list(trials)
        if not all(map(_is_stored, trials)):
            raise self._wrong(method, trials, "a list of FrozenTrial with their ids and numbers")
        return trials

    def current_trial(self, study_id: int, trial_id: int) -> Any:
        """A trial as it is now, but for objects among its attributes: the engine knows their places."""
        trial = copy.copy(self._checked_trial(trial_id))
        trial.user_attrs = {key: value for key, value in trial.user_attrs.items() if value is None or _text(value) != "null"}
        return self._engine_trial(study_id, trial)

    def _stored_trial(self, study_id: int, trial_id: int) -> Any:
        return self._engine_trial(study_id, self._checked_trial(trial_id))

    def _checked_trial(self, trial_id: int) -> FrozenTrial:
        trial = self.storage.get_trial(trial_id)
        if not _is_stored(trial):
            raise self._wrong("get_trial", trial, "a FrozenTrial with its id and number")
        return trial

    def _engine_trial(self, study_id: int, trial: FrozenTrial) -> Any:
        def leave_out(name: str, value: Any, problem: str) -> None:
            known = self._left_out.setdefault(study_id, {})
            if name in known:
                return
            known[name] = f"trial {trial.number}: parameter {name!r} = {value!r}: {problem}"
            warnings.warn(
                f"study {self.storage.get_study_name_from_id(study_id)!r}, {known[name]}; it is left out, also of other "
                "trials of this study",
                stacklevel=2,
            )

        return trial._to_native(
            self.objects(study_id), text=lambda key, value, objects: _text(value), leave_out=leave_out
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_stored(trial: Any) -> bool:
    return (
        isinstance(trial, FrozenTrial)
        and _is_integer(trial._trial_id)
        and _is_integer(trial.number)
        and isinstance(trial.state, TrialState)
    )


class _WeakBridge:
    """The engine's handle is a member of the bridge, so it must not keep the bridge alive."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = weakref.ref(bridge)

    def __getattr__(self, name: str) -> Any:
        bridge = self._bridge()
        if bridge is None:
            raise RuntimeError("The storage of this study does not exist any more.")
        return getattr(bridge, name)
