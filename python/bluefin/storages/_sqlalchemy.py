# SPDX-License-Identifier: MIT
"""SQLAlchemy's words for an SQLite database, which programs give `RDBStorage`: its URLs and its arguments.

What only tunes SQLAlchemy or Python's sqlite3 is taken and has no effect here, for neither is used. What would name
another database is refused, and so is what SQLAlchemy does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bluefin import _checks

# Of sqlite3.connect. In a URL they are text.
_CONNECTION = frozenset("timeout isolation_level detect_types check_same_thread cached_statements autocommit".split())
_NUMBERS = frozenset("timeout detect_types cached_statements".split())

# Of the engine (docs/storage.md).
_OWN = frozenset(("filesystem", "journal"))

# Of create_engine with SQLite.
_ENGINE = frozenset(
    "compiler_linting echo echo_pool enable_from_linting execution_options future hide_parameters implicit_returning "
    "insertmanyvalues_page_size isolation_level json_deserializer json_serializer label_length logging_name "
    "max_identifier_length max_overflow native_datetime paramstyle plugins pool_events pool_logging_name pool_pre_ping "
    "pool_recycle pool_reset_on_return pool_size pool_timeout pool_use_lifo poolclass query_cache_size "
    "server_side_cursors skip_autocommit_rollback supports_native_boolean use_insertmanyvalues".split()
)
_ELSEWHERE = frozenset("creator dbapi module pool strategy".split())


def engine_url(url: str) -> str:
    """The engine's URL for one of SQLAlchemy's. ValueError names what cannot be taken."""
    scheme, _, rest = url.partition(":")
    dialect, plus, driver = scheme.partition("+")
    if dialect != "sqlite":
        return url  # the engine says which there are
    if plus and driver != "pysqlite":
        raise ValueError(f"storage: '{url}' names the driver {driver!r}, expected sqlite:/// or sqlite+pysqlite:///")
    path, query, options = rest.partition("?")
    own = [option for option in options.split("&") if option.partition("=")[0] in _OWN]
    if query:
        _check_options(url, options)
    if path in ("//", "///", "///:memory:"):
        return "memory:"
    return f"sqlite:{path}?{'&'.join(own)}" if own else f"sqlite:{path}"


def _check_options(url: str, options: str) -> None:
    from urllib.parse import parse_qsl

    for name, value in parse_qsl(options, keep_blank_values=True):
        where = f"storage: '{url}' has the option {name}={value}"
        if name == "uri":
            if value.lower() not in ("false", "f", "no", "n", "off", "0"):
                raise ValueError(f"{where}, but SQLite's own URIs are not supported; give the path of the file")
        elif name in _OWN:
            continue  # the engine says what it may be
        elif name not in _CONNECTION:
            raise ValueError(f"{where}, which is not supported; there are {', '.join(sorted(_CONNECTION | _OWN))}")
        elif name in _NUMBERS:
            try:
                float(value)
            except ValueError:
                raise ValueError(f"{where}, expected a number") from None


def check_engine_kwargs(engine_kwargs: Any) -> dict[str, Any]:
    """TypeError for what `sqlalchemy.create_engine` does not know, ValueError for what would be another database."""
    if engine_kwargs is None:
        return {}
    _checks.named("`engine_kwargs`", engine_kwargs)
    _refuse("`engine_kwargs`", engine_kwargs, _ENGINE | {"connect_args"}, _ELSEWHERE)
    arguments = engine_kwargs.get("connect_args", {})
    _checks.named("`connect_args` in `engine_kwargs`", arguments)
    uri = {"uri"} if arguments.get("uri") else set()
    _refuse("`connect_args` in `engine_kwargs`", arguments, _CONNECTION | {"uri"}, {"factory"} | uri)
    for name in _NUMBERS & arguments.keys():
        _checks.number(f"`{name}` in `connect_args`", arguments[name])
    return engine_kwargs


def _refuse(what: str, given: Mapping[str, Any], known: frozenset[str], elsewhere: Any) -> None:
    for name in given:
        if name in elsewhere:
            raise ValueError(f"{what} has {name!r}, which is not supported: the engine opens the file by its path.")
        if name not in known:
            raise TypeError(f"{what} has {name!r}, which sqlalchemy.create_engine does not know for SQLite.")
