# SPDX-License-Identifier: MIT
"""The objective as bytes: by its import path where it has one, else by value with cloudpickle."""

from __future__ import annotations

from collections.abc import Callable
import io
import os
import pickle
import sys
from types import FunctionType
from typing import Any

# The second is what multiprocessing calls the main module in a process that has imported it again.
_MAIN = ("__main__", "__mp_main__")


class _Pickler(pickle.Pickler):
    """Notes whether a worker needs the program's main module to load what is pickled."""

    needs_main = False

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (FunctionType, type)) and obj.__module__ in _MAIN:
            self.needs_main = True
        return NotImplemented


def pack_objective(func: Callable[..., Any]) -> tuple[bytes, bool]:
    """The objective pickled, and whether a worker needs the main module to load it.

    Raises:
        TypeError: It can be sent neither way; the message says what to do.
    """
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    try:
        pickler.dump(func)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        if not pickler.needs_main or _main_is_a_file():
            return buffer.getvalue(), pickler.needs_main
        reason = "it was defined where no module can be imported from: in a notebook, at a prompt or with python -c"
    try:
        import cloudpickle
    except ImportError:
        raise TypeError(
            f"The objective {func!r} cannot be sent to worker processes ({reason}). Make it a function at the top "
            "level of a module, or install cloudpickle, with which lambdas, closures and the functions of notebooks "
            "can be sent."
        ) from None
    try:
        data = cloudpickle.dumps(func)
    except Exception as error:
        raise TypeError(
            f"The objective {func!r} cannot be sent to worker processes: it holds something that cannot be pickled "
            f"({type(error).__name__}: {error}). Make that inside of the objective instead."
        ) from error
    return data, _MAIN[1].encode() in data


def _main_is_a_file() -> bool:
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    return getattr(main, "__spec__", None) is not None or (path is not None and os.path.exists(path))
