# SPDX-License-Identifier: MIT
"""Values between Python and the native engine, which keeps attributes as JSON and choices as plain values.

A study in memory also takes attributes and choices of any other type (a fitted model, a tuple): the object stays in the
`Objects` of that study, and the engine holds its place.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
import copy
import json
import os
import threading
from typing import Any

from bluefin import _checks
from bluefin import _native
from bluefin.exceptions import UpdateFinishedTrialError

_PLACE = f"\x00object:{os.urandom(16).hex()}:"  # no text of a user begins so
_PLACE_JSON = json.dumps(_PLACE)[:-1]
PLAIN = (type(None), bool, int, float, str)


class Objects:
    """The objects of one study, by place. With ``json_only`` attributes must be what JSON can hold.

    An attribute that is overwritten keeps its place, so that the engine never holds the place of an object that is
    gone, however late it reads what has changed.
    """

    def __init__(self, json_only: bool = False) -> None:
        self.json_only = json_only
        self._values: dict[int, Any] = {}
        self._choices: dict[str, list[int]] = {}  # places by parameter
        # What a parameter's plain values are of, where that is a subclass or a scalar of NumPy.
        self._typed: dict[str, dict[tuple[type[Any], Any], Any]] = {}
        self._next = 0
        self._lock = threading.RLock()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._values or self._typed)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._choices.clear()
            self._typed.clear()

    def get(self, value: Any) -> Any:
        """The object behind a place; any other value is returned as it is."""
        place = _place_of(value)
        return value if place is None else self._values.get(place)

    # --- attributes --------------------------------------------------------------------------------------------------

    def text(self, key: str, value: Any) -> str:
        """The text of a new attribute. TypeError names the key of a value that the storage cannot hold."""
        if self.json_only or type(value) in PLAIN:
            try:
                return dumps(key, value)
            except ValueError:  # a lone surrogate
                if self.json_only:
                    raise
        return json.dumps(self._put(value))

    def write(self, key: str, value: Any, known: Callable[[], str | None], write: Callable[[str], Any]) -> None:
        """Sets an attribute that may exist: ``known`` gives its present text, ``write`` takes the new one."""
        text = known() if self._values else None
        place = None if text is None else _place_in(text)
        if text is None or place is None or place not in self._values:
            text = self.text(key, value)
            try:
                write(text)
            except UpdateFinishedTrialError:
                self.discard([text])
                raise
            return
        before = self._values[place]
        self._values[place] = value  # first: the storage may be told at once
        try:
            write(text)
        except UpdateFinishedTrialError:
            self._values[place] = before
            raise

    def discard(self, texts: Iterable[str]) -> None:
        """Forgets the objects of attributes with these texts."""
        with self._lock:
            for text in texts:
                place = _place_in(text)
                if place is not None:
                    self._values.pop(place, None)

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Forgets what was kept inside when that fails."""
        with self._lock:
            first = self._next
            try:
                yield
            except BaseException:
                for place in range(first, self._next):
                    self._values.pop(place, None)
                raise

    def _put(self, value: Any) -> str:
        with self._lock:
            self._values[self._next] = value
            self._next += 1
            return f"{_PLACE}{self._next - 1}"

    # --- choices -----------------------------------------------------------------------------------------------------

    def choice(self, name: str, value: Any) -> str:
        """The place of a choice of a parameter, one for all equal ones: choices are compared by their values."""
        with self._lock:
            places = self._choices.setdefault(name, [])
            for place in places:
                if place in self._values and _equal(self._values[place], value):
                    return f"{_PLACE}{place}"
            places.append(self._next)
            return self._put(value)

    def keep_type(self, name: str, plain: Any, value: Any) -> None:
        """Of a choice that the engine has as an equal plain value, as that of a member of a ``str`` enumeration. Who
        reads a trial gets what the parameter had first for it."""
        if not self.json_only:
            with self._lock:
                self._typed.setdefault(name, {}).setdefault((type(plain), plain), value)

    def original(self, name: str, value: Any) -> Any:
        """The choice of a parameter that the engine has as this value."""
        typed = self._typed.get(name) if self._typed else None
        if typed is not None and (type(value), value) in typed:
            return typed[type(value), value]
        return self.get(value)

    def readable(self, text: str) -> str:
        """A message of the engine with the objects in it instead of their places."""
        for place in sorted({p for places in self._choices.values() for p in places}, reverse=True):
            shown = f"'{_PLACE}{place}'".replace("\x00", "\\x00")
            text = text.replace(shown, repr(self._values.get(place)))
        return text


def _place_of(value: Any) -> int | None:
    return int(value[len(_PLACE) :]) if isinstance(value, str) and value.startswith(_PLACE) else None


def _place_in(text: str) -> int | None:
    return _place_of(json.loads(text)) if text.startswith(_PLACE_JSON) else None


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        return type(a) is type(b) and bool(a == b)
    except Exception:  # an array, say
        return False


def dumps(key: str, value: Any) -> str:
    """An attribute's value as JSON text. TypeError names the key of a value that JSON cannot hold, ValueError that of
    text that is not Unicode: readers other than Python's would refuse it, and with it the study."""
    try:
        text = json.dumps(value)
    except TypeError as error:
        raise TypeError(f"The value of attribute {key!r} cannot be stored: {error}") from error
    if "\\ud" in text:  # half of a character, which is fine beside the other half
        try:
            json.dumps(json.loads(text), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"The value of attribute {key!r} cannot be stored: {error}") from error
    return text


def write_attribute(
    key: str, value: Any, objects: Objects | None, known: Callable[[], str | None], write: Callable[[str], Any]
) -> None:
    """See `Objects.write`."""
    _checks.text("`key`", key)
    if objects is None:
        write(dumps(key, value))
    else:
        objects.write(key, value, known, write)


def attribute_text(key: str, value: Any, objects: Objects | None) -> str:
    """The text of a new attribute."""
    return dumps(key, value) if objects is None else objects.text(key, value)


def loads(text: str, objects: Objects | None) -> Any:
    """An attribute's value from its text; an object is the very one that was set."""
    if objects is not None and text.startswith(_PLACE_JSON):
        return objects.get(json.loads(text))
    return json.loads(text)


def load_attributes(texts: dict[str, str], objects: Objects | None) -> dict[str, Any]:
    attributes = {key: loads(text, objects) for key, text in texts.items()}
    if objects and isinstance(attributes.get("fixed_params"), dict):
        attributes["fixed_params"] = {k: objects.original(k, v) for k, v in attributes["fixed_params"].items()}
    return attributes


def plain_choice(name: str, choice: Any, objects: Objects | None) -> Any:
    """A choice as the engine takes it. TypeError names the parameter of one that the storage cannot hold."""
    if type(choice) not in PLAIN:
        plain = _plain_value(choice)
        if plain is not None:
            return plain_choice(name, plain, objects)
    if isinstance(choice, str):
        return choice if choice.isascii() else _plain_text(name, choice, objects)
    if _is_structured(choice):
        return objects.choice(name, choice) if objects is not None else _json_choice(name, choice)
    if choice is None or isinstance(choice, (bool, int, float)):
        return choice
    if objects is None:
        raise TypeError(
            f"Parameter {name!r}: {choice!r} is of type {type(choice).__name__}; this storage holds None, bool, int, "
            "float and str, and lists and dicts of them."
        )
    return objects.choice(name, choice)


def _plain_value(choice: Any) -> bool | int | float | str | None:
    """The value of a subclass of a plain type, or of a scalar of NumPy or PyTorch; None: it is neither."""
    if getattr(choice, "ndim", None) == 0 and callable(getattr(choice, "item", None)):
        scalar = choice.item()
        return scalar if type(scalar) in PLAIN else None
    if isinstance(choice, str):
        return str.__str__(choice)
    if isinstance(choice, int):
        return int.__pos__(choice)
    return float.__pos__(choice) if isinstance(choice, float) else None


def _is_structured(choice: Any) -> bool:
    """Whether JSON holds the choice and none of the engine's plain values does."""
    if isinstance(choice, int):
        return not -(2**63) <= choice < 2**63
    return isinstance(choice, (list, tuple, dict))


def _json_choice(name: str, choice: Any) -> Any:
    try:
        text = json.dumps(choice)
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:  # ValueError: a lone surrogate
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"Parameter {name!r}: the choice {choice!r} cannot be stored: {error}") from error
    return choice


def names_an_object(message: str) -> bool:
    """Whether a message of the engine shows the name that stands for an object of the user's."""
    return _PLACE[1:] in message


def native_choice(plain: Any) -> Any:
    """What `plain_choice` has given, in the engine's types."""
    return _native.JsonChoice(json.dumps(plain)) if _is_structured(plain) else plain


def _plain_text(name: str, choice: str, objects: Objects | None) -> str:
    try:
        choice.encode()
    except UnicodeEncodeError as error:
        if objects is None or objects.json_only:
            raise ValueError(f"Parameter {name!r}: the choice {choice!r} cannot be stored: {error}") from error
        return objects.choice(name, choice)
    return choice


def plain_distribution(name: str, distribution: Any, objects: Objects | None) -> Any:
    """A distribution whose choices the engine can take."""
    if getattr(distribution, "choices", None) is None:
        return distribution
    plain = copy.copy(distribution)
    plain.choices = tuple(plain_choices(name, distribution.choices, objects))
    return plain


def original_distribution(name: str, distribution: Any, objects: Objects | None) -> Any:
    """The reverse of `plain_distribution`; may change its argument."""
    if objects and getattr(distribution, "choices", None) is not None:
        distribution.choices = tuple(objects.original(name, choice) for choice in distribution.choices)
    return distribution


def plain_choices(name: str, choices: Sequence[Any], objects: Objects | None) -> list[Any]:
    """All choices of a parameter. Who reads its trials gets those of other types as they are here."""
    plain = [plain_choice(name, choice, objects) for choice in choices]
    if objects is not None:
        for value, choice in zip(plain, choices):
            if type(choice) is not type(value) and _place_of(value) is None:
                objects.keep_type(name, value, choice)
    return plain
