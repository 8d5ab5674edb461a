# SPDX-License-Identifier: MIT
"""Spaces in which a parameter decides which others there are. The smallest value of each is 0."""

import functools
import math

from .problem import Problem


def branch(trial):
    """Three kinds with parameters of their own; the best one is the hardest."""
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    if kind == "a":
        return 0.5 + (trial.suggest_float("a0", -5, 5) - 1) ** 2
    if kind == "b":
        return 0.2 + sum((trial.suggest_float(f"b{i}", -5, 5) + i) ** 2 for i in range(2))
    return sum((1 + 2 * i) * (trial.suggest_float(f"c{i}", -5, 5) - 2) ** 2 for i in range(4))


def layers(trial):
    """A number of layers, each with a width; three layers that become narrower are best."""
    wanted = [256, 64, 16, 16, 16]
    n = trial.suggest_int("layers", 1, 5)
    widths = [trial.suggest_int(f"width{i}", 4, 1024, log=True) for i in range(n)]
    return abs(n - 3) + sum((math.log2(w) - math.log2(best)) ** 2 / 8 for w, best in zip(widths, wanted, strict=False))


def optimizer(trial):
    """Two optimizers that share the rate, whose best value differs a hundredfold, and have a parameter each."""
    rate = math.log10(trial.suggest_float("rate", 1e-6, 1.0, log=True))
    if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd":
        momentum = trial.suggest_float("momentum", 0.0, 1.0)
        return (rate + 1.5) ** 2 + 4 * (momentum - 0.9) ** 2 + 0.1 * abs(rate + 1.5) * momentum
    decay = math.log10(trial.suggest_float("decay", 1e-8, 1e-1, log=True))
    return 0.05 + (rate + 3.5) ** 2 + 0.2 * (decay + 4) ** 2


def tree(trial):
    """Choices below choices: eight leaves, of which each has a number of its own."""
    leaf, path = 0, ""
    for depth in range(3):
        turn = trial.suggest_categorical(f"turn{path}", [0, 1])
        leaf, path = 2 * leaf + turn, f"{path}_{turn}"
    x = trial.suggest_float(f"x{path}", 0.0, 1.0)
    return [0.9, 0.6, 0.7, 0.3, 0.8, 0.0, 0.5, 0.4][leaf] + 4 * (x - (leaf + 1) / 10) ** 2


def switch(trial):
    """Without the switch a safe value of 1; with it a curved valley, of which most is far worse."""
    if not trial.suggest_categorical("on", [False, True]):
        return 1.0 + trial.suggest_float("safe", 0.0, 1.0) ** 2
    x = [trial.suggest_float(f"x{i}", -2.0, 2.0) for i in range(3)]
    return sum(5 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(2))


def shared(trial):
    """Parameters that are always there, and whose best values depend on the kind."""
    kind = trial.suggest_int("kind", 0, 3)
    x = [trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(3)]
    best = [[0.2, 0.8, 0.5], [0.9, 0.1, 0.3], [0.5, 0.5, 0.9], [0.3, 0.3, 0.1]][kind]
    value = 0.1 * kind + 3 * sum((a - b) ** 2 for a, b in zip(x, best, strict=True))
    if kind < 2:
        value += 2 * (trial.suggest_float("extra", 0.0, 1.0) - 0.7) ** 2
    return value


_FUNCTIONS = (branch, layers, optimizer, tree, switch, shared)


def problems():
    for function in _FUNCTIONS:
        name = f"conditional-{function.__name__}"
        yield Problem(
            name=name,
            group="conditional",
            family=name,
            budgets=(30, 100, 300),
            make=functools.partial(lambda f: f, function),
            optimum=lambda: 0.0,
        )
