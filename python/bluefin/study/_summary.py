# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
import datetime
from typing import Any
from typing import TYPE_CHECKING

from bluefin.study._direction import StudyDirection

if TYPE_CHECKING:
    from bluefin.trial import FrozenTrial


@dataclasses.dataclass(frozen=True)
class StudySummary:
    """One study of `get_all_study_summaries`."""

    study_name: str
    directions: list[StudyDirection]
    best_trial: FrozenTrial | None
    """Of a single objective with a COMPLETE trial."""
    user_attrs: dict[str, Any]
    n_trials: int
    datetime_start: datetime.datetime | None
    """Of the first trial."""

    @property
    def direction(self) -> StudyDirection:
        """RuntimeError for several objectives."""
        if len(self.directions) > 1:
            raise RuntimeError("This attribute is not available during multi-objective optimization.")
        return self.directions[0]
