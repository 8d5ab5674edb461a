# SPDX-License-Identifier: MIT
"""A study that stops by itself: after a number of trials without a better value, or when it is good enough."""

import bluefin as optuna


class StopWhenStuck:
    def __init__(self, patience):
        self.patience = patience

    def __call__(self, study, trial):
        if trial.number - study.best_trial.number >= self.patience:
            print(f"nothing better for {self.patience} trials")
            study.stop()


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_int("y", -5, 5)
    return (x - 1) ** 2 + (y + 2) ** 2


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=500, callbacks=[StopWhenStuck(patience=40)])
    print(f"{len(study.trials)} trials, best value {study.best_value:.4f} with {study.best_params}")
