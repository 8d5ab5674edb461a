# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class History:
    """The COMPLETE and PRUNED trials of a study as columns, one row each, in the order in which they finished.

    A snapshot: later trials are not in it. The arrays are read-only views of the engine's own memory (but for the times
    nothing is copied) and stay valid as long as they are used. n is the number of rows.

    Attributes:
        numbers: [n] int32, the trials' numbers.
        states: [n] uint8, `TrialState` COMPLETE or PRUNED.
        losses: For each objective [n] float64, lower is better: the values of an objective that is maximised with their
            sign flipped. Of a PRUNED trial the last report, NaN where it has none or there are several objectives.
        values: The same with the signs of the values.
        violations: [n] float64, the sum of the violated constraints; NaN where a trial has no constraints.
        params: Parameter to [n] float64, NaN where a trial has no such parameter; of a categorical one the index of its
            choice.
        datetime_start: [n] datetime64[us], local times as in `FrozenTrial`; NaT where there is none.
        datetime_complete: The same of their ends.
    """

    def __init__(self, native: Any, signs: list[float]) -> None:
        self._native = native
        self._signs = signs
        self.numbers = _array(native.numbers())
        self.states = _array(native.states())
        self.losses = tuple(_array(native.loss(k)) for k in range(len(signs)))
        self.violations = _array(native.violations())
        self.params = _Params(native)

    def __len__(self) -> int:
        return self._native.size()

    @cached_property
    def datetime_start(self) -> np.ndarray:
        return _times(self._native.datetime_start())

    @cached_property
    def datetime_complete(self) -> np.ndarray:
        return _times(self._native.datetime_complete())

    @property
    def values(self) -> tuple[np.ndarray, ...]:
        """For each objective [n] float64 in the study's own sign; a copy where the objective is maximised."""
        return tuple(loss if sign > 0 else _frozen(-loss) for loss, sign in zip(self.losses, self._signs))


class _Params(Mapping[str, Any]):
    def __init__(self, native: Any) -> None:
        self._native = native
        self._names = native.param_names()

    def __getitem__(self, name: str) -> np.ndarray:
        return _array(self._native.param(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _array(column: Any) -> np.ndarray:
    try:
        import numpy as np
    except ImportError as error:
        raise ImportError("Study.history needs the package 'numpy': pip install numpy") from error
    return np.asarray(column)


def _times(data: bytes) -> np.ndarray:
    import numpy as np

    return np.frombuffer(data, dtype="datetime64[us]")


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
