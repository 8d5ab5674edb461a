# SPDX-License-Identifier: MIT
"""Adapters between bluefin and Optuna: the samplers and pruners of the one in the studies of the other.

Optuna is imported when an adapter is first asked for, not before.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from bluefin import _absent

if TYPE_CHECKING:
    from bluefin.integration._pruners import BluefinPruner
    from bluefin.integration._pruners import OptunaPruner
    from bluefin.integration._samplers import BluefinSampler
    from bluefin.integration._samplers import OptunaSampler

__all__ = ["BluefinPruner", "BluefinSampler", "OptunaPruner", "OptunaSampler"]

if not TYPE_CHECKING:
    _ADAPTERS = tuple(__all__)
    __all__ += _absent.names(__name__)

    def __getattr__(name):
        if name not in _ADAPTERS:
            return _absent.lookup(__name__)(name)
        try:
            importlib.import_module("optuna")
        except ModuleNotFoundError as error:
            if error.name != "optuna":
                raise
            raise ImportError(f"bluefin.integration.{name} needs the package 'optuna': pip install optuna") from error
        module = "_samplers" if name.endswith("Sampler") else "_pruners"
        return getattr(importlib.import_module(f"bluefin.integration.{module}"), name)
