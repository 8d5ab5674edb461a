# SPDX-License-Identifier: MIT
"""What samplers and pruners share: a name in the engine's registry, and options."""

from __future__ import annotations

import json
from typing import Any


class Configured:
    """A sampler or pruner of the engine. ``options`` are the engine's, which have the names of the arguments."""

    _name: str
    _options: dict[str, Any]

    def _texts(self) -> dict[str, str]:
        return {name: json.dumps(value) for name, value in self._options.items() if value is not None}

    @classmethod
    def _from_options(cls, options: dict[str, Any]) -> Any:
        return cls(**options)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._options.items())
        return f"{type(self).__name__}({arguments})"


def from_native(classes: tuple[type[Any], ...], name: str, texts: dict[str, str]) -> Any:
    """The object of the class with this registry name."""
    options = {key: json.loads(text) for key, text in texts.items()}
    for cls in classes:
        if cls._name == name:
            return cls._from_options(options)
    raise NotImplementedError(f"The study uses {name!r}, which has no Python class yet; pass your own.")
