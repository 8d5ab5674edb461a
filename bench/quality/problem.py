# SPDX-License-Identifier: MIT
"""What a sampler is tried on."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class GivenTrial:
    """For an objective: a trial whose parameters are known."""

    def __init__(self, params):
        self._params = params

    def suggest_float(self, name, low, high):
        value = self._params[name]
        if not low <= value <= high:
            raise ValueError(f"{name} = {value!r}, expected a number from {low} to {high}")
        return value

    def suggest_categorical(self, name, choices):
        value = self._params[name]
        if value not in choices:
            raise ValueError(f"{name} = {value!r}, expected one of {choices}")
        return value


# Of a trial of bluefin or of Optuna to the value, or to the values, all to be made small.
Objective = Callable[[Any], float | Sequence[float]]


@dataclasses.dataclass(frozen=True)
class Problem:
    name: str
    group: str  # of problems that are reported together
    family: str  # the instances of one function: a sample of one problem
    budgets: tuple[int, ...]  # numbers of trials after which a run is looked at, ascending
    make: Callable[[], Objective] = dataclasses.field(compare=False)  # called in the process that runs it
    n_objectives: int = 1
    optimum: Callable[[], float] | None = None  # of one objective; None: the best value that any run has found
    # Of several objectives: the point that hypervolume is measured from, and what the whole Pareto front has.
    reference: tuple[float, ...] = ()
    hypervolume: float = 0.0
    # {parameter: (low, high), or the choices as strings}, for who must know it before the first trial; None: not all of
    # them are floats on a linear scale or categorical, or the space is conditional.
    space: Mapping[str, tuple] | None = dataclasses.field(default=None, compare=False)
    noise: float = 0.0  # standard deviation of normal noise, as a share of what random search leaves (noise.py)
