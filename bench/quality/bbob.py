# SPDX-License-Identifier: MIT
"""Functions of COCO (https://coco-platform.org): the suites bbob and bbob-mixint of the package coco-experiment.

Its functions are shifted and rotated by instance, and their optima are known.
"""

import functools
import os
import pathlib
import tempfile

from .problem import Problem

# Separable, of moderate and of high condition, and with many optima of two kinds.
FUNCTIONS = (1, 3, 5, 8, 10, 13, 15, 20, 21, 23)
INSTANCES = (1, 2, 3, 4, 5)


@functools.cache
def _suite(name, function, dimension, instance):
    import cocoex

    options = f"dimensions:{dimension} function_indices:{function} instance_indices:{instance}"
    return cocoex.Suite(name, "", options)


def _coco_problem(name, function, dimension, instance):
    return _suite(name, function, dimension, instance).get_problem(0)


@functools.cache
def optimum(name, function, dimension, instance):
    """The smallest value. The library tells where it is by a file in the current folder."""
    problem = _coco_problem(name, function, dimension, instance)
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            problem._best_parameter("print")
            point = [float(x) for x in pathlib.Path("._bbob_problem_best_parameter.txt").read_text().split()]
        finally:
            os.chdir(before)
    return float(problem(point))


def _objective(name, function, dimension, instance):
    problem = _coco_problem(name, function, dimension, instance)
    n_integers = problem.number_of_integer_variables
    low, high = problem.lower_bounds, problem.upper_bounds

    def objective(trial):
        point = [
            trial.suggest_int(f"x{i}", int(low[i]), int(high[i]))
            if i < n_integers
            else trial.suggest_float(f"x{i}", float(low[i]), float(high[i]))
            for i in range(dimension)
        ]
        return float(problem(point))

    return objective


def problems(suite, dimensions):
    for dimension in dimensions:
        budgets = (30, 100, 300, 1000) if dimension <= 10 else (30, 100, 300)
        for function in FUNCTIONS:
            for instance in INSTANCES:
                key = (suite, function, dimension, instance)
                yield Problem(
                    name=f"{suite}-f{function}-d{dimension}-i{instance}",
                    group=f"{suite}-d{dimension}",
                    family=f"{suite}-f{function}-d{dimension}",
                    budgets=budgets,
                    make=functools.partial(_objective, *key),
                    optimum=functools.partial(optimum, *key),
                )
