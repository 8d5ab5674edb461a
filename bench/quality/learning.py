# SPDX-License-Identifier: MIT
"""Models of scikit-learn on two of its data sets: log loss, the same three folds in every trial."""

import functools

from .problem import Problem


@functools.cache
def _data(name):
    from sklearn import datasets
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x, y = x[:600], y[:600]
    folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0).split(x, y)
    return StandardScaler().fit_transform(x), y, list(folds)


def _loss(name, model):
    import warnings

    import numpy
    from sklearn.metrics import log_loss

    x, y, folds = _data(name)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a network has not converged, say
        for train, test in folds:
            model.fit(x[train], y[train])
            losses.append(log_loss(y[test], model.predict_proba(x[test]), labels=numpy.unique(y)))
    return float(numpy.mean(losses))


def svm(trial):
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    c = trial.suggest_float("C", 1e-3, 1e3, log=True)
    kernel = trial.suggest_categorical("kernel", ["linear", "rbf"])
    gamma = trial.suggest_float("gamma", 1e-5, 1e1, log=True) if kernel == "rbf" else "scale"
    return CalibratedClassifierCV(SVC(C=c, kernel=kernel, gamma=gamma), cv=2)


def forest(trial):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=trial.suggest_int("n_estimators", 5, 60, log=True),
        max_depth=trial.suggest_int("max_depth", 1, 16),
        max_features=trial.suggest_float("max_features", 0.05, 1.0),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 16),
        criterion=trial.suggest_categorical("criterion", ["gini", "entropy"]),
        random_state=0,
    )


def boosting(trial):
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(
        n_estimators=trial.suggest_int("n_estimators", 5, 30),
        learning_rate=trial.suggest_float("learning_rate", 1e-2, 1.0, log=True),
        max_depth=trial.suggest_int("max_depth", 1, 4),
        subsample=trial.suggest_float("subsample", 0.3, 1.0),
        max_features=trial.suggest_float("max_features", 0.1, 0.5),
        random_state=0,
    )


def network(trial):
    from sklearn.neural_network import MLPClassifier

    n_layers = trial.suggest_int("n_layers", 1, 2)
    return MLPClassifier(
        hidden_layer_sizes=[trial.suggest_int(f"width{i}", 4, 64, log=True) for i in range(n_layers)],
        activation=trial.suggest_categorical("activation", ["relu", "tanh"]),
        alpha=trial.suggest_float("alpha", 1e-6, 1.0, log=True),
        learning_rate_init=trial.suggest_float("learning_rate_init", 1e-4, 1e-1, log=True),
        batch_size=trial.suggest_categorical("batch_size", [16, 32, 64, 128]),
        max_iter=15,
        random_state=0,
    )


def _objective(data, model):
    return lambda trial: _loss(data, model(trial))


def problems():
    for data in ("digits", "wine"):
        for model in (svm, forest, boosting, network):
            name = f"learning-{data}-{model.__name__}"
            yield Problem(
                name=name,
                group="learning",
                family=name,
                budgets=(30, 50, 100),
                make=functools.partial(_objective, data, model),
            )
