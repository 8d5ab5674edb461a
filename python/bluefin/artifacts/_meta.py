# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import asdict
from dataclasses import dataclass
import json
import mimetypes
import os
import shutil
from typing import Any
from typing import TYPE_CHECKING
import uuid

from bluefin._warnings import positional_once
from bluefin.study import Study
from bluefin.trial import FrozenTrial
from bluefin.trial import Trial

if TYPE_CHECKING:
    from bluefin.artifacts._protocol import ArtifactStore
    from bluefin.storages import BaseStorage

_PREFIX = "artifacts:"


@dataclass
class ArtifactMeta:
    """What is known of an artifact.

    Attributes:
        artifact_id: Its name in the store.
        filename: The name of the file that was uploaded, without its folder.
        mimetype: E.g. ``image/png``; ``application/octet-stream`` where nobody knows.
        encoding: E.g. ``gzip``, or None.
    """

    artifact_id: str
    filename: str
    mimetype: str
    encoding: str | None


@positional_once(("study_or_trial", "file_path", "artifact_store"), since="4.0.0", removed_in="6.0.0")
def upload_artifact(
    *,
    artifact_store: ArtifactStore,
    file_path: str,
    study_or_trial: Trial | FrozenTrial | Study,
    storage: BaseStorage | None = None,
    mimetype: str | None = None,
    encoding: str | None = None,
) -> str:
    """Keeps a file with a study or a trial, and returns the id that it gets.

    Args:
        artifact_store: Where the bytes go.
        file_path: The file.
        study_or_trial: What it belongs to.
        storage: The storage of a `FrozenTrial`, which does not know its own.
        mimetype: None: guessed from the file's name.
        encoding: None: guessed from the file's name.

    Raises:
        ValueError: No storage was given for a `FrozenTrial`.
        OSError: The file cannot be read.
    """
    storage = _storage_of(study_or_trial, storage)
    filename = os.path.basename(file_path)
    guessed_type, guessed_encoding = mimetypes.guess_type(filename)
    meta = ArtifactMeta(
        artifact_id=str(uuid.uuid4()),
        filename=filename,
        mimetype=mimetype or guessed_type or "application/octet-stream",
        encoding=encoding or guessed_encoding,
    )
    # The bytes first: what a study says it has must be there.
    with open(file_path, "rb") as file:
        artifact_store.write(meta.artifact_id, file)
    key, text = _PREFIX + meta.artifact_id, json.dumps(asdict(meta))
    if isinstance(study_or_trial, Study):
        storage.set_study_system_attr(study_or_trial._study_id, key, text)
    else:
        storage.set_trial_system_attr(study_or_trial._trial_id, key, text)
    return meta.artifact_id


def get_all_artifact_meta(
    study_or_trial: Trial | FrozenTrial | Study, *, storage: BaseStorage | None = None
) -> list[ArtifactMeta]:
    """The artifacts of a study itself (not those of its trials) or of a trial.

    Args:
        study_or_trial: What they belong to.
        storage: The storage of a `FrozenTrial`, which does not know its own.

    Raises:
        ValueError: No storage was given for a `FrozenTrial`.
    """
    storage = _storage_of(study_or_trial, storage)
    if isinstance(study_or_trial, Study):
        attributes = storage.get_study_system_attrs(study_or_trial._study_id)
    else:
        attributes = storage.get_trial_system_attrs(study_or_trial._trial_id)
    return [_from_text(text) for key, text in attributes.items() if key.startswith(_PREFIX)]


def download_artifact(*, artifact_store: ArtifactStore, file_path: str, artifact_id: str) -> None:
    """Writes an artifact into a new file.

    Raises:
        FileExistsError: The file exists.
        ArtifactNotFound: The store has no artifact of this id.
    """
    if os.path.exists(file_path):
        raise FileExistsError(f"File already exists: {file_path}")
    with artifact_store.open_reader(artifact_id) as reader, open(file_path, "xb") as writer:
        shutil.copyfileobj(reader, writer)


def _storage_of(owner: Any, storage: BaseStorage | None) -> BaseStorage:
    if storage is not None:
        return storage
    if isinstance(owner, Study):
        return owner._storage
    if isinstance(owner, Trial) and owner.study is not None:
        return owner.study._storage
    raise ValueError("storage is required for FrozenTrial.")


def _from_text(text: str) -> ArtifactMeta:
    fields = json.loads(text)
    return ArtifactMeta(fields["artifact_id"], fields["filename"], fields["mimetype"], fields["encoding"])
