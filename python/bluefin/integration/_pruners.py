# SPDX-License-Identifier: MIT
from __future__ import annotations

import optuna

from bluefin import pruners
from bluefin.integration._checked import checked
from bluefin.integration._for_bluefin import study_for_bluefin
from bluefin.integration._for_optuna import study_for_optuna
from bluefin.integration._words import into_bluefin
from bluefin.integration._words import into_optuna
from bluefin.study import Study
from bluefin.trial import FrozenTrial


class OptunaPruner(pruners.BasePruner):
    """A pruner of Optuna for a study of bluefin: ``bluefin.create_study(pruner=OptunaPruner(HyperbandPruner()))``.

    Args:
        optuna_pruner: One of Optuna's pruners, or of a subclass of ``optuna.pruners.BasePruner``.

    Raises:
        TypeError: It is something else.
    """

    def __init__(self, optuna_pruner: optuna.pruners.BasePruner) -> None:
        self.optuna_pruner = checked(self, "pruner", optuna_pruner, optuna.pruners.BasePruner, pruners.BasePruner)

    def __repr__(self) -> str:
        return f"OptunaPruner({self.optuna_pruner!r})"

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        with into_bluefin.errors():
            return self.optuna_pruner.prune(study_for_optuna(study), into_optuna.trial(trial))


class BluefinPruner(optuna.pruners.BasePruner):
    """A pruner of bluefin for a study of Optuna: ``optuna.create_study(pruner=BluefinPruner(MedianPruner()))``.

    Args:
        bluefin_pruner: One of bluefin's pruners, or of a subclass of ``bluefin.pruners.BasePruner``.

    Raises:
        TypeError: It is something else.
    """

    def __init__(self, bluefin_pruner: pruners.BasePruner) -> None:
        self.bluefin_pruner = checked(self, "pruner", bluefin_pruner, pruners.BasePruner, optuna.pruners.BasePruner)

    def __repr__(self) -> str:
        return f"BluefinPruner({self.bluefin_pruner!r})"

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        with into_optuna.errors():
            return self.bluefin_pruner.prune(study_for_bluefin(study), into_bluefin.trial(trial))
