# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
from pathlib import Path
import shutil
from typing import BinaryIO

from bluefin.artifacts.exceptions import ArtifactNotFound


class FileSystemArtifactStore:
    """Artifacts as files of one folder, named by their ids.

    Args:
        base_path: The folder; it has to exist.
    """

    def __init__(self, base_path: str | Path) -> None:
        self._base_path = Path(base_path)

    def _path(self, artifact_id: str) -> Path:
        # An id may come from a study that somebody sent: it must not lead out of the folder.
        base = os.path.abspath(self._base_path)
        path = os.path.abspath(os.path.join(base, artifact_id))
        if os.path.isabs(artifact_id) or os.path.commonpath([base, path]) != base:
            raise ValueError(f"Invalid artifact_id: {artifact_id}")
        return Path(path)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The file, for reading."""
        try:
            return open(self._path(artifact_id), "rb")
        except FileNotFoundError as error:
            raise ArtifactNotFound(f"There is no artifact {artifact_id!r} in {self._base_path}.") from error

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Copies the bytes into the file."""
        with open(self._path(artifact_id), "wb") as file:
            shutil.copyfileobj(content_body, file)

    def remove(self, artifact_id: str) -> None:
        """Deletes the file."""
        try:
            os.remove(self._path(artifact_id))
        except FileNotFoundError as error:
            raise ArtifactNotFound(f"There is no artifact {artifact_id!r} in {self._base_path}.") from error
