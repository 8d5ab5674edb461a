# SPDX-License-Identifier: MIT
"""Values between Python and the native engine, which keeps attributes as JSON and choices as plain values.

A storage in memory also takes attributes and choices of any other type (a fitted model, a tuple): the object stays in
an `ObjectTable` of that storage, and the engine holds its place.
"""

from __future__ import annotations

from collections.abc import Sequence
import copy
import json
import threading
from typing import Any

_PLACE = "\x00object:"  # no text of a user begins so
_PLACE_JSON = json.dumps(_PLACE)[:-1]
_PLAIN = (type(None), bool, int, float, str)


class ObjectTable:
    """The objects of one storage in memory, by place. With ``json_only`` attributes must be what JSON can hold."""

    def __init__(self, json_only: bool = False) -> None:
        self.json_only = json_only
        self._objects: list[Any] = []
        self._lock = threading.Lock()

    def put(self, value: Any) -> str:
        """Keeps an object; returns its place."""
        with self._lock:
            self._objects.append(value)
            return f"{_PLACE}{len(self._objects) - 1}"

    def put_equal(self, value: Any) -> str:
        """The place of an equal object, which is kept if it is new: choices are compared by their values."""
        with self._lock:
            for index, known in enumerate(self._objects):
                if type(known) is type(value) and bool(known == value):
                    return f"{_PLACE}{index}"
            self._objects.append(value)
            return f"{_PLACE}{len(self._objects) - 1}"

    def get(self, value: Any) -> Any:
        """The object behind a place; any other value is returned as it is."""
        if isinstance(value, str) and value.startswith(_PLACE):
            return self._objects[int(value[len(_PLACE) :])]
        return value


def dumps(key: str, value: Any, table: ObjectTable | None) -> str:
    """An attribute's value as JSON text. TypeError names the key of a value that the storage cannot hold."""
    in_table = table is not None and type(value) not in _PLAIN
    if table is None or table.json_only or not in_table:
        try:
            text = json.dumps(value)
        except TypeError as error:
            raise TypeError(f"The value of attribute {key!r} cannot be stored: {error}") from error
    return json.dumps(table.put(value)) if table is not None and in_table else text


def loads(text: str, table: ObjectTable | None) -> Any:
    """An attribute's value from JSON text."""
    if table is not None and text.startswith(_PLACE_JSON):
        return copy.deepcopy(table.get(json.loads(text)))
    return json.loads(text)


def load_attributes(texts: dict[str, str], table: ObjectTable | None) -> dict[str, Any]:
    attributes = {key: loads(text, table) for key, text in texts.items()}
    if table is not None and isinstance(attributes.get("fixed_params"), dict):
        attributes["fixed_params"] = {k: table.get(v) for k, v in attributes["fixed_params"].items()}
    return attributes


def plain_choice(name: str, choice: Any, table: ObjectTable | None) -> Any:
    """A choice as the engine takes it. TypeError names the parameter of one that the storage cannot hold."""
    if choice is None or isinstance(choice, (bool, int, float, str)):
        return choice
    if getattr(choice, "ndim", None) == 0 and callable(getattr(choice, "item", None)):
        scalar = choice.item()  # of NumPy or PyTorch
        if isinstance(scalar, (bool, int, float, str)):
            return scalar
    if table is None:
        raise TypeError(
            f"Parameter {name!r}: {choice!r} is of type {type(choice).__name__}; this storage holds None, bool, int, "
            "float and str."
        )
    return table.put_equal(choice)


def plain_distribution(name: str, distribution: Any, table: ObjectTable | None) -> Any:
    """A distribution whose choices the engine can take."""
    if getattr(distribution, "choices", None) is None:
        return distribution
    plain = copy.copy(distribution)
    plain.choices = tuple(plain_choices(name, distribution.choices, table))
    return plain


def original_distribution(distribution: Any, table: ObjectTable | None) -> Any:
    """The reverse of `plain_distribution`; may change its argument."""
    if table is not None and getattr(distribution, "choices", None) is not None:
        distribution.choices = tuple(table.get(choice) for choice in distribution.choices)
    return distribution


def plain_choices(name: str, choices: Sequence[Any], table: ObjectTable | None) -> list[Any]:
    return [plain_choice(name, choice, table) for choice in choices]
