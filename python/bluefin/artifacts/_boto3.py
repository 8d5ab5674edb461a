# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
import shutil
from typing import Any
from typing import BinaryIO

from bluefin.artifacts.exceptions import ArtifactNotFound


class Boto3ArtifactStore:
    """Artifacts in a bucket of S3, or of what speaks its protocol. Needs the package ``boto3``.

    Args:
        bucket_name: The bucket.
        client: A client of boto3; None: the default one.
        avoid_buf_copy: Hands the file itself to boto3, which closes it, instead of a copy in memory.

    Raises:
        ImportError: boto3 is not installed.
    """

    def __init__(self, bucket_name: str, client: Any = None, *, avoid_buf_copy: bool = False) -> None:
        try:
            import boto3
            from botocore.exceptions import ClientError
        except ImportError as error:
            raise ImportError("Boto3ArtifactStore needs the package 'boto3': pip install boto3") from error
        self.bucket = bucket_name
        self.client = client or boto3.client("s3")
        self._client_error = ClientError
        self._avoid_buf_copy = avoid_buf_copy

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The object's bytes, for reading."""
        try:
            return self.client.get_object(Bucket=self.bucket, Key=artifact_id)["Body"]
        except self._client_error as error:
            code = error.response.get("Error", {}).get("Code")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if code == "NoSuchKey" or status == 404:
                raise ArtifactNotFound(f"There is no artifact {artifact_id!r} in bucket {self.bucket!r}.") from error
            raise

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Uploads the bytes."""
        source = content_body
        if not self._avoid_buf_copy:
            # boto3 closes what it is given (boto3 issue 929).
            source = io.BytesIO()
            shutil.copyfileobj(content_body, source)
            source.seek(0)
        self.client.upload_fileobj(source, self.bucket, artifact_id)

    def remove(self, artifact_id: str) -> None:
        """Deletes the object."""
        self.client.delete_object(Bucket=self.bucket, Key=artifact_id)
