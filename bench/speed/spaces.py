# SPDX-License-Identifier: MIT
"""The search spaces that every library is asked for; bench/native/spaces.hpp has the same ones."""

import math

KINDS = ("float", "int", "log", "categorical", "mixed", "conditional")
CHOICES = ("a", "b", "c", "d")


class Parameter:
    """One parameter, and what its value adds to the loss: as cheap as can be, for it is measured too."""

    def __init__(self, name, kind):
        self.name = name
        self.kind = kind

    def suggest(self, trial):
        if self.kind == "float":
            return trial.suggest_float(self.name, -5.0, 5.0) ** 2
        if self.kind == "int":
            return (trial.suggest_int(self.name, 0, 100) - 30) ** 2
        if self.kind == "log":
            return abs(math.log(trial.suggest_float(self.name, 1e-5, 1e1, log=True)))
        return float(trial.suggest_categorical(self.name, CHOICES) != "b")

    def draw(self, rng):
        """A uniform value and its loss, for the trials that a study begins with."""
        if self.kind == "float":
            value = rng.uniform(-5.0, 5.0)
            return value, value**2
        if self.kind == "int":
            value = rng.randint(0, 100)
            return value, float((value - 30) ** 2)
        if self.kind == "log":
            log = rng.uniform(math.log(1e-5), math.log(1e1))
            return math.exp(log), abs(log)
        value = rng.choice(CHOICES)
        return value, float(value != "b")


class Space:
    """d parameters. "mixed" takes the four kinds in turn; "conditional" has a choice, on which the other names depend."""

    def __init__(self, kind, d):
        self.is_conditional = kind == "conditional"
        if self.is_conditional:
            self.branch = Parameter("branch", "categorical")
            self.branches = {c: [Parameter(f"{c}{j}", "float") for j in range(1, d)] for c in CHOICES}
        else:
            kinds = ("float", "log", "int", "categorical") if kind == "mixed" else (kind,)
            self.parameters = [Parameter(f"x{j}", kinds[j % len(kinds)]) for j in range(d)]

    def suggest(self, trial):
        loss = 0.0
        if self.is_conditional:
            choice = trial.suggest_categorical("branch", CHOICES)
            loss = float(choice != "b")
            parameters = self.branches[choice]
        else:
            parameters = self.parameters
        for parameter in parameters:
            loss += parameter.suggest(trial)
        return loss

    def draw(self, rng):
        """One random trial: [(parameter, value)] and its loss."""
        point, loss = [], 0.0
        parameters = self.parameters if not self.is_conditional else [self.branch]
        while parameters:
            for parameter in parameters:
                value, part = parameter.draw(rng)
                point.append((parameter, value))
                loss += part
            at_branch = self.is_conditional and len(point) == 1
            parameters = self.branches[point[0][1]] if at_branch else []
        return point, loss
