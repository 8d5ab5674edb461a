# SPDX-License-Identifier: MIT
"""What a worker and its parent say to each other, over a socket: pickled tuples of plain values, the first a word.

========================================  =====================================================================
parent: a `Setup`                         worker: ``ready`` and its number, or ``raised`` when the objective cannot be loaded
parent: ``run``, number of a trial        worker: any number of calls, perhaps ``dropped`` and processes
                                          that nobody holds, then ``returned`` or ``raised``
worker: ``call``, of the study?, name,    parent: ``returned`` with the pickled result, or ``raised``
pickled arguments
========================================  =====================================================================

What users' values are in is pickled by itself: where it cannot be loaded, the message around it can.
"""

from __future__ import annotations

from dataclasses import dataclass
import pickle
import traceback
from typing import Any

loads = pickle.loads


def dumps(value: Any) -> bytes:
    """Pickles; with cloudpickle, where that is installed, what pickle cannot: objects of classes of a notebook, say."""
    try:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception:
        try:
            import cloudpickle
        except ImportError:
            cloudpickle = None
        if cloudpickle is None:
            raise
        return cloudpickle.dumps(value)


@dataclass(frozen=True)
class Setup:
    """What a worker has to know before its first trial."""

    preparation: dict[str, Any]  # for multiprocessing.spawn.prepare()
    objective: bytes
    gc_after_trial: bool
    verbosity: int


class RemoteTraceback(Exception):
    """The cause of an exception that comes from a worker: where it was raised there."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n\n{self.text}"


def pack_error(error: BaseException, skip_frames: int = 0) -> tuple[bytes, str]:
    """An exception and its traceback as text, the latter without its outermost frames."""
    trace = error.__traceback__
    for _ in range(skip_frames):
        trace = trace and trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    # An exception whose __init__ takes something else than its args can be pickled but not loaded.
    shown = str(error)
    for form in (error, (type(error), shown), (RuntimeError, f"{type(error).__qualname__}: {shown}")):
        try:
            data = dumps(form)
            _error_from(data)
        except Exception:
            continue
        break
    return data, text


def unpack_error(data: bytes, text: str, *, with_traceback: bool = True) -> BaseException:
    """The exception; its cause tells where it was raised."""
    try:
        error = _error_from(data)
    except Exception:  # its class is known to the worker only
        error = RuntimeError(text.rstrip().rpartition("\n")[2])
    if with_traceback:
        error.__cause__ = RemoteTraceback(text)
    return error


def _error_from(data: bytes) -> BaseException:
    form = loads(data)
    if isinstance(form, BaseException):
        return form
    cls, text = form
    error = cls.__new__(cls, text)
    error.args = (text,)
    return error
