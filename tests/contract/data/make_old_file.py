# SPDX-License-Identifier: MIT
"""Writes optuna-VERSION.sql of this folder with the Optuna that is installed: `python make_old_file.py FILE`.

Trials of every state, parameters of every kind, reports, attributes, and a study with two objectives where that is known.
2.3.0 and 2.10.1 need sqlalchemy<1.4.47 and numpy<1.24.
"""

import pathlib
import sqlite3
import sys
import tempfile
import warnings

import optuna

VERSION = tuple(int(part) for part in optuna.__version__.split(".")[:2])


def objective(trial):
    if VERSION < (3, 0):
        x = trial.suggest_uniform("uniform", -1, 1)
        trial.suggest_loguniform("log", 1e-5, 1)
        trial.suggest_discrete_uniform("step", 0, 1, 0.25)
    else:
        x = trial.suggest_float("uniform", -1, 1)
        trial.suggest_float("log", 1e-5, 1, log=True)
        trial.suggest_float("step", 0, 1, step=0.25)
    trial.suggest_int("int", 1, 9, step=2)
    trial.suggest_int("int log", 1, 64, log=True)
    trial.suggest_categorical("kind", ["a", None, 1, 2.5, True])
    trial.set_user_attr("note", "\u540d" * (300 if trial.number == 0 and VERSION >= (2, 8) else 3))
    # Before 3.0 NaN could not be stored, or what was stored could not be upgraded.
    for step, value in enumerate([x, 0.5] if VERSION < (3, 0) else [x, 0.5, float("nan")]):
        trial.report(value, step)
    if VERSION >= (3, 0):
        trial.report(float("inf"), 9)
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        raise ValueError("no")
    return float("inf") if trial.number == 3 and VERSION >= (3, 0) else x


def main():
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/study.db"
        sampler = optuna.samplers.RandomSampler(seed=1)
        study = optuna.create_study(study_name="s", storage=url, direction="maximize", sampler=sampler)
        study.set_user_attr("team", {"a": [1, None, "h\u00e9"]})
        study.optimize(objective, n_trials=5, catch=(ValueError,))
        study.enqueue_trial({"uniform": 0.5})
        if VERSION >= (2, 4):
            study.ask()
            pareto = optuna.create_study(
                study_name="p", storage=url, directions=["maximize", "minimize"], sampler=sampler
            )
            pareto.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 2.0), n_trials=2)
        study.enqueue_trial({"uniform": 0.25})
        with sqlite3.connect(f"{folder}/study.db") as db:
            text = "\n".join(db.iterdump())
    note = f"-- A file of Optuna {optuna.__version__} (make_old_file.py), as Python's sqlite3 dumps it.\n"
    pathlib.Path(sys.argv[1]).write_text(note + text + "\n")


if __name__ == "__main__":
    main()
