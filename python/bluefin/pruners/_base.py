# SPDX-License-Identifier: MIT
from __future__ import annotations

import abc
from typing import Any
from typing import TYPE_CHECKING
import weakref

from bluefin import _checks
from bluefin import _native
from bluefin._options import Configured

if TYPE_CHECKING:
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial


class BasePruner(abc.ABC):
    """Base class of the pruners. One written in Python is asked at every `Trial.should_prune`."""

    @abc.abstractmethod
    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial, as it is now, should stop."""

    def _prunes_in_python(self) -> bool:
        """Whether `prune` has to be called, and not the engine's own pruner."""
        return True

    def _to_native(self) -> _native.Pruner:
        return _native.make_pruner("nop", {})  # never asked


class NativePruner(Configured, BasePruner):
    """A pruner of the engine. It holds options only and may serve several studies."""

    def __init__(self) -> None:
        self._models: weakref.WeakKeyDictionary[Study, _native.PrunerModel] = weakref.WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_models"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._models = weakref.WeakKeyDictionary()

    def _prunes_in_python(self) -> bool:
        return type(self).prune is not NativePruner.prune or "prune" in self.__dict__

    def _to_native(self) -> _native.Pruner:
        return _native.make_pruner(self._name, self._texts())

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        model = self._models.get(study)
        if model is None:
            _checks.own_study(self, study)
            model = self._models[study] = _native.PrunerModel(self._to_native(), study._native)
        reports = sorted((int(step), float(value)) for step, value in trial.intermediate_values.items())
        return model.should_prune(study._native, trial.number, reports)
