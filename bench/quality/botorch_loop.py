# SPDX-License-Identifier: MIT
"""BoTorch (Balandat et al. 2020): its default Gaussian process and LogEI, as in its first tutorial.

On 2 d points of a scrambled Sobol sequence follows one model a trial, fitted anew. With categorical parameters it is
MixedSingleTaskGP, and the acquisition is optimised for every combination of choices.
"""

import importlib.metadata
import itertools
import warnings

from botorch.acquisition import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP, SingleTaskGP
from botorch.optim import optimize_acqf, optimize_acqf_mixed
from gpytorch.mlls import ExactMarginalLogLikelihood
import torch

VERSION = importlib.metadata.version("botorch")

RESTARTS, RAW_SAMPLES = 10, 512  # of the tutorial
# For each combination of choices.
MIXED_RESTARTS, MIXED_RAW_SAMPLES = 2, 32


class Loop:
    def __init__(self, space, seed):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self._space = space
        self._sobol = torch.quasirandom.SobolEngine(len(space), scramble=True, seed=seed)
        self._choices = {j: v for j, v in enumerate(space.values()) if isinstance(v[0], str)}
        # Floats in the unit cube, categoricals as the index of the choice; values to be made large.
        self._x = torch.empty(0, len(space), dtype=torch.double)
        self._y = torch.empty(0, 1, dtype=torch.double)

    def _start(self):
        x = self._sobol.draw(1, dtype=torch.double)
        for j, choices in self._choices.items():
            x[0, j] = min(int(x[0, j] * len(choices)), len(choices) - 1)
        return x

    def _model_based(self):
        bounds = torch.tensor([[0.0] * len(self._space), [1.0] * len(self._space)], dtype=torch.double)
        if not self._choices:
            model = SingleTaskGP(self._x, self._y)
        else:
            model = MixedSingleTaskGP(self._x, self._y, cat_dims=list(self._choices))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        acquisition = LogExpectedImprovement(model, best_f=self._y.max())
        if not self._choices:
            return optimize_acqf(acquisition, bounds, q=1, num_restarts=RESTARTS, raw_samples=RAW_SAMPLES)[0]
        for j, choices in self._choices.items():
            bounds[1, j] = len(choices) - 1
        combinations = [
            dict(zip(self._choices, map(float, indices), strict=True))
            for indices in itertools.product(*(range(len(choices)) for choices in self._choices.values()))
        ]
        return optimize_acqf_mixed(
            acquisition,
            bounds,
            q=1,
            num_restarts=MIXED_RESTARTS,
            raw_samples=MIXED_RAW_SAMPLES,
            fixed_features_list=combinations,
        )[0]

    def suggest(self):
        if len(self._x) < 2 * len(self._space):
            x = self._start()
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                x = self._model_based()
        point = {}
        for j, ((name, values), at) in enumerate(zip(self._space.items(), x[0].tolist(), strict=True)):
            point[name] = values[round(at)] if j in self._choices else values[0] + at * (values[1] - values[0])
        return point

    def observe(self, point, value):
        x = [
            values.index(point[name]) if j in self._choices else (point[name] - values[0]) / (values[1] - values[0])
            for j, (name, values) in enumerate(self._space.items())
        ]
        self._x = torch.cat([self._x, torch.tensor([x], dtype=torch.double)])
        self._y = torch.cat([self._y, torch.tensor([[-value]], dtype=torch.double)])
