# SPDX-License-Identifier: MIT
from __future__ import annotations

from bluefin.samplers._base import checked_seed
from bluefin.samplers._native import NativeSampler


class RandomSampler(NativeSampler):
    """Draws every parameter independently from its distribution.

    Args:
        seed: >= 0. The same seed gives the same study in one process; None is random.
    """

    _name = "random"

    def __init__(self, seed: int | None = None) -> None:
        self._seed = checked_seed(seed)
        self._options = {}
        super().__init__()
