# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any
from typing import TYPE_CHECKING
import warnings

from bluefin import _checks
from bluefin import _native
from bluefin import _objects
from bluefin._warnings import warn_experimental_argument
from bluefin.samplers._base import BaseSampler
from bluefin.samplers._base import checked_seed
from bluefin.samplers._constraints import store_constraints
from bluefin.samplers._gp_explanation import from_json
from bluefin.samplers._gp_explanation import GPExplanation
from bluefin.samplers._native import NativeSampler

if TYPE_CHECKING:
    from bluefin.distributions import BaseDistribution
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial
    from bluefin.trial import TrialState


class GPSampler(NativeSampler):
    """Bayesian optimisation with Gaussian processes: few trials, each worth some milliseconds (docs/gp.md).

    The arguments up to ``warn_independent_sampling`` are Optuna's; the others are bluefin's own.

    Args:
        seed: >= 0. The same seed gives the same study in one process; None is random.
        independent_sampler: Draws what is not drawn jointly, and the first trials. None: the engine draws them, the first
            trials by scrambled Sobol points. With one, the sampler is asked in the thread of the objective.
        n_startup_trials: Complete trials before the model is used.
        deterministic_objective: Equal parameters give equal values; an experimental argument, as in Optuna.
        constraints_func: Deprecated, use `Trial.set_constraint`. Called with each trial that is COMPLETE or PRUNED;
            returns the values of its constraints, satisfied when <= 0.
        warn_independent_sampling: Log a warning for each parameter that is drawn by itself although the model is used.
        sobol_startup: The first trials are scrambled Sobol points as soon as the parameters are known; off: random ones.
        prior: Of the hyperparameters, ``"lognormal"`` or ``"optuna"``.
        output_transform: Of one objective's values: ``"yeo-johnson"``, ``"none"``, or ``"auto"``, the one that predicts
            them best from one another.
        input_warp: Of the numbers: ``"none"``, ``"kumaraswamy"``, which bends each one's range, or ``"auto"``: where that
            predicts the values better from one another.
        winsorise: Cut values off that are worse than the median by 5 interquartile ranges and by twice what the best is
            better.
        n_restarts: Searches for hyperparameters from random starts.
        n_candidates: Points of the acquisition function's first look; fewer with many trials.
        n_local_searches: That start from the best of them.
        trust_region: Look in a box around the best trial. None: with more than 15 parameters, and two times of three
            with `deterministic_objective`.
        max_points: Trials that a model holds; of more a part is chosen.
        n_threads: Of one suggestion, which is the same with any number. Python's other threads go on meanwhile.

    Raises:
        ValueError: An option is out of range or unknown.
    """

    _name = "gp"

    def __init__(
        self,
        *,
        seed: int | None = None,
        independent_sampler: BaseSampler | None = None,
        n_startup_trials: int = 10,
        deterministic_objective: bool = False,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        warn_independent_sampling: bool = True,
        sobol_startup: bool = True,
        prior: str = "lognormal",
        output_transform: str = "yeo-johnson",
        input_warp: str = "none",
        winsorise: bool = True,
        n_restarts: int = 1,
        n_candidates: int = 2048,
        n_local_searches: int = 10,
        trust_region: bool | None = None,
        max_points: int = 2000,
        n_threads: int = 1,
    ) -> None:
        self._constraints_func = _checks.function("`constraints_func`", constraints_func)
        if constraints_func is not None:
            warnings.warn(
                "`constraints_func` is deprecated; use `Trial.set_constraint` in the objective.",
                FutureWarning,
                stacklevel=2,
            )
        if _checks.flag("`deterministic_objective`", deterministic_objective):
            warn_experimental_argument("deterministic_objective")
        if independent_sampler is not None and not isinstance(independent_sampler, BaseSampler):
            raise TypeError(f"`independent_sampler` must be a sampler, but got {independent_sampler!r}.")
        self._independent_sampler = independent_sampler
        self._seed = checked_seed(seed)
        self._options = {
            "n_startup_trials": _checks.integer("`n_startup_trials`", n_startup_trials),
            "deterministic_objective": bool(deterministic_objective),
            "warn_independent_sampling": _checks.flag("`warn_independent_sampling`", warn_independent_sampling),
            "sobol_startup": _checks.flag("`sobol_startup`", sobol_startup) and independent_sampler is None,
            "prior": _checks.text("`prior`", prior),
            "output_transform": _checks.text("`output_transform`", output_transform),
            "input_warp": _checks.text("`input_warp`", input_warp),
            "winsorise": _checks.flag("`winsorise`", winsorise),
            "n_restarts": _checks.integer("`n_restarts`", n_restarts),
            "n_candidates": _checks.integer("`n_candidates`", n_candidates),
            "n_local_searches": _checks.integer("`n_local_searches`", n_local_searches),
            "trust_region": None if trust_region is None else _checks.flag("`trust_region`", trust_region),
            "max_points": _checks.integer("`max_points`", max_points),
            "n_threads": _checks.integer("`n_threads`", n_threads),
        }
        self._to_native()  # checks the options
        super().__init__()

    def explain(self, study: Study, at: Sequence[dict[str, Any]] = ()) -> GPExplanation:
        """What the sampler makes of the finished trials of a study, and what it suggests next.

        The processes are fitted anew, as for the next trial: a fit depends on the trials alone. Of each there are
        lengthscales, relevance of the parameters, noise, transform and leave-one-out score; of the best trial, the
        suggestion and the points ``at`` what is predicted and the acquisition. Nothing changes. It takes the time of a
        suggestion with a fit, and for the relevance some predictions more.

        Args:
            study: Any study. Where it has another sampler, this is what this one would say.
            at: Points to be predicted too, each a dict of parameters; those that not every trial has may be left out.

        Raises:
            TypeError: ``study`` is no study of bluefin, or ``at`` no sequence of dicts.
            ValueError: No complete trial, no parameter of more than one value, or a point that lacks a parameter or has
                a value outside its range.
        """
        _checks.own_study(self, study)
        asked: list[Any] = list(at) if isinstance(at, Iterable) and not isinstance(at, dict) else [None]
        if not all(isinstance(point, dict) for point in asked):
            raise TypeError(f"`at` must be a sequence of dicts, but got {at!r}.")
        for point in asked:
            _checks.named("a point of `at`", point)
        objects = study._objects
        points = [
            {
                name: _objects.native_choice(_objects.plain_choice(name, value, objects))
                for name, value in point.items()
            }
            for point in asked
        ]
        seed = None if study.sampler is self else self._direct_seed
        try:
            text = _native.explain_gp(study._native, self._to_native(), seed, points)
        except ValueError as error:
            if _objects.names_an_object(str(error)):
                raise TypeError(f"`at` has a value that its parameter cannot take: {asked!r}.") from None
            raise
        return from_json(text, objects.original if objects is not None else lambda name, value: value)

    def _samples_in_python(self) -> bool:
        return self._independent_sampler is not None or super()._samples_in_python()

    def _hears_of_ends(self) -> bool:
        return self._constraints_func is not None or super()._hears_of_ends()

    def reseed_rng(self) -> None:
        super().reseed_rng()
        if self._independent_sampler is not None:
            self._independent_sampler.reseed_rng()

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        sampler = self._independent_sampler
        if sampler is None:
            return super().sample_independent(study, trial, param_name, param_distribution)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        if self._constraints_func is not None:
            store_constraints(self._constraints_func, study, trial, state)
