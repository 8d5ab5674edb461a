# SPDX-License-Identifier: MIT
"""What a parameter may be: a float, an integer or one of several choices."""

from __future__ import annotations

import abc
from collections.abc import Sequence
import json
import math
from numbers import Real
from typing import Any
from typing import TYPE_CHECKING
from typing import Union
import warnings

from bluefin import _checks
from bluefin._warnings import deprecated

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "BaseDistribution",
    "CategoricalChoiceType",
    "CategoricalDistribution",
    "DiscreteUniformDistribution",
    "FloatDistribution",
    "IntDistribution",
    "IntLogUniformDistribution",
    "IntUniformDistribution",
    "LogUniformDistribution",
    "UniformDistribution",
    "check_distribution_compatibility",
    "distribution_to_json",
    "json_to_distribution",
]

CategoricalChoiceType = Union[None, bool, int, float, str]


class BaseDistribution(abc.ABC):
    """Base class of the distributions.

    The *internal* form of a parameter's value is a float: a number is itself, a choice is its index.
    """

    def to_external_repr(self, param_value_in_internal_repr: float) -> Any:
        """The value that an objective sees, from the internal form."""
        return param_value_in_internal_repr

    @abc.abstractmethod
    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        """The internal form; ValueError for what cannot be a value of this distribution."""

    @abc.abstractmethod
    def single(self) -> bool:
        """Whether only one value is possible."""

    @abc.abstractmethod
    def _contains(self, param_value_in_internal_repr: float) -> bool:
        """Whether a value, in its internal form, belongs to the distribution."""

    def _asdict(self) -> dict[str, Any]:
        return self.__dict__

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, BaseDistribution):
            return NotImplemented
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *sorted(self.__dict__.items())))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value}" for name, value in sorted(self._asdict().items()))
        return f"{type(self).__name__}({arguments})"


class _NumericalDistribution(BaseDistribution):
    low: Any
    high: Any
    log: bool
    step: Any

    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        given = param_value_in_external_repr
        try:
            value = float(given)
        except (ValueError, TypeError) as error:
            raise ValueError(f"'{given}' is not a valid type. float-castable value is expected.") from error
        if math.isnan(value):
            raise ValueError(f"`{given}` is invalid value.")
        if self.log and value <= 0.0:
            raise ValueError(f"`{given}` is invalid value for the case log=True.")
        return value


class FloatDistribution(_NumericalDistribution):
    """Numbers from ``low`` to ``high``, both included.

    Args:
        low: Lower bound; above 0 with ``log``.
        high: Upper bound. It is rounded down to ``low + k * step``, with a warning.
        log: Uniform in the logarithm; not together with ``step``.
        step: Distance of the values; None for all numbers in between.

    Raises:
        ValueError: The arguments contradict each other.
    """

    low: float
    high: float
    step: float | None

    def __init__(self, low: float, high: float, log: bool = False, step: float | None = None) -> None:
        _check_numbers(low, high, 0 if step is None else step)
        if log and step is not None:
            raise ValueError("The parameter `step` is not supported when `log` is true.")
        if low > high:
            raise ValueError(f"`low <= high` must hold, but got (low={low!r}, high={high!r}).")
        if log and low <= 0.0:
            raise ValueError(f"`low > 0` must hold for `log=True`, but got (low={low!r}, high={high!r}).")
        if step is not None and step <= 0:
            raise ValueError(f"`step > 0` must hold, but got step={step!r}.")
        if step is not None:
            _check_finite(low, high, step)
        self.step = None if step is None else float(step)
        self.low = float(low)
        self.high = float(high) if step is None else float(_last_on_grid(low, high, step))
        self.log = log

    def single(self) -> bool:
        if self.step is None or self.low == self.high:
            return self.low == self.high
        return _decimal(self.high) - _decimal(self.low) < _decimal(self.step)

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        value = param_value_in_internal_repr
        if not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-8


class IntDistribution(_NumericalDistribution):
    """Integers from ``low`` to ``high``, both included.

    Args:
        low: Lower bound; at least 1 with ``log``.
        high: Upper bound. It is rounded down to ``low + k * step``, with a warning.
        log: Uniform in the logarithm; only with a step of 1.
        step: Distance of the values.

    Raises:
        ValueError: The arguments contradict each other.
    """

    low: int
    high: int
    step: int

    def __init__(self, low: int, high: int, log: bool = False, step: int = 1) -> None:
        _check_numbers(low, high, step)
        if log and step != 1:
            raise ValueError(f"The parameter `step` must be 1 when `log` is true, but got step={step!r}.")
        if low > high:
            raise ValueError(f"`low <= high` must hold, but got (low={low!r}, high={high!r}).")
        if log and low < 1:
            raise ValueError(f"`low >= 1` must hold for `log=True`, but got (low={low!r}, high={high!r}).")
        _check_finite(low, high, step)
        if int(step) <= 0:
            raise ValueError(f"`step > 0` must hold for an integer, but got step={step!r}.")
        self.log = log
        self.step = int(step)
        self.low = int(low)
        self.high = int(_last_on_grid(self.low, int(high), self.step))

    def to_external_repr(self, param_value_in_internal_repr: float) -> int:
        return int(param_value_in_internal_repr)

    def single(self) -> bool:
        return self.low == self.high or (not self.log and self.high - self.low < self.step)

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        value = param_value_in_internal_repr
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


class CategoricalDistribution(BaseDistribution):
    """One of several choices.

    Args:
        choices: None, bool, int, float or str. With a warning: in files also lists and dicts of them, in memory any
            object.

    Raises:
        ValueError: There are no choices.
    """

    def __init__(self, choices: Sequence[CategoricalChoiceType]) -> None:
        choices = tuple(_checks.items("`choices`", choices, "a sequence"))
        if not choices:
            raise ValueError("The `choices` must contain one or more elements.")
        for choice in choices:
            if choice is not None and not isinstance(choice, (bool, int, float, str)):
                warnings.warn(
                    "Choices for a categorical distribution should be a tuple of None, bool, int, float and str for "
                    f"persistent storage but contains {choice} which is of type {type(choice).__name__}.",
                    stacklevel=2,
                )
        self.choices = choices

    def to_external_repr(self, param_value_in_internal_repr: float) -> CategoricalChoiceType:
        return self.choices[int(param_value_in_internal_repr)]

    def to_internal_repr(self, param_value_in_external_repr: CategoricalChoiceType) -> float:
        for index, choice in enumerate(self.choices):
            if choice is param_value_in_external_repr or _choices_equal(choice, param_value_in_external_repr):
                return index
        raise ValueError(f"'{param_value_in_external_repr}' not in {self.choices}.")

    def single(self) -> bool:
        return len(self.choices) == 1

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        return 0 <= int(param_value_in_internal_repr) < len(self.choices)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, BaseDistribution):
            return NotImplemented
        return (
            isinstance(other, CategoricalDistribution)
            and len(self.choices) == len(other.choices)
            and all(map(_choices_equal, self.choices, other.choices))
        )

    __hash__ = BaseDistribution.__hash__


_USE_FLOAT = "Use FloatDistribution instead."
_USE_INT = "Use IntDistribution instead."


class _OldDistribution:
    """The classes of Optuna 2, which old files and programs have. Each writes the arguments that it had."""

    _arguments: tuple[str, ...] = ("low", "high")

    def _asdict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._arguments}


@deprecated("3.0.0", "6.0.0", _USE_FLOAT)
class UniformDistribution(_OldDistribution, FloatDistribution):
    """``FloatDistribution(low, high)``."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)


@deprecated("3.0.0", "6.0.0", _USE_FLOAT)
class LogUniformDistribution(_OldDistribution, FloatDistribution):
    """``FloatDistribution(low, high, log=True)``."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high, log=True)


@deprecated("3.0.0", "6.0.0", _USE_FLOAT)
class DiscreteUniformDistribution(_OldDistribution, FloatDistribution):
    """``FloatDistribution(low, high, step=q)``."""

    _arguments = ("low", "high", "q")

    def __init__(self, low: float, high: float, q: float) -> None:
        super().__init__(low, high, step=q)

    @property
    def q(self) -> float:
        """The step."""
        assert self.step is not None
        return self.step

    @q.setter
    def q(self, value: float) -> None:
        self.step = value


@deprecated("3.0.0", "6.0.0", _USE_INT)
class IntUniformDistribution(_OldDistribution, IntDistribution):
    """``IntDistribution(low, high, step=step)``."""

    _arguments = ("low", "high", "step")

    def __init__(self, low: int, high: int, step: int = 1) -> None:
        super().__init__(low, high, step=step)


@deprecated("3.0.0", "6.0.0", _USE_INT)
class IntLogUniformDistribution(_OldDistribution, IntDistribution):
    """``IntDistribution(low, high, log=True)``."""

    _arguments = ("low", "high", "step")

    def __init__(self, low: int, high: int, step: int = 1) -> None:
        super().__init__(low, high, log=True, step=step)


def _convert_old_distribution_to_new_distribution(
    distribution: BaseDistribution, suppress_warning: bool = False
) -> BaseDistribution:
    """The distribution itself, or what stands for it today."""
    new: BaseDistribution
    if isinstance(distribution, _OldDistribution) and isinstance(distribution, FloatDistribution):
        new = FloatDistribution(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    elif isinstance(distribution, _OldDistribution) and isinstance(distribution, IntDistribution):
        new = IntDistribution(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    else:
        return distribution
    if not suppress_warning:
        warnings.warn(
            f"{distribution} is deprecated and internally converted to {new}. "
            "See https://github.com/optuna/optuna/issues/2941.",
            FutureWarning,
            stacklevel=3,
        )
    return new


DISTRIBUTION_CLASSES: tuple[type[BaseDistribution], ...] = (
    IntDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    FloatDistribution,
    UniformDistribution,
    LogUniformDistribution,
    DiscreteUniformDistribution,
    CategoricalDistribution,
)
_CLASSES: dict[str, type[BaseDistribution]] = {cls.__name__: cls for cls in DISTRIBUTION_CLASSES}


def json_to_distribution(json_str: str) -> BaseDistribution:
    """The distribution that ``json_str`` describes, in the form that `distribution_to_json` writes.

    The short form ``{"type": "float", "low": 0, "high": 1}`` is read as well.

    Raises:
        ValueError: The class or the type is not known.
    """
    tree = json.loads(json_str)
    if "name" in tree:
        cls = _CLASSES.get(tree["name"])
        if cls is None:
            raise ValueError(f"Unknown distribution class: {tree['name']}")
        if not issubclass(cls, _OldDistribution):
            return cls(**tree["attributes"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return _convert_old_distribution_to_new_distribution(cls(**tree["attributes"]), suppress_warning=True)
    if tree["type"] == "categorical":
        return CategoricalDistribution(tree["choices"])
    if tree["type"] not in ("float", "int"):
        raise ValueError(f"Unknown distribution type: {tree['type']}")
    log = tree.get("log", False)
    if tree["type"] == "float":
        return FloatDistribution(tree["low"], tree["high"], log=log, step=tree.get("step"))
    return IntDistribution(tree["low"], tree["high"], log=log, step=tree.get("step", 1))


def distribution_to_json(dist: BaseDistribution) -> str:
    """The text that is stored with a parameter: ``{"name": "FloatDistribution", "attributes": {...}}``."""
    return json.dumps({"name": type(dist).__name__, "attributes": dist._asdict()})


def check_distribution_compatibility(dist_old: BaseDistribution, dist_new: BaseDistribution) -> None:
    """Whether a study may use both for one parameter: low and high may change, nothing else.

    Raises:
        ValueError: They differ in kind, in ``log`` or in their choices.
    """
    if type(dist_old) is not type(dist_new):
        raise ValueError("Cannot set different distribution kind to the same parameter name.")
    if isinstance(dist_old, _NumericalDistribution):
        if dist_old.log != dist_new.log:  # type: ignore[attr-defined]
            raise ValueError("Cannot set different log configuration to the same parameter name.")
    elif dist_old != dist_new:
        raise ValueError(f"{type(dist_old).__name__} does not support dynamic value space.")


def _check_numbers(low: Any, high: Any, step: Any) -> None:
    for name, value in (("low", low), ("high", high), ("step", step)):
        _checks.number(f"`{name}`", value)


def _check_finite(low: Any, high: Any, step: Any) -> None:
    if not all(map(math.isfinite, (low, high, step))):
        raise ValueError(f"The bounds and `step` must be finite, but got ({low=}, {high=}, {step=}).")


def _decimal(number: Any) -> Decimal:
    from decimal import Decimal, InvalidOperation  # 2 ms, for those who use `step` alone

    try:
        return Decimal(str(number))
    except InvalidOperation:  # a bool, or a number of another library
        return Decimal(str(float(number)))


def _choices_equal(a: Any, b: Any) -> bool:
    if isinstance(a, Real) and isinstance(b, Real) and math.isnan(a) and math.isnan(b):
        return True
    return bool(a == b)


def _last_on_grid(low: Any, high: Any, step: Any) -> float | int:
    """The largest ``low + k * step`` that is not above ``high``, in decimals as people write them."""
    last: float | int
    if isinstance(low, int) and isinstance(step, int) and isinstance(high, int):
        last = high - (high - low) % step
    else:
        from decimal import InvalidOperation

        exact_low, exact_step = _decimal(low), _decimal(step)
        span = _decimal(high) - exact_low
        try:
            exact = span % exact_step == 0
            last = high if exact else float(span // exact_step * exact_step + exact_low)
        except InvalidOperation:
            raise ValueError(f"`step` is too small for the range, but got ({low=}, {high=}, {step=}).") from None
    if last != high:
        warnings.warn(
            f"The distribution is specified by [{low}, {high}] and {step=}, but the range is not divisible by `step`. "
            f"It will be replaced with [{low}, {last}].",
            stacklevel=3,
        )
    return last
