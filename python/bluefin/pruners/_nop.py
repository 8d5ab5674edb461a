# SPDX-License-Identifier: MIT
from bluefin.pruners._base import NativePruner


class NopPruner(NativePruner):
    """Never prunes."""

    _name = "nop"

    def __init__(self) -> None:
        self._options = {}
        super().__init__()
