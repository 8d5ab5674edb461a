# SPDX-License-Identifier: MIT
from __future__ import annotations

import datetime
from typing import Any

from bluefin.distributions import BaseDistribution
from bluefin.trial._base import GivenParamsTrial


class FixedTrial(GivenParamsTrial):
    """A trial with given parameters, to run an objective once without a study.

    Args:
        params: Name to value. A parameter that the objective asks for and that is not here is a ValueError.
        number: What `number` returns.
    """

    def __init__(self, params: dict[str, Any], number: int = 0) -> None:
        self._params = params
        self._suggested_params: dict[str, Any] = {}
        self._distributions: dict[str, BaseDistribution] = {}
        self._user_attrs: dict[str, Any] = {}
        self._system_attrs: dict[str, Any] = {}
        self._datetime_start = datetime.datetime.now()
        self._number = number

    def _given_params(self) -> dict[str, Any]:
        return self._params

    def _note(self, name: str, value: Any, distribution: BaseDistribution) -> None:
        self._suggested_params[name] = value
        self._distributions[name] = distribution

    @property
    def params(self) -> dict[str, Any]:
        return self._suggested_params

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return self._distributions

    @property
    def user_attrs(self) -> dict[str, Any]:
        return self._user_attrs

    @property
    def system_attrs(self) -> dict[str, Any]:
        return self._system_attrs

    @property
    def datetime_start(self) -> datetime.datetime | None:
        return self._datetime_start

    @property
    def number(self) -> int:
        return self._number
