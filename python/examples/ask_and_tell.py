# SPDX-License-Identifier: MIT
"""Trials without optimize(): for programs that have a loop of their own."""

import bluefin as optuna


def measure(learning_rate, batch):
    """Stands for an experiment: best at a learning rate of 0.01 and a batch of 64."""
    return (learning_rate / 0.01 - 1) ** 2 + abs(batch - 64) / 64


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    # What is known already: a measurement, and a configuration that is worth the first try.
    space = {
        "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
        "batch": optuna.distributions.IntDistribution(16, 256, step=16),
    }
    known = {"learning_rate": 0.1, "batch": 256}
    study.add_trial(optuna.create_trial(params=known, distributions=space, value=measure(**known)))
    study.enqueue_trial({"learning_rate": 0.003, "batch": 32})

    for _ in range(40):
        trial = study.ask(space)
        value = measure(**trial.params)
        if value > 50:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, value)
    print(f"{len(study.trials)} trials, the first two: {[t.params for t in study.trials[:2]]}")
    print(f"best value {study.best_value:.3f} with {study.best_params}")
