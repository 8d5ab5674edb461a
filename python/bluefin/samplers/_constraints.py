# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import math
from typing import Any
from typing import TYPE_CHECKING
import warnings

from bluefin.trial import TrialState
from bluefin.trial._base import CONSTRAINTS_KEY

if TYPE_CHECKING:
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial


def store_constraints(
    constraints_func: Callable[[FrozenTrial], Sequence[float]], study: Study, trial: FrozenTrial, state: TrialState
) -> None:
    """Keeps with a trial what a sampler's ``constraints_func`` says of it; None where that fails."""
    if state not in (TrialState.COMPLETE, TrialState.PRUNED):
        return
    constraints: list[float] | None = None
    try:
        constraints = _checked(constraints_func(trial))
    finally:
        study._storage.set_trial_system_attr(trial._trial_id, CONSTRAINTS_KEY, constraints)


def _checked(constraints: Any) -> list[float]:
    if not isinstance(constraints, (tuple, list)):
        warnings.warn(f"Constraints should be a sequence of floats but got {type(constraints).__name__}.")
    floats = [float(value) for value in constraints]
    if any(map(math.isnan, floats)):
        raise ValueError("Constraint values cannot be NaN.")
    return floats
