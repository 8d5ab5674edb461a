# SPDX-License-Identifier: MIT
"""For programs that ``bluefin run`` starts: each process runs one trial, which the supervisor keeps.

A program that is both, a study of its own and one trial of a supervisor, ends with::

    if bluefin.is_attached():
        sys.exit(bluefin.run_attached(objective))
    study = bluefin.create_study()
    study.optimize(objective, n_trials=100)
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from bluefin import _native
from bluefin._out_of_memory import out_of_memory_class
from bluefin.exceptions import StorageInternalError
from bluefin.exceptions import TrialPruned
from bluefin.study._tell import outcome
from bluefin.trial import Trial
from bluefin.trial import TrialState


def is_attached() -> bool:
    """Whether this process was started to run one trial."""
    return _native.is_attached()


def run_attached(objective: Callable[[Trial], Any]) -> int:
    """Runs the objective on the trial that this process was started for, and tells its outcome.

    An exception of the objective is told as a failure.

    Args:
        objective: Takes a trial, returns one value, or a sequence of one per objective.

    Returns:
        The process's exit code: 0, also for pruned and failed trials that were told; 1 when the supervisor is gone.

    Raises:
        ValueError: The process is not attached.
    """
    native = _native.attached_trial()
    try:
        state, values, reason, fail_class = _run(objective, Trial(None, native))
        try:
            _native.tell_attached(native, int(state), values, reason, fail_class)
        except ValueError as error:  # a wrong number of values, say
            _native.tell_attached(native, int(TrialState.FAIL), [], str(error), "")
    except StorageInternalError:
        return 1
    return 0


def _run(objective: Callable[[Trial], Any], trial: Trial) -> tuple[TrialState, list[float], str, str]:
    try:
        given = objective(trial)
    except TrialPruned:
        return TrialState.PRUNED, [], "", ""
    except StorageInternalError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return TrialState.FAIL, [], f"{type(error).__name__}: {error}", out_of_memory_class(error)
    # How many values are right is the supervisor's to say.
    state, values, problem = outcome(len(given) if isinstance(given, Sequence) else 1, given, None)
    return state, values, problem or "", ""
