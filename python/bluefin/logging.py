# SPDX-License-Identifier: MIT
"""The package's log: a standard logger named ``bluefin`` with one handler that writes to standard error."""

from __future__ import annotations

from collections.abc import Callable
import logging
from logging import CRITICAL
from logging import DEBUG
from logging import ERROR
from logging import FATAL
from logging import INFO
from logging import WARN
from logging import WARNING
import sys
import threading

__all__ = ["CRITICAL", "DEBUG", "ERROR", "FATAL", "INFO", "WARN", "WARNING"]

_lock = threading.Lock()
_handler: logging.Handler | None = None
# Of the progress bars that are shown: how a line gets above them.
_writers: list[Callable[[str], None]] = []


def create_default_formatter() -> logging.Formatter:
    """What formats the lines of the default handler: ``[I 2026-01-31 12:00:00,000] message``."""
    return logging.Formatter("[%(levelname)1.1s %(asctime)s] %(message)s")


class _StderrHandler(logging.StreamHandler):
    """Writes to the standard error of the moment, which tests and notebooks replace."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(create_default_formatter())

    def emit(self, record: logging.LogRecord) -> None:
        if not _writers:
            return super().emit(record)
        try:
            _writers[-1](self.format(record))
        except Exception:
            self.handleError(record)

    @property
    def stream(self):  # type: ignore[override]
        return sys.stderr


def _root() -> logging.Logger:
    return logging.getLogger("bluefin")


def _configure() -> None:
    global _handler
    with _lock:
        if _handler is not None:
            return
        _handler = _StderrHandler()
        root = _root()
        root.addHandler(_handler)
        root.setLevel(INFO)
        root.propagate = False


def get_logger(name: str) -> logging.Logger:
    """The logger of this name, with the package's log set up. Names of Optuna's package mean this one: programs written
    for Optuna add their handlers to the logger ``"optuna"``."""
    _configure()
    if name == "optuna" or name.startswith("optuna."):
        name = f"bluefin{name[len('optuna') :]}"
    return logging.getLogger(name)


def get_verbosity() -> int:
    """The level of the package's log; INFO unless changed."""
    _configure()
    return _root().getEffectiveLevel()


def set_verbosity(verbosity: int) -> None:
    """Sets the level of the package's log, for example ``bluefin.logging.WARNING``."""
    _configure()
    _root().setLevel(verbosity)


def disable_default_handler() -> None:
    """Writes nothing to standard error any more."""
    _configure()
    assert _handler is not None
    _root().removeHandler(_handler)


def enable_default_handler() -> None:
    """Writes to standard error (the default)."""
    _configure()
    assert _handler is not None
    _root().addHandler(_handler)


def disable_propagation() -> None:
    """Does not hand messages to the handlers of the root logger (the default)."""
    _configure()
    _root().propagate = False


def enable_propagation() -> None:
    """Hands messages to the handlers of the root logger as well."""
    _configure()
    _root().propagate = True
