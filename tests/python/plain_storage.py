# SPDX-License-Identifier: MIT
"""A storage as a user may write one."""

import copy
import datetime

import bluefin
from bluefin.exceptions import DuplicatedStudyError
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.trial import TrialState


class PlainStorage(bluefin.storages.BaseStorage):
    """Dicts and lists: the least that a storage of a user's own may be."""

    def __init__(self):
        self.studies = {}
        self.all_trials = {}

    def create_new_study(self, directions, study_name=None):
        if study_name in [study["name"] for study in self.studies.values()]:
            raise DuplicatedStudyError(study_name)
        study_id = max(self.studies, default=0) + 1
        self.studies[study_id] = {
            "name": study_name or f"no-name-{study_id}",
            "directions": list(directions),
            "user": {},
            "system": {},
            "trials": [],
        }
        return study_id

    def delete_study(self, study_id):
        for trial_id in self.studies.pop(study_id)["trials"]:
            del self.all_trials[trial_id]

    def set_study_user_attr(self, study_id, key, value):
        self.studies[study_id]["user"][key] = value

    def set_study_system_attr(self, study_id, key, value):
        self.studies[study_id]["system"][key] = value

    def get_study_id_from_name(self, study_name):
        return {study["name"]: study_id for study_id, study in self.studies.items()}[study_name]

    def get_study_name_from_id(self, study_id):
        return self.studies[study_id]["name"]

    def get_study_directions(self, study_id):
        return self.studies[study_id]["directions"]

    def get_study_user_attrs(self, study_id):
        return dict(self.studies[study_id]["user"])

    def get_study_system_attrs(self, study_id):
        return dict(self.studies[study_id]["system"])

    def get_all_studies(self):
        from bluefin.study._frozen import FrozenStudy

        return [
            FrozenStudy(s["name"], None, s["user"], s["system"], study_id, directions=s["directions"])
            for study_id, s in self.studies.items()
        ]

    def create_new_trial(self, study_id, template_trial=None):
        trial = copy.deepcopy(template_trial) if template_trial else bluefin.create_trial(state=TrialState.RUNNING)
        trial._trial_id = max(self.all_trials, default=0) + 1
        trial.number = len(self.studies[study_id]["trials"])
        self.all_trials[trial._trial_id] = trial
        self.studies[study_id]["trials"].append(trial._trial_id)
        return trial._trial_id

    def _running(self, trial_id):
        trial = self.all_trials[trial_id]
        if trial.state.is_finished():
            raise UpdateFinishedTrialError(f"trial {trial_id}")
        return trial

    def set_trial_param(self, trial_id, param_name, param_value_internal, distribution):
        trial = self._running(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def set_trial_state_values(self, trial_id, state, values=None):
        trial = self._running(trial_id)
        if state == TrialState.RUNNING and trial.state != TrialState.WAITING:
            return False
        trial.state = state
        trial.values = values
        if state == TrialState.RUNNING:
            trial.datetime_start = datetime.datetime.now()
        elif state.is_finished():
            trial.datetime_complete = datetime.datetime.now()
        return True

    def set_trial_intermediate_value(self, trial_id, step, intermediate_value):
        self._running(trial_id).intermediate_values[step] = intermediate_value

    def set_trial_user_attr(self, trial_id, key, value):
        self._running(trial_id).user_attrs[key] = value

    def set_trial_system_attr(self, trial_id, key, value):
        self._running(trial_id).system_attrs[key] = value

    def get_trial(self, trial_id):
        return copy.deepcopy(self.all_trials[trial_id])

    def get_all_trials(self, study_id, deepcopy=True, states=None):
        trials = [self.all_trials[trial_id] for trial_id in self.studies[study_id]["trials"]]
        trials = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials
