# SPDX-License-Identifier: MIT
"""A small network of PyTorch on handwritten digits: learning rate and batch size; trials that fall behind are stopped."""

import bluefin as optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
import torch

images, labels = load_digits(return_X_y=True)
split = train_test_split(images / 16, labels, test_size=0.3, random_state=0)
train_x, valid_x = (torch.tensor(part, dtype=torch.float32) for part in split[:2])
train_y, valid_y = (torch.tensor(part) for part in split[2:])


def train_one_epoch(model, optimizer, batch):
    for rows in torch.randperm(len(train_x)).split(batch):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(train_x[rows]), train_y[rows]).backward()
        optimizer.step()


@torch.no_grad()
def accuracy(model):
    return (model(valid_x).argmax(dim=1) == valid_y).float().mean()


def objective(trial):
    lr = trial.suggest_float("lr", 1e-4, 1.0, log=True)
    batch = trial.suggest_int("batch", 16, 512, log=True)
    torch.manual_seed(trial.number)  # the first weights and the order of the images
    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(10):
        train_one_epoch(model, optimizer, batch)
        value = accuracy(model)  # a tensor of one number is taken as it is
        trial.report(value, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return value


if __name__ == "__main__":
    torch.set_num_threads(1)  # so small a network gains nothing from more
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
    )
    study.optimize(objective, n_trials=25)
    pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    print(f"{len(study.trials)} trials, {len(pruned)} stopped early")
    print(f"best accuracy {study.best_value:.3f} with {study.best_params}")
