# SPDX-License-Identifier: MIT
"""From runs to one number for a contestant, and how sure it is.

The regret of a run is how far its best value is above the smallest one there is (of several objectives: the hypervolume
that its front lacks). It is divided by the median regret of random search on the same problem after as many trials. The
score is the geometric mean over the families of problems of the geometric mean over a family's runs (instances and
seeds). Its interval is a bootstrap that draws families, and then runs of each; two contestants are compared on the runs
that both have made.
"""

import dataclasses

import numpy

from .suite import PROBLEMS

# Of a relative regret: who is closer than this to the optimum has found it.
LEAST = 1e-5
DRAWS = 2000
TIE = 0.02  # two runs are equal whose logarithms differ by no more


@dataclasses.dataclass(frozen=True)
class Score:
    ratio: float
    low: float  # 95 % interval
    high: float
    n_families: int
    n_runs: int
    wins: int
    ties: int
    losses: int


def _optima(results):
    """{problem: the best value of any run}, for those whose optimum nobody knows."""
    best = {}
    for runs in results.values():
        for (name, _), line in runs.items():
            best[name] = min(best.get(name, numpy.inf), *line["reached"].values())
    return best


def log_regrets(results, budget):
    """{contestant: {(problem, seed): logarithm of the relative regret}} after `budget` trials.

    results: {contestant: {(problem, seed): line}}, with those of "random".
    """
    best = _optima(results)
    optimum = {}

    def regret(name, reached):
        problem = PROBLEMS[name]
        if problem.n_objectives > 1:
            return problem.hypervolume - reached
        if name not in optimum:
            optimum[name] = best[name] if problem.optimum is None else problem.optimum()
        return reached - optimum[name]

    regrets = {
        contestant: {
            key: regret(key[0], line["reached"][budget])
            for key, line in runs.items()
            if key[0] in PROBLEMS and budget in line["reached"]
        }
        for contestant, runs in results.items()
    }
    of_random = {}
    for (name, _), value in regrets.get("random", {}).items():
        of_random.setdefault(name, []).append(value)
    medians = {name: numpy.median(values) for name, values in of_random.items()}
    return {
        contestant: {
            key: float(numpy.log(max(value / medians[key[0]], LEAST)))
            for key, value in runs.items()
            if medians.get(key[0], 0.0) > 0.0
        }
        for contestant, runs in regrets.items()
    }


def compare(ours, theirs, groups=None, seed=0):
    """The Score of `ours` as a ratio to `theirs` ({}: to random search), of some groups or families of problems, or of
    all; None without runs.
    """
    families = {}
    for key, value in ours.items():
        problem = PROBLEMS[key[0]]
        if groups is not None and problem.group not in groups and problem.family not in groups:
            continue
        if theirs and key not in theirs:
            continue
        families.setdefault(problem.family, []).append(value - theirs.get(key, 0.0))
    if not families:
        return None
    samples = [numpy.array(values) for _, values in sorted(families.items())]
    rng = numpy.random.default_rng(seed)
    # means[f][b]: of family f in the b-th draw.
    means = numpy.stack([s[rng.integers(len(s), size=(DRAWS, len(s)))].mean(axis=1) for s in samples])
    drawn = rng.integers(len(samples), size=(DRAWS, len(samples)))
    draws = numpy.take_along_axis(means.T, drawn, axis=1).mean(axis=1)
    low, high = numpy.exp(numpy.quantile(draws, [0.025, 0.975]))
    flat = numpy.concatenate(samples)
    return Score(
        ratio=float(numpy.exp(numpy.mean([s.mean() for s in samples]))),
        low=float(low),
        high=float(high),
        n_families=len(samples),
        n_runs=len(flat),
        wins=int((flat < -TIE).sum()),
        ties=int((abs(flat) <= TIE).sum()),
        losses=int((flat > TIE).sum()),
    )
