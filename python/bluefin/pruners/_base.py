# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

from bluefin import _native
from bluefin._options import Configured


class BasePruner(Configured):
    """Base class of the pruners. A pruner holds options only and may serve several studies."""

    def _to_native(self) -> Any:
        return _native.make_pruner(self._name, self._texts())
