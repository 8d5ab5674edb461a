# SPDX-License-Identifier: MIT
"""Objectives that the tests of the module share."""

import math

import bluefin


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    n = trial.suggest_int("n", 1, 9, step=2)
    kind = trial.suggest_categorical("kind", [None, True, 2, 0.5, "adam"])
    return x**2 + abs(math.log10(lr) + 3) + n + (kind == "adam")


def objective_with_reports(trial):
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", [None, True, 2, 0.5, "adam"])
    for step in range(3):
        trial.report(x**2 + 3 - step, step)
        if trial.should_prune():
            raise bluefin.TrialPruned
    trial.set_user_attr("squared", x**2)
    return x**2 + (kind == "adam")
