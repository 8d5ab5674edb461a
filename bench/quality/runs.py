# SPDX-License-Identifier: MIT
"""One run: a contestant on a problem with a seed. And the files that keep what came out."""

import importlib
import json
import math
import time
import warnings
import zlib

from . import pareto
from .contestants import CONTESTANTS
from .suite import PROBLEMS


def run(name, problem_name, seed, most):
    """What is kept of a run of at most `most` trials, as a line of the contestant's file.

    reached: by number of trials, the best value so far or, of several objectives, the hypervolume.
    """
    contestant, problem = CONTESTANTS[name], PROBLEMS[problem_name]
    module = importlib.import_module(contestant.module)
    module.logging.set_verbosity(module.logging.ERROR)
    warnings.simplefilter("ignore")  # of experimental arguments
    budgets = [budget for budget in problem.budgets if budget <= most]
    # Every problem has seeds of its own, the same for all contestants.
    sampler = contestant.sampler(zlib.crc32(f"{problem_name}/{seed}".encode()) >> 1)
    study = module.create_study(directions=["minimize"] * problem.n_objectives, sampler=sampler)
    objective, start, values = problem.make(), time.perf_counter(), []

    def noted(trial):
        value = objective(trial)
        values.append(value)
        return value

    study.optimize(noted, n_trials=budgets[-1], catch=())
    reached = {}
    for budget in budgets:
        if problem.n_objectives == 1:
            reached[budget] = min((v for v in values[:budget] if not math.isnan(v)), default=math.inf)
        else:
            reached[budget] = pareto.hypervolume(values[:budget], problem.reference)
    return {
        "problem": problem_name,
        "seed": seed,
        "reached": reached,
        "seconds": round(time.perf_counter() - start, 2),
        "version": module.__version__,
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
