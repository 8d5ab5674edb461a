# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bluefin.study._direction import StudyDirection


class FrozenStudy:
    """A study as a value: what `BaseStorage.get_all_studies` returns.

    Args:
        study_name: Name of the study.
        direction: Direction of a single objective; not together with ``directions``.
        user_attrs: Attributes of the user.
        system_attrs: Attributes of samplers, pruners and tools.
        study_id: Key of the study in its storage.
        directions: One direction per objective.
    """

    def __init__(
        self,
        study_name: str,
        direction: StudyDirection | None,
        user_attrs: dict[str, Any],
        system_attrs: dict[str, Any],
        study_id: int,
        *,
        directions: Sequence[StudyDirection] | None = None,
    ) -> None:
        if (direction is None) == (directions is None):
            raise ValueError("Specify one of `direction` and `directions`.")
        self.study_name = study_name
        self._directions = [direction] if directions is None else list(directions)
        self.user_attrs = user_attrs
        self.system_attrs = system_attrs
        self._study_id = study_id

    @property
    def direction(self) -> StudyDirection:
        """Direction of a single objective; RuntimeError when there are several."""
        if len(self._directions) > 1:
            raise RuntimeError("This attribute is not available during multi-objective optimization.")
        return self._directions[0]  # type: ignore[return-value]

    @property
    def directions(self) -> list[StudyDirection]:
        """One direction per objective."""
        return self._directions  # type: ignore[return-value]

    def __eq__(self, other: Any) -> bool:
        return self.__dict__ == other.__dict__ if isinstance(other, FrozenStudy) else NotImplemented

    def __lt__(self, other: Any) -> bool:
        return self._study_id < other._study_id if isinstance(other, FrozenStudy) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self._study_id <= other._study_id if isinstance(other, FrozenStudy) else NotImplemented

    def __repr__(self) -> str:
        fields = ", ".join(f"{name.lstrip('_')}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"
