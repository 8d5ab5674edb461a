# SPDX-License-Identifier: MIT
"""The smallest study: find a learning rate, a batch size and an optimizer, and give up early on bad trials.

Makes lr.db in the current folder; run it again and it goes on where it was. With ``import optuna as bluefin`` Optuna
runs it.
"""

import math

import bluefin


def train_one_epoch(loss, lr, batch, optimizer):
    """Stands in for one epoch of training: the validation loss falls towards 0, the faster the better lr fits."""
    best_lr = (3e-3 if optimizer == "adam" else 3e-2) * math.sqrt(batch / 64)
    distance = math.log10(lr / best_lr)
    return loss * (1 - 0.5 * math.exp(-(distance**2)) * math.sqrt(64 / (64 + batch)))


# README: begin
def objective(trial):
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    batch = trial.suggest_int("batch", 16, 1024, log=True)
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd"])
    loss = 1.0
    for epoch in range(10):
        loss = train_one_epoch(loss, lr, batch, optimizer)
        trial.report(loss, epoch)
        if trial.should_prune():
            raise bluefin.TrialPruned
    return loss


study = bluefin.create_study(storage="sqlite:///lr.db", study_name="lr", load_if_exists=True)
study.optimize(objective, n_trials=30, n_jobs=4)
print("best loss", study.best_value, "with", study.best_params)
# README: end
