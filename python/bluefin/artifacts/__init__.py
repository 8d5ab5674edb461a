# SPDX-License-Identifier: MIT
"""Files that belong to a study or a trial: models, pictures, logs. The storage keeps what they are, a store the bytes.

The attributes are Optuna's, so optuna-dashboard shows the files.
"""

from bluefin.artifacts._backoff import Backoff
from bluefin.artifacts._boto3 import Boto3ArtifactStore
from bluefin.artifacts._filesystem import FileSystemArtifactStore
from bluefin.artifacts._gcs import GCSArtifactStore
from bluefin.artifacts._meta import ArtifactMeta
from bluefin.artifacts._meta import download_artifact
from bluefin.artifacts._meta import get_all_artifact_meta
from bluefin.artifacts._meta import upload_artifact

__all__ = [
    "ArtifactMeta",
    "Backoff",
    "Boto3ArtifactStore",
    "FileSystemArtifactStore",
    "GCSArtifactStore",
    "download_artifact",
    "get_all_artifact_meta",
    "upload_artifact",
]
