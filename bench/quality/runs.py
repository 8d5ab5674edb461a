# SPDX-License-Identifier: MIT
"""One run: a contestant on a problem with a seed. And the files that keep what came out."""

import importlib
import json
import math
import time
import warnings
import zlib

from . import pareto
from .contestants import find
from .noise import Noisy
from .problem import GivenTrial
from .suite import PROBLEMS


def _loop_values(contestant, problem, objective, seed, n_trials):
    """(values of the trials, version) of a peer that suggests and observes."""
    module = importlib.import_module(f"{__package__}.{contestant.module}")
    loop, values = module.Loop(problem.space, seed), []
    for _ in range(n_trials):
        point = loop.suggest()
        values.append(objective(GivenTrial(point)))
        loop.observe(point, values[-1])
    return values, module.VERSION


def _study_values(contestant, problem, objective, seed, n_trials):
    """(values of the trials, version) of a sampler in a study."""
    module = importlib.import_module(contestant.module)
    module.logging.set_verbosity(module.logging.ERROR)
    study = module.create_study(directions=["minimize"] * problem.n_objectives, sampler=contestant.sampler(seed))
    values = []

    def noted(trial):
        value = objective(trial)
        values.append(value)
        return value

    study.optimize(noted, n_trials=n_trials, catch=())
    return values, module.__version__


def run(name, problem_name, seed, most):
    """What is kept of a run of at most `most` trials, as a line of the contestant's file.

    reached: by number of trials, the best value so far or, of several objectives, the hypervolume. With noise: the value
    without it of the trial that looks best.
    """
    contestant, problem = find(name), PROBLEMS[problem_name]
    warnings.simplefilter("ignore")  # of experimental arguments
    budgets = [budget for budget in problem.budgets if budget <= most]
    values_of = _loop_values if contestant.is_loop else _study_values
    start = time.perf_counter()
    # Every problem has seeds of its own, the same for all contestants.
    own_seed = zlib.crc32(f"{problem_name}/{seed}".encode()) >> 1
    objective = Noisy(problem, own_seed) if problem.noise else problem.make()
    values, version = values_of(contestant, problem, objective, own_seed, budgets[-1])
    worth = objective.without if problem.noise else values
    reached = {}
    for budget in budgets:
        if problem.n_objectives == 1:
            seen = [(value, i) for i, value in enumerate(values[:budget]) if not math.isnan(value)]
            reached[budget] = worth[min(seen)[1]] if seen else math.inf
        else:
            reached[budget] = pareto.hypervolume(values[:budget], problem.reference)
    return {
        "problem": problem_name,
        "seed": seed,
        "reached": reached,
        "seconds": round(time.perf_counter() - start, 2),
        "version": version,
    }


class Results:
    """The lines of a contestant: by problem and seed, in a file that is only appended to."""

    def __init__(self, path):
        self._path = path
        self.runs = {}
        if path.exists():
            for line in path.read_text().splitlines():
                self._take(json.loads(line))

    def _take(self, line):
        line["reached"] = {int(budget): value for budget, value in line["reached"].items()}
        self.runs[line["problem"], line["seed"]] = line

    def has(self, problem, seed, most):
        known = self.runs.get((problem.name, seed))
        return known is not None and all(b in known["reached"] for b in problem.budgets if b <= most)

    def add(self, line):
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._take(json.loads(json.dumps(line)))

    def forget(self):
        self._path.unlink(missing_ok=True)
        self.runs = {}
