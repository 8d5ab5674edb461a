# SPDX-License-Identifier: MIT
"""A linear classifier of handwritten digits, trained epoch by epoch; trials that fall behind are stopped."""

import bluefin as optuna
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

images, labels = load_digits(return_X_y=True)
train_x, valid_x, train_y, valid_y = train_test_split(images / 16, labels, test_size=0.3, random_state=0)


def objective(trial):
    model = SGDClassifier(
        alpha=trial.suggest_float("alpha", 1e-6, 1e-1, log=True),
        penalty=trial.suggest_categorical("penalty", ["l2", "l1", "elasticnet"]),
        loss=trial.suggest_categorical("loss", ["hinge", "log_loss", "modified_huber"]),
        random_state=0,
    )
    for epoch in range(10):
        model.partial_fit(train_x, train_y, classes=np.unique(labels))
        trial.report(model.score(valid_x, valid_y), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return model.score(valid_x, valid_y)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
    )
    study.optimize(objective, n_trials=30)
    pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    print(f"{len(study.trials)} trials, {len(pruned)} stopped early")
    print(f"best accuracy {study.best_value:.3f} with {study.best_params}")
