# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import math
import operator
from typing import Any
from typing import TYPE_CHECKING
import warnings

from bluefin import _checks
from bluefin import _native
from bluefin._warnings import deprecated
from bluefin._warnings import positional_once
from bluefin._warnings import warn_experimental_argument
from bluefin.samplers._base import checked_seed
from bluefin.samplers._constraints import store_constraints
from bluefin.samplers._native import NativeSampler

if TYPE_CHECKING:
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial
    from bluefin.trial import TrialState


_DEPRECATED_DEFAULTS = {
    "prior_weight": 1.0,
    "consider_magic_clip": True,
    "consider_endpoints": False,
    "warn_independent_sampling": False,
}


def hyperopt_default_gamma(n: int) -> int:
    return min(math.ceil(0.25 * n**0.5), 25)


def default_weights(m: int) -> list[float]:
    """The last 25 of m weights are 1; those before them rise from 1/m to 1."""
    n_ramp = max(m - 25, 0)
    step = (1.0 - 1.0 / m) / (n_ramp - 1) if n_ramp > 1 else 0.0
    return [1.0 / m + step * i for i in range(n_ramp)] + [1.0] * min(m, 25)


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
            None: ``min(ceil(n / 10), gamma_limit)``, without the limit for several objectives.
        weights: Deprecated by Optuna. ``weights(m)`` is m weights from 0 to 1e100 of m observations in the order of their
            trials. None: the last 25 have 1, those before them a linear ramp from 1/m to 1. With several objectives
            good trials weigh the same.
        prior_weight: Deprecated by Optuna. 0 to 1e100, of the uniform kernel beside those of the observations.
        consider_magic_clip: Deprecated by Optuna. A smallest bandwidth of range / min(100, m + 2); off: 1e-12.
        consider_endpoints: Deprecated by Optuna. The lowest and the highest observation look at the gap to the end of
            the range too.
        consider_prior: Deprecated by Optuna and without effect, as there.
        warn_independent_sampling: Deprecated by Optuna. Warn (UserWarning; Optuna logs it) of each parameter that is drawn by itself
            although sampling is joint.
        constraints_func: Deprecated, use `Trial.set_constraint`. Called with each trial that is COMPLETE or PRUNED;
            returns the values of its constraints, satisfied when <= 0.
        gamma_limit: Not in Optuna. Of one objective no more trials than this count as good ones; 0: no limit, a tenth of
            all. Without it long studies (from some 300 trials on) come closer to the optimum.
        avoid_duplicates: Not in Optuna. Where every parameter has a step or choices: a point that no trial has had, as
            long as there is one. Works on joint samples of all parameters.

    Raises:
        ValueError: An option is out of range or contradicts another; while a study runs, weights that are none.
    """

    _name = "tpe"

    @positional_once(
        (
            "self",
            "consider_prior",
            "prior_weight",
            "consider_magic_clip",
            "consider_endpoints",
            "n_startup_trials",
            "n_ei_candidates",
            "gamma",
            "weights",
            "seed",
        ),
        since="4.4.0",
        removed_in="6.0.0",
    )
    def __init__(
        self,
        *,
        consider_prior: bool | None = None,
        prior_weight: float | None = None,
        consider_magic_clip: bool | None = None,
        consider_endpoints: bool | None = None,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        gamma: Callable[[int], int] | None = None,
        weights: Callable[[int], Sequence[float]] | None = None,
        seed: int | None = None,
        multivariate: bool | None = None,
        group: bool = False,
        warn_independent_sampling: bool | None = None,
        constant_liar: bool = True,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        gamma_limit: int = 25,
        avoid_duplicates: bool = False,
    ) -> None:
        deprecated = {
            "prior_weight": prior_weight,
            "consider_magic_clip": consider_magic_clip,
            "consider_endpoints": consider_endpoints,
            "warn_independent_sampling": warn_independent_sampling,
        }
        functions = {"gamma": gamma, "weights": weights}
        for name, value in {"consider_prior": consider_prior, **deprecated, **functions}.items():
            if value is not None:
                since = "4.3.0" if name == "consider_prior" else "4.9.0"
                warnings.warn(
                    f"`{name}` has been deprecated in v{since}. This feature will be removed in v6.0.0.",
                    FutureWarning,
                    stacklevel=3,
                )
        for name, function in functions.items():
            _checks.function(f"`{name}`", function)
        self._constraints_func = _checks.function("`constraints_func`", constraints_func)
        if constraints_func is not None:
            warnings.warn(
                "`constraints_func` is deprecated; use `Trial.set_constraint` in the objective.",
                FutureWarning,
                stacklevel=3,
            )
        if group:
            warn_experimental_argument("group", stacklevel=4)
        self._gamma = gamma
        self._weights = weights
        self._seed = checked_seed(seed)
        self._options = {
            "n_startup_trials": _checks.count("`n_startup_trials`", n_startup_trials),
            "n_ei_candidates": _checks.integer("`n_ei_candidates`", n_ei_candidates),
            "multivariate": None if multivariate is None else _checks.flag("`multivariate`", multivariate),
            "group": _checks.flag("`group`", group),
            "constant_liar": _checks.flag("`constant_liar`", constant_liar),
            "gamma_limit": _checks.integer("`gamma_limit`", gamma_limit),
            "avoid_duplicates": _checks.flag("`avoid_duplicates`", avoid_duplicates),
        }
        for name, value in deprecated.items():
            if value is not None:
                check: Any = _checks.number if name == "prior_weight" else _checks.flag
                self._options[name] = check(f"`{name}`", value)
        self._to_native()  # checks the options
        super().__init__()

    @classmethod
    def _from_options(cls, options: dict[str, Any]) -> TPESampler:
        # A study's config names every option; a deprecated one at its default is no reason to warn.
        return cls(**{name: value for name, value in options.items() if _DEPRECATED_DEFAULTS.get(name) != value})

    def _to_native(self) -> _native.Sampler:
        return _native.make_tpe(self._texts(), self._checked_gamma(), self._checked_weights())

    def _checked_gamma(self) -> Callable[[int], int] | None:
        gamma = self._gamma
        if gamma is None:
            return None

        def checked(n: int) -> int:
            n_good = operator.index(gamma(n))
            if n_good < 0:
                raise ValueError(f"`gamma` must return an integer >= 0, but gamma({n}) = {n_good}.")
            return n_good

        return checked

    def _checked_weights(self) -> Callable[[int], list[float]] | None:
        weights = self._weights
        if weights is None:
            return None
        return lambda m: [float(w) for w in weights(m)]

    @staticmethod
    @deprecated("4.9.0", "6.0.0")
    def hyperopt_parameters() -> dict[str, Any]:
        """The arguments that make the sampler behave as hyperopt 0.1.2's default; deprecated by Optuna."""
        return {
            "consider_prior": True,
            "prior_weight": 1.0,
            "consider_magic_clip": True,
            "consider_endpoints": False,
            "n_startup_trials": 20,
            "n_ei_candidates": 24,
            "gamma": hyperopt_default_gamma,
            "weights": default_weights,
        }

    def _hears_of_ends(self) -> bool:
        return self._constraints_func is not None or super()._hears_of_ends()

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        if self._constraints_func is not None:
            store_constraints(self._constraints_func, study, trial, state)
