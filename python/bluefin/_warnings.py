# SPDX-License-Identifier: MIT
"""Decorators for what Optuna has marked as deprecated or experimental: the same warnings for the same things."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import functools
from typing import Any
from typing import TypeVar
import warnings

from bluefin.exceptions import ExperimentalWarning

F = TypeVar("F", bound=Callable[..., Any])


def deprecated(since: str, removed_in: str, text: str = "") -> Callable[[F], F]:
    """FutureWarning at every call of a function, or whenever a class is instantiated."""

    def decorate(thing: F) -> F:
        message = f"{thing.__name__} has been deprecated in v{since}. This feature will be removed in v{removed_in}."
        return _warn_first(thing, f"{message} {text}".rstrip(), FutureWarning)

    return decorate


def experimental(since: str) -> Callable[[F], F]:
    """ExperimentalWarning at every call of a function, or whenever a class is instantiated."""

    def decorate(thing: F) -> F:
        name = thing.__name__ if isinstance(thing, type) else f"{thing.__module__}.{thing.__qualname__}"
        message = f"{name} is experimental (supported from v{since}). The interface can change in the future."
        return _warn_first(thing, message, ExperimentalWarning)

    return decorate


def positional_once(names: Sequence[str], since: str, removed_in: str) -> Callable[[F], F]:
    """For a function with keyword arguments only: these were positional once, and may still be, with a FutureWarning.

    There is one frame more between the function and its caller.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            n_self = 1 if names[0] == "self" else 0
            if len(args) > n_self:
                warnings.warn(
                    f"{function.__name__}() got {set(names[n_self : len(args)])} as positional arguments but they were "
                    f"expected to be given as keyword arguments. Positional arguments {list(names)} have been "
                    f"deprecated since v{since}. They will be replaced with the corresponding keyword arguments in "
                    f"v{removed_in}, so please use the keyword specification instead.",
                    FutureWarning,
                    stacklevel=2,
                )
            if len(args) > len(names):
                raise TypeError(
                    f"{function.__name__}() takes {len(names)} positional arguments but {len(args)} were given."
                )
            twice = set(names[: len(args)]) & kwargs.keys()
            if twice:
                raise TypeError(f"{function.__name__}() got multiple values for arguments {twice}.")
            return function(**dict(zip(names, args)), **kwargs)

        return named  # type: ignore[return-value]

    return decorate


def warn_experimental_argument(name: str, stacklevel: int = 3) -> None:
    """ExperimentalWarning for one argument, at the line that called the caller."""
    message = f"Argument ``{name}`` is an experimental feature. The interface can change in the future."
    warnings.warn(message, ExperimentalWarning, stacklevel=stacklevel)


def _warn_first(thing: Any, message: str, category: type[Warning]) -> Any:
    function = thing.__init__ if isinstance(thing, type) else thing  # type: ignore[misc]

    @functools.wraps(function)
    def warns(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(message, category, stacklevel=2)
        return function(*args, **kwargs)

    if not isinstance(thing, type):
        return warns
    thing.__init__ = warns  # type: ignore[misc]
    return thing
