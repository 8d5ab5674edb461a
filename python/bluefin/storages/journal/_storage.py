# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Container
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
import copy
import datetime
import pickle
import threading
from typing import Any
import uuid

from bluefin.distributions import BaseDistribution
from bluefin.distributions import distribution_to_json
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.logging import get_logger
from bluefin.storages._base import BaseStorage
from bluefin.storages._base import DEFAULT_STUDY_NAME_PREFIX
from bluefin.storages.journal._base import BaseJournalBackend
from bluefin.storages.journal._base import BaseJournalSnapshot
from bluefin.storages.journal._replay import JournalOperation
from bluefin.storages.journal._replay import Replay
from bluefin.study._direction import StudyDirection
from bluefin.study._frozen import FrozenStudy
from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState
from bluefin.trial._state import states_in

_logger = get_logger(__name__)
_SNAPSHOT_INTERVAL = 100  # trials


def _utc(time: datetime.datetime | None = None) -> str:
    time = datetime.datetime.now() if time is None else time
    return time.astimezone(datetime.timezone.utc).isoformat(timespec="microseconds")


class JournalStorage(BaseStorage):
    """Studies in a journal that any number of processes append to. Optuna reads and writes the same journals.

    Args:
        log_storage: Where the journal is kept, `JournalFileBackend` for example.
    """

    _json_only = True

    def __init__(self, log_storage: BaseJournalBackend) -> None:
        if not callable(getattr(log_storage, "read_logs", None)):
            raise TypeError(f"`log_storage` must be a journal's backend, but got {log_storage!r}.")
        self._backend = log_storage
        self._begin()
        if isinstance(log_storage, BaseJournalSnapshot):
            snapshot = log_storage.load_snapshot()
            if snapshot is not None:
                self.restore_replay_result(snapshot)
        with self._lock:
            self._sync()

    def _begin(self) -> None:
        self._worker_prefix = f"{uuid.uuid4()}-"
        self._lock = threading.RLock()  # guards the rest
        self._replay = Replay()
        self._batch: list[dict[str, Any]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_backend": self._backend}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def restore_replay_result(self, snapshot: bytes) -> None:
        """Begins with what somebody has replayed and saved; a snapshot that is none is left alone with a warning."""
        try:
            replay = pickle.loads(snapshot)
        except (pickle.UnpicklingError, KeyError, AttributeError, ImportError, EOFError):
            replay = None
        if isinstance(replay, Replay):
            self._replay = replay
        else:
            _logger.warning("The journal's snapshot cannot be used; all records are read.")

    @property
    def _worker(self) -> str:
        return self._worker_prefix + str(threading.get_ident())

    def _sync(self) -> None:
        self._replay.apply(self._backend.read_logs(self._replay.log_number_read), self._worker)

    def _write(self, op: JournalOperation, **fields: Any) -> None:
        """Appends a record and learns what has become of it (and of the others' before it)."""
        record = {"op_code": int(op), "worker_id": self._worker, **fields}
        with self._lock:
            if self._batch is not None:
                self._batch.append(record)
                return
            self._backend.append_logs([record])
            self._sync()

    @contextmanager
    def _one_append(self) -> Iterator[None]:
        """Changes made inside go into the journal together, at the end."""
        with self._lock:
            self._batch = []
            try:
                yield
            finally:
                batch, self._batch = self._batch, None
            if batch:
                self._backend.append_logs(batch)
                self._sync()

    def _snapshot_now_and_then(self, number: int) -> None:
        if isinstance(self._backend, BaseJournalSnapshot) and number and number % _SNAPSHOT_INTERVAL == 0:
            self._backend.save_snapshot(pickle.dumps(self._replay))

    # --- studies -----------------------------------------------------------------------------------------------------

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        name = DEFAULT_STUDY_NAME_PREFIX + str(uuid.uuid4()) if study_name is None else study_name
        with self._lock:
            self._write(JournalOperation.CREATE_STUDY, study_name=name, directions=[int(d) for d in directions])
            study_id = self.get_study_id_from_name(name)
        _logger.info(f"A new study created in Journal with name: {name}")
        return study_id

    def delete_study(self, study_id: int) -> None:
        self._write(JournalOperation.DELETE_STUDY, study_id=study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._write(JournalOperation.SET_STUDY_USER_ATTR, study_id=study_id, user_attr={key: value})

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._write(JournalOperation.SET_STUDY_SYSTEM_ATTR, study_id=study_id, system_attr={key: value})

    def get_study_id_from_name(self, study_name: str) -> int:
        for study in self._frozen_studies():
            if study.study_name == study_name:
                return study._study_id
        raise KeyError(f"Record does not exist: no study with name {study_name!r}.")

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._frozen_study(study_id).study_name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._frozen_study(study_id).directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._frozen_study(study_id).user_attrs

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._frozen_study(study_id).system_attrs

    def get_all_studies(self) -> list[FrozenStudy]:
        return copy.deepcopy(self._frozen_studies())

    def _frozen_study(self, study_id: int) -> FrozenStudy:
        with self._lock:
            self._sync()
            return self._replay.study(study_id).frozen

    def _frozen_studies(self) -> list[FrozenStudy]:
        with self._lock:
            self._sync()
            return [study.frozen for study in self._replay.studies.values()]

    # --- trials ------------------------------------------------------------------------------------------------------

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        fields: dict[str, Any] = {"study_id": study_id, "datetime_start": _utc()}
        if template_trial is not None:
            fields.update(_template_fields(template_trial))
        with self._lock:
            self._write(JournalOperation.CREATE_TRIAL, **fields)
            trial_id = self._replay.last_created[self._worker]
            self._snapshot_now_and_then(trial_id)
            return trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        self._write(
            JournalOperation.SET_TRIAL_PARAM,
            trial_id=trial_id,
            param_name=param_name,
            param_value_internal=param_value_internal,
            distribution=distribution_to_json(distribution),
        )

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        fields: dict[str, Any] = {"trial_id": trial_id, "state": int(state)}
        fields["values"] = None if values is None else list(values)
        if state == TrialState.RUNNING:
            fields["datetime_start"] = _utc()
        elif state.is_finished():
            fields["datetime_complete"] = _utc()
        with self._lock:
            if state == TrialState.RUNNING:
                self._sync()
                known = self._replay.trial(trial_id)
                if known.state.is_finished():
                    raise UpdateFinishedTrialError(f"Trial#{known.number} has already finished and can not be updated.")
                if known.state != TrialState.WAITING:
                    return False
            self._write(JournalOperation.SET_TRIAL_STATE_VALUES, **fields)
            return state != TrialState.RUNNING or self._replay.owned_trials.get(self._worker) == trial_id

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._write(
            JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE,
            trial_id=trial_id,
            step=step,
            intermediate_value=intermediate_value,
        )

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._write(JournalOperation.SET_TRIAL_USER_ATTR, trial_id=trial_id, user_attr={key: value})

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._write(JournalOperation.SET_TRIAL_SYSTEM_ATTR, trial_id=trial_id, system_attr={key: value})

    def get_trial(self, trial_id: int) -> FrozenTrial:
        with self._lock:
            self._sync()
            return self._replay.trial(trial_id)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        wanted = states_in(states)
        with self._lock:
            self._sync()
            trials = [self._replay.trials[trial_id] for trial_id in self._replay.study(study_id).trial_ids]
        trials = [trial for trial in trials if wanted is None or trial.state in wanted]
        return copy.deepcopy(trials) if deepcopy else trials


def _template_fields(template: FrozenTrial) -> dict[str, Any]:
    values = template.values
    several = values is not None and len(values) > 1
    fields = {
        "state": int(template.state),
        "value": None if several or not values else values[0],
        "values": values if several else None,
        "datetime_start": None if template.datetime_start is None else _utc(template.datetime_start),
        "distributions": {name: distribution_to_json(d) for name, d in template.distributions.items()},
        "params": {name: template.distributions[name].to_internal_repr(v) for name, v in template.params.items()},
        "user_attrs": template.user_attrs,
        "system_attrs": template.system_attrs,
        "intermediate_values": template.intermediate_values,
    }
    if template.datetime_complete is not None:
        fields["datetime_complete"] = _utc(template.datetime_complete)
    return fields
