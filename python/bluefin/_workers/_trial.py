# SPDX-License-Identifier: MIT
"""The trial that an objective gets in a worker: every method asks the real one, in the parent."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from functools import partial
import os
from typing import Any

from bluefin.distributions import BaseDistribution
from bluefin.distributions import CategoricalChoiceType
from bluefin.trial import FrozenTrial
from bluefin.trial import Trial
from bluefin.trial._base import as_float

# Calls a method of the trial, or of the study (True), and returns its result. A property is a method without arguments.
Call = Callable[..., Any]


class WorkerTrial(Trial):
    """A running trial of the parent's study."""

    def __init__(self, number: int, call: Call) -> None:
        self._number = number
        # The process sees its own GPUs only, and CUDA counts these from 0.
        uuids = os.environ.get("BLUEFIN_DEVICE_UUID", "")
        self._devices = list(range(len(uuids.split(",")))) if uuids else []
        self._ask = partial(call, False)
        self.study = WorkerStudy(partial(call, True))  # type: ignore[assignment]

    def __getstate__(self) -> Any:
        raise TypeError("The trial of a worker belongs to its process and cannot be pickled.")

    def _frozen(self, deepcopy: bool = False) -> FrozenTrial:
        return self._ask("_frozen")  # a copy in any case

    @property
    def _trial_id(self) -> int:
        return self._ask("_trial_id")

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return self._ask("suggest_float", name, low, high, step=step, log=log)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return self._ask("suggest_int", name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[CategoricalChoiceType]) -> Any:
        choices = tuple(choices)
        # The very object that was given here, not a copy of it.
        return choices[self._ask("suggest_categorical", name, choices)]

    @property
    def relative_params(self) -> dict[str, Any]:
        return self._ask("relative_params")

    @property
    def relative_search_space(self) -> dict[str, BaseDistribution]:
        return self._ask("relative_search_space")

    @property
    def storage(self) -> Any:
        raise RuntimeError(
            "trial.storage is in the process that called optimize(), not in a worker; trial.study.trials and the "
            "attributes of the trial can be read here."
        )

    def report(self, value: float, step: int) -> None:
        # As a float: a tensor need not, and often cannot, travel.
        self._ask("report", as_float(value), step)

    def should_prune(self) -> bool:
        return self._ask("should_prune")

    def set_user_attr(self, key: str, value: Any) -> None:
        self._ask("set_user_attr", key, value)

    def _set_system_attr(self, key: str, value: Any) -> None:
        self._ask("_set_system_attr", key, value)

    def set_resource_hint(self, name: str, params: Sequence[str]) -> None:
        self._ask("set_resource_hint", name, params)

    def set_constraint(self, key: str, value: float) -> None:
        self._ask("set_constraint", key, as_float(value))


class WorkerStudy:
    """What an objective in a worker can do with ``trial.study``: read it, and stop it."""

    _PROPERTIES = (
        "study_name",
        "direction",
        "directions",
        "trials",
        "best_trial",
        "best_trials",
        "best_value",
        "best_params",
        "user_attrs",
        "metric_names",
    )
    _METHODS = ("get_trials", "stop")

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def __getattr__(self, name: str) -> Any:
        if name in self._PROPERTIES:
            return self._ask(name)
        if name in self._METHODS:
            return partial(self._ask, name)
        raise AttributeError(
            f"trial.study has no {name!r} in a worker: the study is in the process that called optimize(). There are "
            f"{', '.join(self._PROPERTIES + self._METHODS)}."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "trial.study cannot be pickled in a worker: the study is in the process that called optimize()."
        )
