# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import BinaryIO
from typing import Protocol


class ArtifactStore(Protocol):
    """Where the bytes are. Ids are made by `upload_artifact`. `ArtifactNotFound` when there is none of an id."""

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The bytes, for reading; the caller closes it."""

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keeps the bytes; whatever had this id is replaced."""

    def remove(self, artifact_id: str) -> None:
        """Deletes the bytes."""
