# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence
import datetime
from typing import Any
from typing import TYPE_CHECKING

from bluefin.study._direction import StudyDirection

if TYPE_CHECKING:
    from bluefin.trial import FrozenTrial


class StudySummary:
    """One study of `get_all_study_summaries`.

    Attributes:
        study_name: Name of the study.
        best_trial: Of a single objective with a feasible COMPLETE trial; else None.
        user_attrs: Attributes of the user.
        n_trials: Number of trials in any state.
        datetime_start: Local time at which the first trial began; None before.
    """

    def __init__(
        self,
        study_name: str,
        direction: StudyDirection | None,
        best_trial: FrozenTrial | None,
        user_attrs: dict[str, Any],
        n_trials: int,
        datetime_start: datetime.datetime | None,
        study_id: int,
        *,
        directions: Sequence[StudyDirection] | None = None,
    ) -> None:
        if (direction is None) == (directions is None):
            raise ValueError("Specify one of `direction` and `directions`.")
        self.study_name = study_name
        self._directions = [direction] if direction is not None else list(directions or ())
        self.best_trial = best_trial
        self.user_attrs = user_attrs
        self.n_trials = n_trials
        self.datetime_start = datetime_start
        self._study_id = study_id

    @property
    def direction(self) -> StudyDirection:
        """RuntimeError for several objectives."""
        if len(self._directions) > 1:
            raise RuntimeError("This attribute is not available during multi-objective optimization.")
        return self._directions[0]

    @property
    def directions(self) -> list[StudyDirection]:
        """One direction per objective."""
        return self._directions

    def __lt__(self, other: Any) -> bool:
        return self._study_id < other._study_id if isinstance(other, StudySummary) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self._study_id <= other._study_id if isinstance(other, StudySummary) else NotImplemented

    def __eq__(self, other: Any) -> bool:
        return self.__dict__ == other.__dict__ if isinstance(other, StudySummary) else NotImplemented
