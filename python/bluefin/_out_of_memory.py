# SPDX-License-Identifier: MIT
"""Whether an exception means that memory has run out, and which."""

from __future__ import annotations

from bluefin import _native


def out_of_memory_class(error: BaseException) -> str:
    """The class of docs/protocol.md: ``oom-device``, ``oom-host``, or empty for another error."""
    if any(cls.__name__ == "OutOfMemoryError" for cls in type(error).__mro__):  # of torch, or of CuPy
        return "oom-device"
    if isinstance(error, MemoryError):
        return "oom-host"
    return _native.out_of_memory(f"{type(error).__name__}: {error}")
