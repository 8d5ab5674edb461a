# SPDX-License-Identifier: MIT
from __future__ import annotations

from bluefin import _checks
from bluefin.pruners._base import NativePruner


class PercentilePruner(NativePruner):
    """Stops a trial whose best report so far is worse than a percentile of what other trials had at that step.

    Args:
        percentile: 0 to 100, the share of trials to keep.
        n_startup_trials: COMPLETE trials before anything is pruned.
        n_warmup_steps: Steps of a trial before it can be pruned.
        interval_steps: Steps between two checks, counted from the warm-up.
        n_min_trials: Trials that must have reported at the step.

    Raises:
        ValueError: An option is out of range.
    """

    _name = "percentile"

    def __init__(
        self,
        percentile: float,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        self._options = {
            **({"percentile": _checks.number("`percentile`", percentile)} if self._name == "percentile" else {}),
            "n_startup_trials": _checks.count("`n_startup_trials`", n_startup_trials),
            "n_warmup_steps": _checks.count("`n_warmup_steps`", n_warmup_steps),
            "interval_steps": _checks.integer("`interval_steps`", interval_steps),
            "n_min_trials": _checks.count("`n_min_trials`", n_min_trials),
        }
        self._to_native()  # checks the options
        super().__init__()


class MedianPruner(PercentilePruner):
    """The percentile pruner at 50; the default of a study.

    Args:
        n_startup_trials: COMPLETE trials before anything is pruned.
        n_warmup_steps: Steps of a trial before it can be pruned.
        interval_steps: Steps between two checks, counted from the warm-up.
        n_min_trials: Trials that must have reported at the step.

    Raises:
        ValueError: An option is out of range.
    """

    _name = "median"

    def __init__(
        self,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        super().__init__(50.0, n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials)
