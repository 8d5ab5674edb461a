# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
import warnings

from bluefin._warnings import warn_experimental_argument
from bluefin.samplers._base import checked_seed
from bluefin.samplers._constraints import store_constraints
from bluefin.samplers._native import NativeSampler

if TYPE_CHECKING:
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial
    from bluefin.trial import TrialState


class TPESampler(NativeSampler):
    """Tree-structured Parzen estimator; the default of a study.

    Args:
        n_startup_trials: Random trials before the model is used.
        n_ei_candidates: Points drawn and scored for one suggestion.
        seed: >= 0. The same seed gives the same study in one process; None is random.
        multivariate: Joint sampling of all known parameters. None: on for one objective, off for several.
        group: One joint sample for each set of parameters that occur together; needs ``multivariate=True``.
        constant_liar: Running trials count as bad ones at their points.
        gamma: Deprecated by Optuna. ``gamma(n)`` is how many of n finished trials are good ones (more than n: all).
            None: ``min(ceil(n / 10), 25)``, without the limit for several objectives.
        weights: Deprecated by Optuna. ``weights(m)`` is m finite weights >= 0 of m observations in the order of their
            trials. None: the last 25 have 1, those before them a linear ramp from 1/m to 1. With several objectives
            good trials weigh the same.
        prior_weight: Deprecated by Optuna. >= 0, of the uniform kernel beside those of the observations.
        consider_magic_clip: Deprecated by Optuna. A smallest bandwidth of range / min(100, m + 2); off: 1e-12.
        consider_endpoints: Deprecated by Optuna. The lowest and the highest observation look at the gap to the end of
            the range too.
        consider_prior: Deprecated by Optuna and without effect, as there.
        warn_independent_sampling: Deprecated by Optuna. Log a warning for each parameter that is drawn by itself
            although sampling is joint.
        constraints_func: Deprecated, use `Trial.set_constraint`. Called with each trial that is COMPLETE or PRUNED;
            returns the values of its constraints, satisfied when <= 0.

    Raises:
        ValueError: An option is out of range or contradicts another; while a study runs, weights that are none.
    """

    _name = "tpe"

    def __init__(
        self,
        *,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        seed: int | None = None,
        multivariate: bool | None = None,
        group: bool = False,
        constant_liar: bool = True,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        if constraints_func is not None:
            warnings.warn(
                "`constraints_func` is deprecated; use `Trial.set_constraint` in the objective.",
                FutureWarning,
                stacklevel=2,
            )
        if group:
            warn_experimental_argument("group")
        self._constraints_func = constraints_func
        self._seed = checked_seed(seed)
        self._options = {
            "n_startup_trials": n_startup_trials,
            "n_ei_candidates": n_ei_candidates,
            "multivariate": multivariate,
            "group": group,
            "constant_liar": constant_liar,
        }
        self._to_native()  # checks the options
        super().__init__()

    def _hears_of_ends(self) -> bool:
        return self._constraints_func is not None or super()._hears_of_ends()

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        if self._constraints_func is not None:
            store_constraints(self._constraints_func, study, trial, state)
