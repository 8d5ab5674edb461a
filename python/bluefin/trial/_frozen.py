# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import copy
import datetime
from functools import lru_cache
import math
from typing import Any

from bluefin import _checks
from bluefin import _native
from bluefin import _objects
from bluefin.distributions import _convert_old_distribution_to_new_distribution
from bluefin.distributions import BaseDistribution
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import distribution_to_json
from bluefin.distributions import json_to_distribution
from bluefin.trial._base import BaseTrial
from bluefin.trial._base import GivenParamsTrial
from bluefin.trial._state import TrialState

# json.loads and the checks of a distribution cost more than the rest of a trial, and a study has few distributions.
_known_distribution = lru_cache(maxsize=4096)(json_to_distribution)
_MAX_INTEGER = 2**53  # of the engine


def _param_problem(distribution: BaseDistribution, text: str, internal: float) -> str:
    """Why the engine cannot hold a parameter; empty: it can."""
    if isinstance(distribution, CategoricalDistribution):
        return ""
    numbers = (distribution.low, distribution.high, distribution.step or 0, internal)  # type: ignore[attr-defined]
    within = all(abs(number) <= _MAX_INTEGER for number in numbers)  # nearly always; the engine parses the text
    return "" if within else _native.param_problem(text, internal)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _local_time(microseconds: int | None) -> datetime.datetime | None:
    if microseconds is None:
        return None
    seconds, rest = divmod(microseconds, 1_000_000)  # a float has too few digits in the year 9999
    return datetime.datetime.fromtimestamp(seconds).replace(microsecond=rest)


def _microseconds(time: datetime.datetime | None) -> int | None:
    if time is None:
        return None
    try:
        if time.tzinfo is not None and time.utcoffset() is not None:
            microseconds = (time - _EPOCH) // datetime.timedelta(microseconds=1)
        else:
            microseconds = int(time.replace(microsecond=0).timestamp()) * 1_000_000 + time.microsecond
        _local_time(microseconds)  # it has to be one here, too
    except (OverflowError, ValueError):
        raise ValueError(
            f"A trial's time must lie in the years 1 to 9999, here and in UTC, but got {time!r}."
        ) from None
    return microseconds


# How each field is made from the native trial, when it is first asked for. In the order of repr().
_READERS: dict[str, Any] = {
    "_number": lambda native: native.number(),
    "state": lambda native: TrialState(native.state()),
    "_values": lambda native: native.values() or None,
    "_datetime_start": lambda native: _local_time(native.datetime_start()),
    "datetime_complete": lambda native: _local_time(native.datetime_complete()),
    "_params": lambda native: native.params(),
    "_user_attrs": lambda native: _objects.load_attributes(native.user_attrs(), None),
    "_system_attrs": lambda native: _objects.load_attributes(native.system_attrs(), None),
    "intermediate_values": lambda native: native.reports(),
    "_distributions": lambda native: {
        name: copy.copy(_known_distribution(text)) for name, text in native.distributions().items()
    },
    "_trial_id": lambda native: native.id(),
}


def _with_objects(native: Any, objects: _objects.Objects) -> dict[str, Any]:
    """The fields that may hold objects of the study."""
    return {
        "_params": {name: objects.original(name, value) for name, value in native.params().items()},
        "_distributions": {
            name: _objects.original_distribution(name, copy.copy(_known_distribution(text)), objects)
            for name, text in native.distributions().items()
        },
        "_user_attrs": _objects.load_attributes(native.user_attrs(), objects),
        "_system_attrs": _objects.load_attributes(native.system_attrs(), objects),
    }


# Of a trial that has not been read yet; __dict__ itself is overridden below.
_instance_dict = BaseTrial.__dict__["__dict__"].__get__


def _reports(intermediate_values: Any) -> dict[int, float]:
    if not isinstance(intermediate_values, Mapping):
        raise TypeError(f"`intermediate_values` must be a dict, but got {intermediate_values!r}.")
    reports = {}
    for step, value in intermediate_values.items():
        number = _checks.integer("A step in `intermediate_values`", step, 2**63)
        reports[number] = _checks.number(f"The value at step {step!r} in `intermediate_values`", value)
    return reports


class FrozenTrial(GivenParamsTrial):
    """A trial as a value. Changing it changes nothing in its study.

    Args:
        number: Number of the trial in its study.
        state: Where it stands.
        value: Value of the objective; not together with ``values``.
        datetime_start: Local time at which it began; None while it waits.
        datetime_complete: Local time at which it was finished; None before.
        params: Name to value.
        distributions: Name to distribution, of the same names.
        user_attrs: Attributes of the user.
        system_attrs: Attributes of samplers and pruners.
        intermediate_values: Step to reported value.
        trial_id: Key of the trial in its storage.
        values: One value per objective.
    """

    __slots__ = ("_native",)

    state: TrialState
    datetime_complete: datetime.datetime | None
    intermediate_values: dict[int, float]
    _number: int
    _values: list[float] | None
    _trial_id: int
    _native: Any

    def __init__(
        self,
        number: int,
        state: TrialState,
        value: float | None,
        datetime_start: datetime.datetime | None,
        datetime_complete: datetime.datetime | None,
        params: dict[str, Any],
        distributions: dict[str, BaseDistribution],
        user_attrs: dict[str, Any],
        system_attrs: dict[str, Any],
        intermediate_values: dict[int, float],
        trial_id: int,
        *,
        values: Sequence[float] | None = None,
    ) -> None:
        if value is not None and values is not None:
            raise ValueError("Specify only one of `value` and `values`.")
        self._number = number
        self.state = state
        self._values = [value] if value is not None else None if values is None else list(values)
        self._datetime_start = datetime_start
        self.datetime_complete = datetime_complete
        self._params = params
        self._user_attrs = user_attrs
        self._system_attrs = system_attrs
        self.intermediate_values = intermediate_values
        self._distributions = distributions
        self._trial_id = trial_id

    @classmethod
    def _from_native(
        cls, native: Any, objects: _objects.Objects | None, memo: dict[int, Any] | None
    ) -> FrozenTrial:
        """With a memo objects are copied, one that several trials have once; None: they are the study's own."""
        trial = cls.__new__(cls)
        trial._native = native
        if objects:  # as they are now
            fields = _with_objects(native, objects)
            for name, value in (fields if memo is None else copy.deepcopy(fields, memo)).items():
                setattr(trial, name, value)
        return trial

    def __getattr__(self, name: str) -> Any:
        # Only for fields that have not been read yet.
        reader = _READERS.get(name)
        if reader is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = reader(self._native)
        setattr(self, name, value)
        return value

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        """Every field, as vars() and dir() want them."""
        if hasattr(self, "_native"):
            self._fields()
        return _instance_dict(self)

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _READERS}

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def _to_native(
        self,
        objects: _objects.Objects | None,
        text: Any = _objects.attribute_text,
        leave_out: Callable[[str, Any, str], None] | None = None,
    ) -> Any:
        """``leave_out`` is told of each parameter that the engine cannot hold; without it that is a ValueError."""
        params = []
        names = [name for name in self.params if name in self.distributions]
        for name in (*names, *(name for name in self.distributions if name not in self.params)):
            distribution = self.distributions[name]
            internal = distribution.to_internal_repr(self.params[name])
            plain = _objects.plain_distribution(name, distribution, objects)
            plain_text = distribution_to_json(plain)
            if leave_out is not None and (
                problem := _param_problem(distribution, plain_text, internal)
            ):
                leave_out(name, self.params[name], problem)
                continue
            params.append((name, plain_text, internal))
        system_attrs = dict(self.system_attrs)
        if isinstance(system_attrs.get("fixed_params"), dict):
            system_attrs["fixed_params"] = {
                name: _objects.plain_choice(name, value, objects)
                for name, value in system_attrs["fixed_params"].items()
            }
        return _native.make_frozen_trial(
            _checks.integer("`trial_id` of a trial", self._trial_id, 2**63),
            _checks.integer("`number` of a trial", self.number, 2**31),
            int(self.state),
            [float(value) for value in self.values or ()],
            params,
            _reports(self.intermediate_values),
            {key: text(key, value, objects) for key, value in self.user_attrs.items()},
            {key: text(key, value, None) for key, value in system_attrs.items()},
            _microseconds(self.datetime_start),
            _microseconds(self.datetime_complete),
        )

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return self.number < other.number

    def __le__(self, other: Any) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return self.number <= other.number

    def __hash__(self) -> int:
        return hash(tuple(self._fields().values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name.lstrip('_')}={value!r}" for name, value in self._fields().items())
        return f"{type(self).__name__}({fields}, value=None)"

    def _given_params(self) -> dict[str, Any]:
        return self._params

    def _note(self, name: str, value: Any, distribution: BaseDistribution) -> None:
        self._distributions[name] = distribution

    def _validate(self) -> None:
        """Throws ValueError when the parts do not fit together."""
        if self.state != TrialState.WAITING and self.datetime_start is None:
            raise ValueError("`datetime_start` is supposed to be set when the trial state is not waiting.")
        if self.state.is_finished() and self.datetime_complete is None:
            raise ValueError("`datetime_complete` is supposed to be set for a finished trial.")
        if not self.state.is_finished() and self.datetime_complete is not None:
            raise ValueError("`datetime_complete` is supposed to be None for an unfinished trial.")
        if self.state == TrialState.FAIL and self._values is not None:
            raise ValueError(f"values should be None for a failed trial, but got {self._values}.")
        if self.state == TrialState.COMPLETE:
            if self._values is None:
                raise ValueError("values should be set for a complete trial.")
            if any(math.isnan(value) for value in self._values):
                raise ValueError("values should not contain NaN.")
        if self.params.keys() != self.distributions.keys():
            raise ValueError(
                f"Inconsistent parameters {set(self.params)} and distributions {set(self.distributions)}."
            )
        for name, value in self.params.items():
            distribution = self.distributions[name]
            if not distribution._contains(distribution.to_internal_repr(value)):
                raise ValueError(
                    f"The value {value} of parameter '{name}' isn't contained in the distribution {distribution}."
                )

    @property
    def number(self) -> int:
        return self._number

    @number.setter
    def number(self, value: int) -> None:
        self._number = value

    @property
    def value(self) -> float | None:
        """The value of a single objective; RuntimeError when there are several."""
        if self._values is None:
            return None
        if len(self._values) > 1:
            raise RuntimeError("This attribute is not available during multi-objective optimization.")
        return self._values[0]

    @value.setter
    def value(self, value: float | None) -> None:
        if self._values is not None and len(self._values) > 1:
            raise RuntimeError("This attribute is not available during multi-objective optimization.")
        self._values = None if value is None else [value]

    @property
    def values(self) -> list[float] | None:
        """One value per objective; None when there are none."""
        return self._values

    @values.setter
    def values(self, values: Sequence[float] | None) -> None:
        self._values = None if values is None else list(values)

    @property
    def datetime_start(self) -> datetime.datetime | None:
        return self._datetime_start

    @datetime_start.setter
    def datetime_start(self, value: datetime.datetime | None) -> None:
        self._datetime_start = value

    @property
    def params(self) -> dict[str, Any]:
        return self._params

    @params.setter
    def params(self, params: dict[str, Any]) -> None:
        self._params = params

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return self._distributions

    @distributions.setter
    def distributions(self, value: dict[str, BaseDistribution]) -> None:
        self._distributions = value

    @property
    def user_attrs(self) -> dict[str, Any]:
        return self._user_attrs

    @user_attrs.setter
    def user_attrs(self, value: dict[str, Any]) -> None:
        self._user_attrs = value

    @property
    def system_attrs(self) -> dict[str, Any]:
        return self._system_attrs

    @system_attrs.setter
    def system_attrs(self, value: Mapping[str, Any]) -> None:
        self._system_attrs = dict(value)

    @property
    def last_step(self) -> int | None:
        """The highest step that was reported."""
        return max(self.intermediate_values, default=None)

    @property
    def duration(self) -> datetime.timedelta | None:
        """How long the trial took."""
        if self.datetime_start is None or self.datetime_complete is None:
            return None
        return self.datetime_complete - self.datetime_start


def create_trial(
    *,
    state: TrialState = TrialState.COMPLETE,
    value: float | None = None,
    values: Sequence[float] | None = None,
    params: dict[str, Any] | None = None,
    distributions: dict[str, BaseDistribution] | None = None,
    user_attrs: dict[str, Any] | None = None,
    system_attrs: dict[str, Any] | None = None,
    intermediate_values: dict[int, float] | None = None,
    constraints: dict[str, float] | None = None,
) -> FrozenTrial:
    """Makes a trial for `Study.add_trial`.

    Args:
        state: State of the trial.
        value: Value of a single objective; not together with ``values``.
        values: One value per objective.
        params: Name to value.
        distributions: Name to distribution, of the same names.
        user_attrs: Attributes of the user.
        system_attrs: Attributes of samplers and pruners.
        intermediate_values: Step to reported value.
        constraints: Constraint to value; satisfied when <= 0.

    Raises:
        TypeError: One of them is of another type.
        ValueError: The parts do not fit together.
    """
    if not isinstance(state, TrialState):
        raise TypeError(f"`state` must be a TrialState, but got {state!r}.")
    if value is not None:
        _checks.number("`value`", value)
    if values is not None:
        values = _checks.items("`values`", values, "a list of numbers")
        for one in values:
            _checks.number("A value in `values`", one)
    for name, given in (
        ("params", params),
        ("distributions", distributions),
        ("user_attrs", user_attrs),
        ("system_attrs", system_attrs),
    ):
        _checks.named(f"`{name}`", given or {})
    if constraints is not None:
        _checks.named("`constraints`", constraints)
    now = datetime.datetime.now()
    trial = FrozenTrial(
        number=-1,
        trial_id=-1,
        state=state,
        value=value,
        values=values,
        datetime_start=None if state == TrialState.WAITING else now,
        datetime_complete=now if state.is_finished() else None,
        params=params or {},
        distributions={
            name: _convert_old_distribution_to_new_distribution(d) for name, d in (distributions or {}).items()
        },
        user_attrs=user_attrs or {},
        system_attrs=system_attrs or {},
        intermediate_values=intermediate_values or {},
    )
    for key, constraint in (constraints or {}).items():
        trial.set_constraint(key, constraint)
    trial._validate()
    return trial
