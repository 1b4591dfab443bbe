"""Removing a cached answer: the one thing Bagfill ever deletes, in a bucket that holds nothing but such."""

from __future__ import annotations

from typing import Any

from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3_client import aws_client, boto3_session, usable
from bagfill.storage.s3_errors import translated


class S3ResponseCache:
    """See :class:`bagfill.registry.storage_service.aftermath.ResponseCache`.

    Args:
        bucket: of cached answers alone.
        access: identity.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(self, bucket: str, access: S3Access) -> None:
        self._bucket = bucket
        with usable(bucket):
            self._client: Any = aws_client("s3", boto3_session(access), access, RequestLimits())

    def forget(self, key: str) -> None:
        """See :meth:`ResponseCache.forget`."""
        with translated(location=self._bucket, key=key, operation="forget"):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
