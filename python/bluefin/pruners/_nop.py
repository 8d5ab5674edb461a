# SPDX-License-Identifier: MIT
from bluefin.pruners._base import BasePruner


class NopPruner(BasePruner):
    """Never prunes."""

    _name = "nop"

    def __init__(self) -> None:
        self._options = {}
