# SPDX-License-Identifier: MIT
"""Values with normal noise, in proportion to what random search leaves of a problem.

A run is looked at by what the trial that looks best is worth without noise. All numbers are Python's own generator's.
"""

import dataclasses
import functools
import random
import statistics

from .problem import GivenTrial

GROUPS = ("five-d5",)
SHARES = (0.1, 0.5)
N_RANDOM = 30  # points of a random search
N_SEARCHES = 21


@functools.cache
def left_by_random_search(problem):
    """The median distance to the optimum of the best of 30 uniform points, of 21 searches."""
    rng, objective = random.Random(problem.name), problem.make()

    def value():
        point = {
            name: rng.choice(among) if isinstance(among[0], str) else rng.uniform(*among)
            for name, among in problem.space.items()
        }
        return objective(GivenTrial(point))

    return statistics.median(min(value() for _ in range(N_RANDOM)) for _ in range(N_SEARCHES)) - problem.optimum()


class Noisy:
    """The objective of a problem with noise, which depends on the seed and on how many values there were."""

    def __init__(self, problem, seed):
        self._objective = problem.make()
        self._sd = problem.noise * left_by_random_search(problem)
        self._rng = random.Random(seed)
        self.without = []  # noise, value by value

    def __call__(self, trial):
        self.without.append(self._objective(trial))
        return self.without[-1] + self._rng.gauss(0, self._sd)


def problems(originals):
    for problem in originals:
        for share in SHARES if problem.group in GROUPS else ():
            group = f"{problem.group}-noise{100 * share:.0f}"
            rest = problem.name.removeprefix(problem.group)
            family = group + problem.family.removeprefix(problem.group)
            yield dataclasses.replace(problem, name=group + rest, group=group, family=family, noise=share)
