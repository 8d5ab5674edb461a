# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

from bluefin import _native
from bluefin._options import Configured


class BaseSampler(Configured):
    """Base class of the samplers. A sampler holds options only and may serve several studies."""

    _seed: int | None = None

    def _to_native(self) -> Any:
        return _native.make_sampler(self._name, self._texts())

    def reseed_rng(self) -> None:
        """Does nothing: every trial draws from a stream of its own, also in threads."""


def checked_seed(seed: int | None) -> int | None:
    if seed is None:
        return None
    if int(seed) < 0:
        raise ValueError(f"`seed` must be at least 0, but got {seed!r}.")
    return int(seed)
