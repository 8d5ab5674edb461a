# SPDX-License-Identifier: MIT
"""What a sampler is tried on."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

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
