# SPDX-License-Identifier: MIT
"""What a journal amounts to. The records are Optuna's (optuna/storages/journal/_storage.py, 5.0.0)."""

from __future__ import annotations

from collections.abc import Iterable
import copy
import datetime
import enum
from typing import Any

from bluefin.distributions import BaseDistribution
from bluefin.distributions import check_distribution_compatibility
from bluefin.distributions import json_to_distribution
from bluefin.exceptions import DuplicatedStudyError
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.study._direction import StudyDirection
from bluefin.study._frozen import FrozenStudy
from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState

Record = dict[str, Any]


class JournalOperation(enum.IntEnum):
    """The kinds of records."""

    CREATE_STUDY = 0
    DELETE_STUDY = 1
    SET_STUDY_USER_ATTR = 2
    SET_STUDY_SYSTEM_ATTR = 3
    CREATE_TRIAL = 4
    SET_TRIAL_PARAM = 5
    SET_TRIAL_STATE_VALUES = 6
    SET_TRIAL_INTERMEDIATE_VALUE = 7
    SET_TRIAL_USER_ATTR = 8
    SET_TRIAL_SYSTEM_ATTR = 9
    DISCARD_TRIALS = 10  # of other programs; nothing to do


def local_time(text: str | None) -> datetime.datetime | None:
    """A record's time, which has a time zone, as local time without one."""
    return None if text is None else datetime.datetime.fromisoformat(text).astimezone().replace(tzinfo=None)


class Study:
    """A study and its trials. A `FrozenTrial` that was handed out is never changed: a change makes a new one."""

    def __init__(self, frozen: FrozenStudy) -> None:
        self.frozen = frozen
        self.trial_ids: list[int] = []
        self.first_distributions: dict[str, BaseDistribution] = {}


class Replay:
    """Applies records one after the other. What another worker's record may not do is left out; where one of our own
    may not, that is an error."""

    def __init__(self) -> None:
        self.log_number_read = 0
        self.studies: dict[int, Study] = {}
        self.trials: dict[int, FrozenTrial] = {}
        self.study_of_trial: dict[int, int] = {}
        self.owned_trials: dict[str, int] = {}  # worker to the trial that it began last
        self.last_created: dict[str, int] = {}  # worker to the trial that it created last
        self._next_study_id = 0

    def apply(self, records: Iterable[Record], worker: str) -> None:
        """``worker``: whose errors are raised."""
        for record in records:
            self.log_number_read += 1
            self._apply_one(record, record["worker_id"] == worker)

    def study(self, study_id: int) -> Study:
        try:
            return self.studies[study_id]
        except KeyError:
            raise KeyError(f"Record does not exist: no study with study_id {study_id}.") from None

    def trial(self, trial_id: int) -> FrozenTrial:
        try:
            return self.trials[trial_id]
        except KeyError:
            raise KeyError(f"Record does not exist: no trial with trial_id {trial_id}.") from None

    def _apply_one(self, record: Record, own: bool) -> None:
        op = JournalOperation(record["op_code"])
        try:
            if op == JournalOperation.CREATE_STUDY:
                self._create_study(record)
            elif op == JournalOperation.DELETE_STUDY:
                self.study(record["study_id"])
                del self.studies[record["study_id"]]
            elif op == JournalOperation.SET_STUDY_USER_ATTR:
                frozen = self.study(record["study_id"]).frozen
                frozen.user_attrs = {**frozen.user_attrs, **record["user_attr"]}
            elif op == JournalOperation.SET_STUDY_SYSTEM_ATTR:
                frozen = self.study(record["study_id"]).frozen
                frozen.system_attrs = {**frozen.system_attrs, **record["system_attr"]}
            elif op == JournalOperation.CREATE_TRIAL:
                self._create_trial(record)
            elif op != JournalOperation.DISCARD_TRIALS:
                self._change_trial(op, record)
        except (DuplicatedStudyError, KeyError, UpdateFinishedTrialError, ValueError):
            if own:
                raise

    def _create_study(self, record: Record) -> None:
        name = record["study_name"]
        if any(study.frozen.study_name == name for study in self.studies.values()):
            raise DuplicatedStudyError(f"Another study with name {name!r} already exists.")
        directions = [StudyDirection(direction) for direction in record["directions"]]
        frozen = FrozenStudy(name, None, {}, {}, self._next_study_id, directions=directions)
        self.studies[self._next_study_id] = Study(frozen)
        self._next_study_id += 1

    def _create_trial(self, record: Record) -> None:
        study = self.study(record["study_id"])
        distributions = {k: json_to_distribution(text) for k, text in record.get("distributions", {}).items()}
        trial = FrozenTrial(
            trial_id=len(self.trials),
            number=len(study.trial_ids),
            state=TrialState(record.get("state", TrialState.RUNNING)),
            params={k: distributions[k].to_external_repr(value) for k, value in record.get("params", {}).items()},
            distributions=distributions,
            user_attrs=record.get("user_attrs", {}),
            system_attrs=record.get("system_attrs", {}),
            value=record.get("value"),
            values=record.get("values"),
            intermediate_values={int(k): value for k, value in record.get("intermediate_values", {}).items()},
            datetime_start=local_time(record["datetime_start"]),
            datetime_complete=local_time(record.get("datetime_complete")),
        )
        for name, distribution in distributions.items():
            study.first_distributions.setdefault(name, distribution)
        self.trials[trial._trial_id] = trial
        study.trial_ids.append(trial._trial_id)
        self.study_of_trial[trial._trial_id] = record["study_id"]
        self.last_created[record["worker_id"]] = trial._trial_id
        if trial.state == TrialState.RUNNING:
            self.owned_trials[record["worker_id"]] = trial._trial_id

    def _change_trial(self, op: JournalOperation, record: Record) -> None:
        trial_id = record["trial_id"]
        old = self.trial(trial_id)
        if old.state.is_finished():
            raise UpdateFinishedTrialError(f"Trial#{old.number} has already finished and can not be updated.")
        trial = copy.copy(old)
        if op == JournalOperation.SET_TRIAL_PARAM:
            name = record["param_name"]
            distribution = json_to_distribution(record["distribution"])
            study = self.studies.get(self.study_of_trial[trial_id])
            if study is not None:
                check_distribution_compatibility(study.first_distributions.setdefault(name, distribution), distribution)
            trial.params = {**old.params, name: distribution.to_external_repr(record["param_value_internal"])}
            trial.distributions = {**old.distributions, name: distribution}
        elif op == JournalOperation.SET_TRIAL_STATE_VALUES:
            state = TrialState(record["state"])
            if state == old.state == TrialState.RUNNING:
                return
            if state == TrialState.RUNNING:
                trial.datetime_start = local_time(record["datetime_start"])
                self.owned_trials[record["worker_id"]] = trial_id
            elif state.is_finished():
                trial.datetime_complete = local_time(record["datetime_complete"])
            trial.state = state
            if record["values"] is not None:
                trial.values = record["values"]
        elif op == JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE:
            trial.intermediate_values = {**old.intermediate_values, record["step"]: record["intermediate_value"]}
        elif op == JournalOperation.SET_TRIAL_USER_ATTR:
            trial.user_attrs = {**old.user_attrs, **record["user_attr"]}
        else:
            trial.system_attrs = {**old.system_attrs, **record["system_attr"]}
        self.trials[trial_id] = trial
