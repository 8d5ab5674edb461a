# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
from typing import Any
from typing import BinaryIO

from bluefin.artifacts.exceptions import ArtifactNotFound


class GCSArtifactStore:
    """Artifacts in a bucket of Google Cloud Storage. Needs the package ``google-cloud-storage``.

    Args:
        bucket_name: The bucket.
        client: A client of ``google.cloud.storage``; None: the default one.

    Raises:
        ImportError: google-cloud-storage is not installed.
    """

    def __init__(self, bucket_name: str, client: Any = None) -> None:
        try:
            import google.cloud.storage
        except ImportError as error:
            message = "GCSArtifactStore needs the package 'google-cloud-storage': pip install google-cloud-storage"
            raise ImportError(message) from error
        self.bucket_name = bucket_name
        self.client = client or google.cloud.storage.Client()
        self.bucket_obj = self.client.bucket(bucket_name)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The blob's bytes, for reading."""
        blob = self.bucket_obj.get_blob(artifact_id)
        if blob is None:
            raise ArtifactNotFound(f"There is no artifact {artifact_id!r} in bucket {self.bucket_name!r}.")
        return io.BytesIO(blob.download_as_bytes())

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Uploads the bytes."""
        self.bucket_obj.blob(artifact_id).upload_from_string(content_body.read())

    def remove(self, artifact_id: str) -> None:
        """Deletes the blob."""
        self.bucket_obj.delete_blob(artifact_id)
