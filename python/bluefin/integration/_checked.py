# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any


def checked(adapter: Any, kind: str, given: Any, wanted: type[Any], other: type[Any]) -> Any:
    """``given``, which must be of the class ``wanted``, from the package on the other side of the adapter.

    Raises:
        TypeError: It is something else. For one of the class ``other`` no adapter is needed.
    """
    if isinstance(given, wanted):
        return given
    package = wanted.__module__.partition(".")[0]
    message = f"{type(adapter).__name__} takes a {kind} of {package}, but got "
    if isinstance(given, other):
        raise TypeError(f"{message}{given!r}, which the study takes directly.")
    if isinstance(given, type):
        raise TypeError(f"{message}the class {given.__name__}: pass an object of it.")
    raise TypeError(f"{message}{given!r}.")
