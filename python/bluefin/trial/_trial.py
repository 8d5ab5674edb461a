# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence
import datetime
import math
from typing import Any
from typing import overload
from typing import TYPE_CHECKING

from bluefin import _checks
from bluefin import _objects
from bluefin._later import later
from bluefin._later import made_now
from bluefin.distributions import _convert_old_distribution_to_new_distribution
from bluefin.distributions import BaseDistribution
from bluefin.distributions import CategoricalChoiceType
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import check_distribution_compatibility
from bluefin.distributions import distribution_to_json
from bluefin.distributions import FloatDistribution
from bluefin.distributions import IntDistribution
from bluefin.distributions import json_to_distribution
from bluefin.trial._base import as_constraint
from bluefin.trial._base import as_float
from bluefin.trial._base import BaseTrial
from bluefin.trial._frozen import FrozenTrial
from bluefin.trial._state import TrialState

if TYPE_CHECKING:
    from bluefin import _native
    from bluefin.samplers import BaseSampler
    from bluefin.storages import BaseStorage
    from bluefin.study import Study

def _check_numbers(name: Any, low: Any, high: Any, step: Any, log: Any) -> None:
    """TypeError for what cannot be the arguments of a suggestion."""
    _checks.text("`name`", name)
    for argument, value in (("low", low), ("high", high), ("step", step)):
        _checks.number(f"Parameter {name!r}: `{argument}`", value)
    _checks.flag(f"Parameter {name!r}: `log`", log)


_NOTHING = object()
_MAX_INTEGER = 2**53  # the engine keeps a parameter as one float


class Trial(BaseTrial):
    """A running trial. `Study.ask` and `Study.optimize` make it; it belongs to one thread.

    Attributes:
        study: The study of the trial.
        number: Its number in the study, from 0.
    """

    def __init__(self, study: Study | None, trial_id: Any) -> None:
        # The engine's own trial, or the id of one that was begun elsewhere.
        # Without a study: the trial of a supervisor.
        self.study: Study = study  # type: ignore[assignment]
        native = trial_id
        if isinstance(trial_id, int):
            native = self.study._native.resume(self.study._storage.get_trial_number_from_id(trial_id))
        self._native: _native.Trial = native
        # The engine that began the trial ends it; the study gets a new one with another sampler or pruner.
        self._native_study: _native.Study = None if study is None else study._native  # type: ignore[assignment]
        self._objects = None if study is None else study._objects
        self._number: int = native.number()
        self._devices: list[int] = native.devices()  # in a thread, of the slot that its objective has
        # What is gathered for a storage of the user's is not for the engine to try again: see _hand_over().
        self._hands_over = study is not None and study._storage._takes_one_by_one()
        self._sampler: BaseSampler | None = None  # one that is asked here, not by the engine
        if study is not None and study._sampler._samples_in_python():
            self._sampler = study._sampler
            self._relative_params: dict[str, Any] | None = None
            self._relative_space: dict[str, BaseDistribution] = {}
            self._sampler.before_trial(study, self._frozen())

    def __getstate__(self) -> tuple[Study, int]:
        if self.study is None:
            raise TypeError("The trial of a supervisor belongs to its process and cannot be pickled.")
        self._native_study.flush()
        return self.study, self._number

    def __setstate__(self, state: tuple[Study, int]) -> None:
        study, number = state
        later(self, lambda: self.__init__(study, study._native.resume(number)))  # type: ignore[misc]

    if not TYPE_CHECKING:
        __getattr__ = made_now

    def _frozen(self, deepcopy: bool = False) -> FrozenTrial:
        native = self._native.frozen()
        if self._hands_over and TrialState(native.state()).is_finished():
            return self.study._storage.get_trial(native.id())  # the engine does not have its objects any more
        return FrozenTrial._from_native(native, self._objects, {} if deepcopy else None)

    def _hand_over(self) -> None:
        """Gives a storage written in Python what was gathered for it. Its errors are those of the calls that are over.

        Journals and the engine's own storages are spared this: they take all of it at once with the trial's end.
        """
        if self._hands_over:
            self._native_study.flush_trial(self._native)

    @property
    def _trial_id(self) -> int:
        return self._native.frozen().id()

    @property
    def device(self) -> int | None:
        """The GPU that the trial runs on, as CUDA counts in this process: ``torch.device("cuda", trial.device)``.

        Always 0 in a process of its own, which sees no other; None without a GPU. Bluefin's own.
        """
        return self._devices[0] if self._devices else None

    @property
    def devices(self) -> list[int]:
        """All of them, with several GPUs for each trial. Bluefin's own."""
        return list(self._devices)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number from ``low`` to ``high``, both included.

        Args:
            name: Name of the parameter. The same name again gives the same value.
            low: Lower bound; above 0 with ``log``.
            high: Upper bound; rounded down to ``low + k * step``, with a warning.
            step: Distance of the values; not together with ``log``.
            log: Uniform in the logarithm.

        Raises:
            ValueError: The bounds do not fit, or the name was used for another kind of parameter.
        """
        if self._sampler is not None:
            return self._suggest_in_python(name, FloatDistribution(low, high, log=log, step=step))
        try:
            return self._native.suggest_float(name, low, high, step, log)
        except ValueError as error:
            raise self._readable(error) from None
        except TypeError:
            _check_numbers(name, low, high, 0 if step is None else step, log)
            raise

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer from ``low`` to ``high``, both included.

        Args:
            name: Name of the parameter. The same name again gives the same value.
            low: Lower bound; at least 1 with ``log``.
            high: Upper bound; rounded down to ``low + k * step``, with a warning.
            step: Distance of the values; 1 with ``log``.
            log: Uniform in the logarithm.

        Raises:
            ValueError: The bounds do not fit, or the name was used for another kind of parameter.
        """
        if self._sampler is not None:
            return self._suggest_in_python(name, IntDistribution(low, high, log=log, step=step))
        try:
            return self._native.suggest_int(name, low, high, step, log)
        except ValueError as error:
            raise self._readable(error) from None
        except TypeError:
            _check_numbers(name, low, high, step, log)
            integers = int(low), int(high), int(step)
            if max(map(abs, integers)) > _MAX_INTEGER:
                raise ValueError(
                    f"Parameter {name!r}: bounds must lie within -2^53 and 2^53, but got low={low!r}, high={high!r}, "
                    f"step={step!r}."
                ) from None
            if all(isinstance(given, int) for given in (low, high, step)):
                raise  # it was something else
            return self._native.suggest_int(name, *integers, log)

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
        """One of the choices.

        Args:
            name: Name of the parameter. The same name again gives the same value.
            choices: None, bool, int, float and str, in any mixture; with a warning lists, tuples and dicts of them.
                Other objects work in memory only.

        Raises:
            ValueError: There are no choices, or the study knows others for this name.
            TypeError: The storage cannot hold one of the choices.
        """
        if not isinstance(choices, (list, tuple)):
            choices = _checks.items(f"Parameter {name!r}: `choices`", choices, "a sequence")
        if self._sampler is not None:
            return self._suggest_in_python(name, CategoricalDistribution(choices))
        try:
            index = self._native.suggest_categorical(name, choices)
        except (TypeError, UnicodeEncodeError, OverflowError) as error:
            _checks.text("`name`", name)
            plain_types = all(type(choice) in _objects.PLAIN for choice in choices)
            if plain_types and isinstance(error, TypeError):
                raise  # it was something else
            CategoricalDistribution(choices)  # warns
            plain = [_objects.native_choice(c) for c in _objects.plain_choices(name, choices, self._objects)]
            try:
                index = self._native.suggest_categorical(name, plain)
            except ValueError as error:
                raise self._readable(error) from None
        return choices[index]

    def _readable(self, error: ValueError) -> ValueError:
        """The same with objects in the place of what the engine has for them."""
        return ValueError(self._objects.readable(str(error))) if self._objects else error

    def _suggest_in_python(self, name: str, distribution: BaseDistribution) -> Any:
        _checks.text("`name`", name)
        frozen = self._frozen()
        text = distribution_to_json(_objects.plain_distribution(name, distribution, self._objects))
        internal = 0.0  # not looked at where the engine knows better
        fixed = frozen.system_attrs.get("fixed_params", {})
        if name not in frozen.params and name not in fixed and not distribution.single():
            value = self._relative_value(name, distribution)
            if value is _NOTHING:
                assert self._sampler is not None
                value = self._sampler.sample_independent(self.study, frozen, name, distribution)
            internal = self._checked(name, distribution, value)
        return distribution.to_external_repr(self._native.suggest_chosen(name, text, internal))

    def _checked(self, name: str, distribution: BaseDistribution, value: Any) -> float:
        """The internal form of what a sampler has chosen. As in Optuna it may lie outside of the range."""
        try:
            internal = distribution.to_internal_repr(value)
        except ValueError as error:
            raise ValueError(f"Parameter {name!r}: {error}") from error
        limit = _MAX_INTEGER if isinstance(distribution, IntDistribution) else math.inf
        is_text = isinstance(value, str) and not isinstance(distribution, CategoricalDistribution)
        if is_text or not math.isfinite(internal) or abs(internal) > limit:
            raise ValueError(
                f"Parameter {name!r}: the sampler {self._sampler} has chosen {value!r}, which cannot be a value of "
                f"{distribution}."
            )
        return internal

    @property
    def storage(self) -> BaseStorage | None:
        """The study's storage."""
        return None if self.study is None else self.study._storage

    @property
    def relative_params(self) -> dict[str, Any]:
        """What the sampler has chosen before the objective asked, by name."""
        if self._sampler is None:
            space = self.relative_search_space
            return {name: space[name].to_external_repr(value) for name, _, value in self._native.joint_params()}
        if self._relative_params is None:
            frozen = self._frozen()
            self._relative_space = self._sampler.infer_relative_search_space(self.study, frozen)
            self._relative_params = self._sampler.sample_relative(self.study, frozen, self._relative_space)
        return self._relative_params

    @property
    def relative_search_space(self) -> dict[str, BaseDistribution]:
        """The distributions of what is in `relative_params`, by name; of a sampler in Python those that it has inferred."""
        if self._sampler is None:
            return {
                name: _objects.original_distribution(name, json_to_distribution(text), self._objects)
                for name, text, _ in self._native.joint_params()
            }
        _ = self.relative_params  # infers it
        return self._relative_space

    def _relative_value(self, name: str, distribution: BaseDistribution) -> Any:
        if name not in self.relative_params:
            return _NOTHING
        if name not in self._relative_space:
            raise ValueError(
                f"The parameter {name!r} was sampled by `sample_relative` method but it is not contained in the "
                "relative search space."
            )
        check_distribution_compatibility(self._relative_space[name], distribution)
        value = self.relative_params[name]
        return value if distribution._contains(distribution.to_internal_repr(value)) else _NOTHING

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        distribution = _convert_old_distribution_to_new_distribution(distribution)
        if isinstance(distribution, FloatDistribution):
            return self.suggest_float(
                name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
            )
        if isinstance(distribution, IntDistribution):
            return self.suggest_int(
                name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
            )
        if isinstance(distribution, CategoricalDistribution):
            return self.suggest_categorical(name, distribution.choices)
        raise TypeError(f"Parameter {name!r}: expected a distribution, but got {distribution!r}.")

    def report(self, value: float, step: int) -> None:
        """Reports an intermediate value, which pruners look at. A second report of a step is ignored with a warning.

        Args:
            value: Anything that converts to float; NaN is allowed.
            step: >= 0, an epoch for example.

        Raises:
            NotImplementedError: The study has several objectives.
            TypeError, ValueError: The arguments are not numbers; the step is below 0.
        """
        self._require_single_objective("report")
        value = as_float(value)
        try:
            step = int(step)
        except (TypeError, ValueError):
            raise TypeError(f"The `step` argument is of type '{type(step)}' but supposed to be an int.") from None
        if step < 0:
            raise ValueError(f"`step={step!r}` must be non-negative.")
        if step >= 2**63:
            raise ValueError(f"`step={step!r}` must be below 2**63.")
        self._native.report(value, step)

    def should_prune(self) -> bool:
        """Whether the study's pruner would stop the trial now. False before the first report.

        Raises:
            NotImplementedError: The study has several objectives.
        """
        self._require_single_objective("should_prune")
        if self.study is not None and self.study._pruner._prunes_in_python():
            return self.study._pruner.prune(self.study, self._frozen())
        return self._native.should_prune()

    def _require_single_objective(self, method: str) -> None:
        if self.study is not None and len(self.study.directions) > 1:
            raise NotImplementedError(f"Trial.{method} is not supported for multi-objective optimization.")

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keeps a value with the trial.

        Args:
            key: Name of the attribute; a second value replaces the first.
            value: Anything that JSON can hold; any object for a study in memory.

        Raises:
            TypeError: The storage cannot hold the value.
        """
        _objects.write_attribute(
            key,
            value,
            self._objects,
            known=lambda: self._native.user_attr(key),
            write=lambda text: self._native.set_user_attr(key, text),
        )

    def _set_system_attr(self, key: str, value: Any) -> None:
        """Keeps a JSON value with the trial; for samplers and pruners."""
        self._native.set_system_attr(_checks.text("`key`", key), _objects.dumps(key, value))

    def set_constraint(self, key: str, value: float) -> None:
        """Sets a constraint, which is satisfied when ``value <= 0``. A second value is ignored with a warning.

        Raises:
            TypeError, ValueError: The value is no number, or NaN.
        """
        constraint = as_constraint(_checks.text("`key`", key), value, self._native.frozen().system_attrs())
        if constraint is not None:
            self._native.set_constraint(key, constraint)

    def set_resource_hint(self, name: str, params: Sequence[str]) -> None:
        self._native.set_resource_hint(*_checks.resource_hint(name, params))

    @property
    def params(self) -> dict[str, Any]:
        return self._frozen(deepcopy=True).params

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return self._frozen(deepcopy=True).distributions

    @property
    def user_attrs(self) -> dict[str, Any]:
        return self._frozen(deepcopy=True).user_attrs

    @property
    def constraints(self) -> dict[str, float]:
        return self._frozen().constraints

    @property
    def datetime_start(self) -> datetime.datetime | None:
        return self._frozen().datetime_start

    @property
    def number(self) -> int:
        return self._number
