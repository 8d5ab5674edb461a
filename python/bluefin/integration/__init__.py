# SPDX-License-Identifier: MIT
"""Adapters between bluefin and Optuna: the samplers and pruners of the one in the studies of the other.

Optuna is imported when an adapter is first asked for, not before.
"""

from __future__ import annotations

import importlib
from typing import Any
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluefin.integration._pruners import BluefinPruner
    from bluefin.integration._pruners import OptunaPruner
    from bluefin.integration._samplers import BluefinSampler
    from bluefin.integration._samplers import OptunaSampler

__all__ = ["BluefinPruner", "BluefinSampler", "OptunaPruner", "OptunaSampler"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bluefin.integration' has no attribute {name!r}")
    try:
        importlib.import_module("optuna")
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise ImportError(f"bluefin.integration.{name} needs the package 'optuna': pip install optuna") from error
    module = "_samplers" if name.endswith("Sampler") else "_pruners"
    return getattr(importlib.import_module(f"bluefin.integration.{module}"), name)
