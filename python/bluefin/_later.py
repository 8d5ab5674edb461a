# SPDX-License-Identifier: MIT
"""Studies and trials that come out of a copy or a pickle: made when they are first looked at.

A study in memory may have itself, or one of its trials, among its attributes. A copy then meets the study before the
storage that it is in is there.
"""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Any


def later(thing: Any, make: Callable[[], None]) -> None:
    """``make`` sets the attributes of ``thing`` when the first one is asked for; its class has `made_now`."""
    thing.__dict__["_later"] = threading.RLock(), make


def made_now(self: Any, name: str) -> Any:
    """The ``__getattr__`` of such a class."""
    waiting = self.__dict__.get("_later")
    if waiting is not None and not name.startswith("__"):
        lock, make = waiting
        with lock:  # another thread may be making it
            if "_later" in self.__dict__:
                if self.__dict__.get("_making"):
                    raise AttributeError(name)  # asked for by make()
                self.__dict__["_making"] = True
                try:
                    make()
                    del self.__dict__["_later"]
                finally:
                    del self.__dict__["_making"]
        return getattr(self, name)
    raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
