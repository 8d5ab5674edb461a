# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

from bluefin._warnings import deprecated
from bluefin._warnings import experimental
from bluefin.trial import create_trial
from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState

if TYPE_CHECKING:
    from bluefin.study import Study

# What the engine notes of a trial that has failed: another one may do better.
_OF_FAILURE = frozenset(
    (
        "bluefin:capacity",
        "bluefin:error",
        "bluefin:fail",
        "bluefin:peak_memory",
        "bluefin:stderr",
        "bluefin:telemetry",
    )
)


@experimental("2.8.0")
class RetryHeartbeatStaleTrialCallback:
    """Queues a trial whose heartbeat has stopped again, with the same parameters.

    Args:
        max_retry: How often one trial is queued again at most; None: without end.
        inherit_intermediate_values: The new trial has what the old one reported.
    """

    def __init__(self, max_retry: int | None = None, inherit_intermediate_values: bool = False) -> None:
        self._max_retry = max_retry
        self._inherit_intermediate_values = inherit_intermediate_values

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        history = [*trial.system_attrs.get("retry_history", []), trial.number]
        if self._max_retry is not None and len(history) > self._max_retry:
            return
        system_attrs: dict[str, Any] = {"failed_trial": trial.number, **trial.system_attrs, "retry_history": history}
        study.add_trial(
            create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={key: value for key, value in trial.user_attrs.items() if key not in _OF_FAILURE},
                system_attrs=system_attrs,
                intermediate_values=trial.intermediate_values if self._inherit_intermediate_values else None,
            )
        )

    @staticmethod
    @experimental("2.8.0")
    def retried_trial_number(trial: FrozenTrial) -> int | None:
        """The number of the first trial that this one repeats; None: it repeats none."""
        return trial.system_attrs.get("failed_trial")

    @staticmethod
    @experimental("3.0.0")
    def retry_history(trial: FrozenTrial) -> list[int]:
        """The numbers of all trials that this one repeats, the first one first."""
        return trial.system_attrs.get("retry_history", [])


@deprecated("4.9.0", "6.0.0", "Use `RetryHeartbeatStaleTrialCallback` instead.")
class RetryFailedTrialCallback(RetryHeartbeatStaleTrialCallback):
    """The old name of `RetryHeartbeatStaleTrialCallback`."""
