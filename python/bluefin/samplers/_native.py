# SPDX-License-Identifier: MIT
from __future__ import annotations

import itertools
import os
from typing import Any
from typing import TYPE_CHECKING
import weakref

from bluefin import _checks
from bluefin import _native
from bluefin import _objects
from bluefin._options import Configured
from bluefin._subclass import overrides
from bluefin.distributions import distribution_to_json
from bluefin.distributions import json_to_distribution
from bluefin.samplers._base import BaseSampler

if TYPE_CHECKING:
    from bluefin.distributions import BaseDistribution
    from bluefin.study import Study
    from bluefin.trial import FrozenTrial

_SAMPLING = ("infer_relative_search_space", "sample_relative", "sample_independent", "before_trial")

# In the place of a process's nonce: these streams are none of a study's own.
_BY_HAND = 0x646972656374


def _entropy() -> int:
    return int.from_bytes(os.urandom(8), "little") >> 1  # a seed is below 2**63


class NativeSampler(Configured, BaseSampler):
    """A sampler of the engine. It holds options only and may serve several studies.

    A study asks the engine itself; the methods here are for programs that call a sampler by hand, and for subclasses
    that override some of them.
    """

    _overrides_sampling = False
    _overrides_after_trial = False

    def __init__(self) -> None:
        self._forget()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._overrides_sampling = overrides(cls, _SAMPLING)
        cls._overrides_after_trial = overrides(cls, ("after_trial",))

    def _forget(self) -> None:
        self._models: weakref.WeakKeyDictionary[Study, _native.SamplerModel] = weakref.WeakKeyDictionary()
        self._direct_seed = _entropy() if self._seed is None else self._seed
        self._calls = itertools.count()

    def __getstate__(self) -> dict[str, Any]:
        own = ("_models", "_direct_seed", "_calls")
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _to_native(self) -> _native.Sampler:
        return _native.make_sampler(self._name, self._texts())

    def _samples_in_python(self) -> bool:
        return self._overrides_sampling or not self.__dict__.keys().isdisjoint(_SAMPLING)

    def _hears_of_ends(self) -> bool:
        return self._overrides_after_trial or "after_trial" in self.__dict__

    def reseed_rng(self) -> None:
        """Forgets the seed. A study that runs keeps its own: there every trial draws from its own stream, also in threads."""
        self._seed = _entropy()
        self._direct_seed = self._seed

    # --- by hand -----------------------------------------------------------------------------------------------------

    def _model(self, study: Study) -> _native.SamplerModel:
        model = self._models.get(study)
        if model is None:
            _checks.own_study(self, study)
            model = self._models[study] = _native.SamplerModel(self._to_native(), study._native)
        return model

    def _stream(self, study: Study, trial: FrozenTrial) -> tuple[int, int, int]:
        """Seed, number and nonce of the numbers to draw."""
        if study._samples_once and not self._samples_in_python():
            return self._direct_seed, trial.number, 0  # as the engine's own trial of this number
        return self._direct_seed, next(self._calls), _BY_HAND

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {
            name: _objects.original_distribution(name, json_to_distribution(text), study._objects)
            for space in self._model(study).joint_spaces(study._native)
            for name, text in space
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        model = self._model(study)
        spaces = [list(search_space)]
        if self._options.get("group"):
            together = model.joint_spaces(study._native)
            spaces = [[name for name, _ in space if name in search_space] for space in together]
        texts = [
            [(name, _text(name, search_space[name], study._objects)) for name in space if not search_space[name].single()]
            for space in spaces
        ]
        texts = [space for space in texts if space]
        if not texts:
            return {}
        values, attributes = model.suggest_joint(study._native, trial.number, self._stream(study, trial), texts)
        for key, text in attributes.items():
            study._storage.set_trial_system_attr(trial._trial_id, key, _objects.loads(text, None))
        return {name: search_space[name].to_external_repr(value) for name, value in values}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        text = _text(param_name, param_distribution, study._objects)
        stream = self._stream(study, trial)
        value = self._model(study).suggest_parameter(study._native, trial.number, stream, param_name, text)
        return param_distribution.to_external_repr(value)


def _text(name: str, distribution: BaseDistribution, objects: _objects.Objects | None) -> str:
    return distribution_to_json(_objects.plain_distribution(name, distribution, objects))
