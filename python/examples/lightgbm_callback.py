# SPDX-License-Identifier: MIT
"""Boosted trees of LightGBM: a callback reports after every round, and ends a training that falls behind."""

import bluefin as optuna
import lightgbm
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

features, labels = load_breast_cancer(return_X_y=True)
train_x, valid_x, train_y, valid_y = train_test_split(features, labels, test_size=0.4, random_state=0)


class ReportAndPrune:
    """LightGBM calls it after each round with what it measured on the validation set."""

    def __init__(self, trial):
        self.trial = trial

    def __call__(self, env):
        (_, _, loss, *_) = env.evaluation_result_list[0]
        self.trial.report(loss, env.iteration)
        if self.trial.should_prune():
            raise optuna.TrialPruned()


def objective(trial):
    parameters = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 0.5, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 1, 60),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-8, 10, log=True),
        "seed": 0,
        "num_threads": 1,
        "verbosity": -1,
    }
    # LightGBM keeps what it has binned with a data set, so that each trial makes its own.
    train = lightgbm.Dataset(train_x, train_y)
    valid = lightgbm.Dataset(valid_x, valid_y, reference=train)
    callbacks = [lightgbm.early_stopping(10, verbose=False), ReportAndPrune(trial)]
    model = lightgbm.train(parameters, train, num_boost_round=100, valid_sets=[valid], callbacks=callbacks)
    trial.set_user_attr("rounds", model.best_iteration)
    return model.best_score["valid_0"]["binary_logloss"]


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=5),
    )
    study.optimize(objective, n_trials=30)
    pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    print(f"{len(study.trials)} trials, {len(pruned)} stopped early")
    print(f"best loss {study.best_value:.3f} after {study.best_trial.user_attrs['rounds']} rounds with {study.best_params}")
