# SPDX-License-Identifier: MIT
from __future__ import annotations

import abc
from collections.abc import Mapping
from collections.abc import Sequence
import datetime
import math
from typing import Any
from typing import overload
import warnings

from bluefin import _checks
from bluefin._warnings import deprecated
from bluefin.distributions import BaseDistribution
from bluefin.distributions import CategoricalChoiceType
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import check_distribution_compatibility
from bluefin.distributions import FloatDistribution
from bluefin.distributions import IntDistribution

CONSTRAINTS_KEY = "constraints"


def constraints_of(system_attrs: Mapping[str, Any]) -> dict[str, float]:
    """The constraints kept in system attributes: one attribute each, or the list of older files (index as name)."""
    constraints = {str(i): value for i, value in enumerate(system_attrs.get(CONSTRAINTS_KEY) or ())}
    prefix = CONSTRAINTS_KEY + ":"
    constraints.update((k[len(prefix) :], v) for k, v in system_attrs.items() if k.startswith(prefix))
    return constraints


def as_float(value: Any) -> float:
    """``value`` as a float; TypeError for what has no such form."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"The `value` argument is of type '{type(value)}' but supposed to be a float.") from None


def as_constraint(key: str, value: Any, known: Mapping[str, Any]) -> float | None:
    """The value to set; None, with a warning, when the constraint is set already."""
    value = as_float(value)
    if math.isnan(value):
        raise ValueError(f"Attempted to set a constraint for {key!r}, but NaN is not allowed.")
    if f"{CONSTRAINTS_KEY}:{key}" in known:
        warnings.warn(
            f"The constraint value is ignored because this constraint `key={key!r}` is already set.", stacklevel=3
        )
        return None
    return value


class BaseTrial(abc.ABC):
    """What every kind of trial offers to an objective."""

    @abc.abstractmethod
    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number from ``low`` to ``high``, both included."""

    @deprecated("3.0.0", "6.0.0", "Use suggest_float instead.")
    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """The old name of ``suggest_float(name, low, high)``."""
        return self.suggest_float(name, low, high)

    @deprecated("3.0.0", "6.0.0", "Use suggest_float(..., log=True) instead.")
    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """The old name of ``suggest_float(name, low, high, log=True)``."""
        return self.suggest_float(name, low, high, log=True)

    @deprecated("3.0.0", "6.0.0", "Use suggest_float(..., step=...) instead.")
    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """The old name of ``suggest_float(name, low, high, step=q)``."""
        return self.suggest_float(name, low, high, step=q)

    @abc.abstractmethod
    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer from ``low`` to ``high``, both included."""

    @overload
    @abc.abstractmethod
    def suggest_categorical(self, name: str, choices: Sequence[None]) -> None: ...

    @overload
    @abc.abstractmethod
    def suggest_categorical(self, name: str, choices: Sequence[bool]) -> bool: ...

    @overload
    @abc.abstractmethod
    def suggest_categorical(self, name: str, choices: Sequence[int]) -> int: ...

    @overload
    @abc.abstractmethod
    def suggest_categorical(self, name: str, choices: Sequence[float]) -> float: ...

    @overload
    @abc.abstractmethod
    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str: ...

    @overload
    @abc.abstractmethod
    def suggest_categorical(self, name: str, choices: Sequence[CategoricalChoiceType]) -> CategoricalChoiceType: ...

    @abc.abstractmethod
    def suggest_categorical(self, name: str, choices: Sequence[CategoricalChoiceType]) -> Any:
        """One of the choices."""

    @abc.abstractmethod
    def report(self, value: float, step: int) -> None:
        """Reports an intermediate value at a step >= 0, an epoch for example."""

    @abc.abstractmethod
    def should_prune(self) -> bool:
        """Whether the trial should stop now, by raising TrialPruned."""

    @abc.abstractmethod
    def set_user_attr(self, key: str, value: Any) -> None:
        """Keeps a value with the trial."""

    @abc.abstractmethod
    def set_constraint(self, key: str, value: float) -> None:
        """Sets a constraint, which is satisfied when ``value <= 0``."""

    def set_resource_hint(self, name: str, params: Sequence[str]) -> None:
        """Says that memory grows with the product of these parameters, so that the study learns sooner what fits.

        Kept with the study. Bluefin's own, docs/memory.md tells more.

        Args:
            name: Of the product; the same one again replaces it.
            params: Names of parameters; one that stands twice is squared. Empty: there is no such product any more.

        Raises:
            TypeError: ``params`` is not a list of names.
        """
        _checks.resource_hint(name, params)  # of a trial without a study nothing is learned

    @property
    @abc.abstractmethod
    def params(self) -> dict[str, Any]:
        """Name to value, in the order of suggestion."""

    @property
    @abc.abstractmethod
    def distributions(self) -> dict[str, BaseDistribution]:
        """Name to distribution."""

    @property
    @abc.abstractmethod
    def user_attrs(self) -> dict[str, Any]:
        """What `set_user_attr` has kept."""

    @property
    @abc.abstractmethod
    def datetime_start(self) -> datetime.datetime | None:
        """Local time at which the trial began; None while it waits."""

    @property
    @abc.abstractmethod
    def number(self) -> int:
        """Number of the trial in its study, from 0."""

    @property
    @abc.abstractmethod
    def constraints(self) -> dict[str, float]:
        """Constraint to value; a trial without any counts as feasible."""


class GivenParamsTrial(BaseTrial):
    """Trials whose parameters are known: suggest methods look the value up."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return self._suggest(name, FloatDistribution(low, high, log=log, step=step))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self._suggest(name, IntDistribution(low, high, log=log, step=step)))

    @overload
    def suggest_categorical(self, name: str, choices: Sequence[None]) -> None: ...

    @overload
    def suggest_categorical(self, name: str, choices: Sequence[bool]) -> bool: ...

    @overload
    def suggest_categorical(self, name: str, choices: Sequence[int]) -> int: ...

    @overload
    def suggest_categorical(self, name: str, choices: Sequence[float]) -> float: ...

    @overload
    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str: ...

    @overload
    def suggest_categorical(self, name: str, choices: Sequence[CategoricalChoiceType]) -> CategoricalChoiceType: ...

    def suggest_categorical(self, name: str, choices: Sequence[CategoricalChoiceType]) -> Any:
        return self._suggest(name, CategoricalDistribution(choices))

    def report(self, value: float, step: int) -> None:
        """Does nothing: nobody looks at the reports of this kind of trial."""

    def should_prune(self) -> bool:
        """Always False."""
        return False

    @property
    @abc.abstractmethod
    def system_attrs(self) -> dict[str, Any]:
        """What samplers and pruners have kept."""

    @property
    def constraints(self) -> dict[str, float]:
        return constraints_of(self.system_attrs)

    @abc.abstractmethod
    def _given_params(self) -> dict[str, Any]: ...

    @abc.abstractmethod
    def _note(self, name: str, value: Any, distribution: BaseDistribution) -> None: ...

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        params = self._given_params()
        if name not in params:
            raise ValueError(
                f"The value of the parameter '{name}' is not found. Please set it at the construction of the "
                f"{type(self).__name__} object."
            )
        value = params[name]
        if not distribution._contains(distribution.to_internal_repr(value)):
            warnings.warn(
                f"The value {value} of the parameter '{name}' is out of the range of the distribution {distribution}.",
                stacklevel=3,
            )
        if name in self.distributions:
            check_distribution_compatibility(self.distributions[name], distribution)
        self._note(name, value, distribution)
        return value

    def set_user_attr(self, key: str, value: Any) -> None:
        self.user_attrs[key] = value

    def set_constraint(self, key: str, value: float) -> None:
        constraint = as_constraint(key, value, self.system_attrs)
        if constraint is not None:
            self.system_attrs[f"{CONSTRAINTS_KEY}:{key}"] = constraint
