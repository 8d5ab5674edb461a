# SPDX-License-Identifier: MIT
from __future__ import annotations

import abc
from collections.abc import Container
from collections.abc import Sequence
import copy
from typing import Any
from typing import TYPE_CHECKING
import weakref

from bluefin.exceptions import UpdateFinishedTrialError

if TYPE_CHECKING:
    from bluefin._objects import Objects
    from bluefin.distributions import BaseDistribution
    from bluefin.study._direction import StudyDirection
    from bluefin.study._frozen import FrozenStudy
    from bluefin.trial import FrozenTrial
    from bluefin.trial import TrialState

DEFAULT_STUDY_NAME_PREFIX = "no-name-"

# A storage written in Python and the engine's view of it. The bridge knows its storage weakly, so both end together.
_bridges: weakref.WeakKeyDictionary[BaseStorage, Any] = weakref.WeakKeyDictionary()


class BaseStorage(abc.ABC):
    """Where studies and trials live, by their ids. Subclasses written in Python work with the engine.

    Ids are unique in the storage, numbers of trials within their study: 0, 1, ... in the order of creation. Methods may
    be called from any thread. Errors: KeyError for an id or a name that does not exist, `UpdateFinishedTrialError` for
    a change of a finished trial.
    """

    # Attributes are written in batches, so what the storage would refuse is refused when it is set.
    _json_only = False

    @property
    def _native(self) -> Any:
        return self._bridge.native

    def _objects_of(self, study_id: int) -> Objects | None:
        """What the engine cannot hold of a study; None: everything of this storage is JSON."""
        return self._bridge.objects(study_id)

    def _is_native(self) -> bool:
        """Whether studies work with the engine's own storage, past the methods here."""
        return False

    def _takes_one_by_one(self) -> bool:
        """Whether every change of a trial is a call of its own, so that a trial's end needs no batch."""
        return not hasattr(self, "_one_append")

    def _place(self) -> Any:
        """Where the studies are, the same for two objects on one place; None: not known."""
        return None

    def _forget_objects(self, study_id: int) -> None:
        self._bridge.forget_objects(study_id)

    @property
    def _bridge(self) -> Any:
        from bluefin.storages._bridge import Bridge

        bridge = _bridges.get(self)
        if bridge is None:
            bridge = _bridges.setdefault(self, Bridge(self))
        return bridge

    # --- studies -----------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Makes a study; None: a name that nobody else has. DuplicatedStudyError when the name is taken."""

    @abc.abstractmethod
    def delete_study(self, study_id: int) -> None:
        """Deletes a study with its trials."""

    @abc.abstractmethod
    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Sets or replaces an attribute."""

    @abc.abstractmethod
    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Sets or replaces an attribute of samplers, pruners and tools."""

    @abc.abstractmethod
    def get_study_id_from_name(self, study_name: str) -> int:
        """The id of a study."""

    @abc.abstractmethod
    def get_study_name_from_id(self, study_id: int) -> str:
        """The name of a study."""

    @abc.abstractmethod
    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """One direction per objective."""

    @abc.abstractmethod
    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """The attributes of a study, by key."""

    @abc.abstractmethod
    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """The attributes of samplers, pruners and tools, by key."""

    @abc.abstractmethod
    def get_all_studies(self) -> list[FrozenStudy]:
        """Every study, ascending ids."""

    # --- trials ------------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Adds a trial: RUNNING from now on, or a copy of the template with an id and a number of its own."""

    @abc.abstractmethod
    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Sets a parameter. ValueError when the study knows another kind of distribution under this name."""

    @abc.abstractmethod
    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Sets the state. False when a trial that is to begin (RUNNING) is not waiting any more."""

    @abc.abstractmethod
    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Sets or replaces the value reported at a step."""

    @abc.abstractmethod
    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Sets or replaces an attribute."""

    @abc.abstractmethod
    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Sets or replaces an attribute of samplers and pruners."""

    @abc.abstractmethod
    def get_trial(self, trial_id: int) -> FrozenTrial:
        """The trial as it is now."""

    @abc.abstractmethod
    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials of a study in the order of their numbers; with ``states`` only those."""

    def _trials_since(self, study_id: int, last_id: int, unfinished: set[int]) -> list[FrozenTrial]:
        """The trials with an id above ``last_id`` or among ``unfinished``. O(all trials): there is no other way here."""
        trials = self._bridge.checked_trials("get_all_trials", self.get_all_trials(study_id, deepcopy=False))
        return [trial for trial in trials if trial._trial_id > last_id or trial._trial_id in unfinished]

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """The id of the trial with this number."""
        trials = self.get_all_trials(study_id, deepcopy=False)
        if not 0 <= trial_number < len(trials):
            raise KeyError(f"No trial with trial number {trial_number} exists in study with study_id {study_id}.")
        return trials[trial_number]._trial_id

    def get_trial_number_from_id(self, trial_id: int) -> int:
        """The number of a trial in its study."""
        return self.get_trial(trial_id).number

    def get_trial_param(self, trial_id: int, param_name: str) -> float:
        """The internal form of a parameter's value."""
        trial = self.get_trial(trial_id)
        return trial.distributions[param_name].to_internal_repr(trial.params[param_name])

    def get_n_trials(self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None) -> int:
        """How many trials there are, or how many of them in the given state or states."""
        from bluefin.trial import TrialState

        if isinstance(state, TrialState):
            state = (state,)
        return len(self.get_all_trials(study_id, deepcopy=False, states=state))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """The COMPLETE trial with the best value, constraints aside.

        Raises:
            RuntimeError: The study has several objectives.
            ValueError: No trial is complete.
        """
        from bluefin.study._direction import StudyDirection
        from bluefin.trial import TrialState

        directions = self.get_study_directions(study_id)
        if len(directions) > 1:
            raise RuntimeError("Best trial can be obtained only for single-objective optimization.")
        complete = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        if not complete:
            raise ValueError("No trials are completed yet.")
        best = max if directions[0] == StudyDirection.MAXIMIZE else min
        return copy.deepcopy(best(complete, key=lambda trial: trial.value))  # type: ignore[arg-type, return-value]

    def get_trial_params(self, trial_id: int) -> dict[str, Any]:
        """Name to value, as an objective sees it."""
        return self.get_trial(trial_id).params

    def get_trial_user_attrs(self, trial_id: int) -> dict[str, Any]:
        """The attributes of a trial, by key."""
        return self.get_trial(trial_id).user_attrs

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        """The attributes of samplers and pruners, by key."""
        return self.get_trial(trial_id).system_attrs

    def remove_session(self) -> None:
        """Closes what this thread holds open, where a storage holds anything."""

    def check_trial_is_updatable(self, trial_id: int, trial_state: TrialState) -> None:
        """UpdateFinishedTrialError when ``trial_state`` is a finished one."""
        if trial_state.is_finished():
            number = self.get_trial(trial_id).number
            raise UpdateFinishedTrialError(f"Trial#{number} has already finished and can not be updated.")
