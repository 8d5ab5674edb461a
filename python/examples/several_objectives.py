# SPDX-License-Identifier: MIT
"""Accuracy against size: decision trees on the wine data, and the trees that no other one beats in both."""

import bluefin as optuna
from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

data, labels = load_wine(return_X_y=True)


def objective(trial):
    tree = DecisionTreeClassifier(
        max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 2, 32, log=True),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 20),
        criterion=trial.suggest_categorical("criterion", ["gini", "entropy"]),
        random_state=0,
    )
    accuracy = cross_val_score(tree, data, labels, cv=5).mean()
    return accuracy, tree.fit(data, labels).tree_.node_count


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=40)
    front = sorted({tuple(trial.values) for trial in study.best_trials}, key=lambda values: values[1])
    print("accuracy  nodes")
    for accuracy, nodes in front:
        print(f"{accuracy:8.3f}  {nodes:5.0f}")
