# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
import time
from typing import BinaryIO
from typing import TYPE_CHECKING
from typing import TypeVar

from bluefin.artifacts.exceptions import ArtifactNotFound
from bluefin.logging import get_logger

if TYPE_CHECKING:
    from bluefin.artifacts._protocol import ArtifactStore

_logger = get_logger(__name__)
T = TypeVar("T")


class Backoff:
    """Another store, asked again when it fails, each time after a longer pause.

    Args:
        backend: The other store.
        max_retries: How often it is asked at most.
        multiplier: What a pause is multiplied with after each failure.
        min_delay: The first pause, in seconds.
        max_delay: The longest pause, in seconds.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        backend: ArtifactStore,
        *,
        max_retries: int = 10,
        multiplier: float = 2,
        min_delay: float = 0.1,
        max_delay: float = 30,
    ) -> None:
        if max_retries < 1 or multiplier <= 0 or not 0 < min_delay < max_delay:
            raise ValueError(
                "Expected max_retries >= 1, multiplier > 0 and 0 < min_delay < max_delay, but got "
                f"{max_retries}, {multiplier}, {min_delay} and {max_delay}."
            )
        self._backend = backend
        self._max_retries = max_retries
        self._multiplier = multiplier
        self._min_delay = min_delay
        self._max_delay = max_delay

    def _again(self, what: str, artifact_id: str, call: Callable[[], T]) -> T:
        for attempt in range(1, self._max_retries + 1):
            try:
                return call()
            except ArtifactNotFound:
                raise
            except Exception as error:
                if attempt == self._max_retries:
                    raise
                _logger.error(f"Failed to {what} artifact {artifact_id}, attempt {attempt}.", exc_info=error)
            time.sleep(min(self._min_delay * self._multiplier ** (attempt - 1), self._max_delay))
        raise AssertionError("the loop returns or raises")

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The bytes, for reading."""
        return self._again("open", artifact_id, lambda: self._backend.open_reader(artifact_id))

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keeps the bytes; each attempt begins at their beginning."""
        begin = content_body.tell()

        def write() -> None:
            content_body.seek(begin)
            self._backend.write(artifact_id, content_body)

        self._again("write", artifact_id, write)

    def remove(self, artifact_id: str) -> None:
        """Deletes the bytes."""
        self._again("delete", artifact_id, lambda: self._backend.remove(artifact_id))
