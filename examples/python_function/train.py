# SPDX-License-Identifier: MIT
"""An objective in Python, for any interpreter: neither bluefin nor Optuna has to be installed for it."""

import bluefin_client  # comes with `bluefin run --python`; optuna.TrialPruned and bluefin.TrialPruned do as well


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    depth = trial.suggest_int("depth", 1, 6)
    kind = trial.suggest_categorical("kind", ["plain", "wide"])
    floor = (x - 2) ** 2 + abs(depth - 4) + (kind == "plain")
    for epoch in range(5):
        trial.report(floor + 2.0**-epoch, epoch)
        if trial.should_prune():
            raise bluefin_client.TrialPruned
    trial.set_user_attr("epochs", 5)
    return floor
