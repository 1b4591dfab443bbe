"""S3 through boto3: all but the plain reads and small writes that obstore does with less work.

Loaded when first needed: that costs up to half a second of processor time, and most tasks only read and create.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import in_key_order
from bagfill.storage.resuming import OpenRange
from bagfill.storage.s3_errors import code_and_status, store_error, translated
from bagfill.storage.s3_multipart import S3StagedWrite, open_multipart
from bagfill.storage.s3_reads import S3Reads
from bagfill.storage.s3_state import TIERING_CLASS, RestoreState, archive_state, parse_restore
from bagfill.storage.s3_thaw import request_restore
from bagfill.storage.store import AlreadyExists, ArchiveState, Created, ObjectInfo, ObjectStore, ThawAnswer, ThawTier

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ListObjectsV2OutputTypeDef, ObjectTypeDef


class S3Sdk:
    """boto3's part of an :class:`S3Store`; names were checked by it.

    Args:
        client: boto3's.
        bucket: the bucket.
        store: the store this is a part of.
    """

    def __init__(self, client: S3Client, bucket: str, store: ObjectStore) -> None:
        self.client = client
        self._bucket = bucket
        self._store = store
        self._reads = S3Reads(client, bucket, store)
        self._bucket_seen = False

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`. ``None`` only for a 404 in a bucket that exists."""
        try:
            head = self.client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            code, status = code_and_status(error)
            if status == 404 and code in {"404", "NoSuchKey", "NotFound"}:
                self._require_bucket(key, "stat")
                return None
            raise self._translate(error, key, "stat") from None
        except BotoCoreError as error:
            raise self._translate(error, key, "stat") from None
        self._bucket_seen = True
        storage_class = str(head.get("StorageClass", "STANDARD"))
        restore = parse_restore(head.get("Restore"))
        now = datetime.now(UTC)
        state = archive_state(storage_class, restore, archive_status=head.get("ArchiveStatus", ""), now=now)
        return ObjectInfo(
            key=key,
            size=head["ContentLength"],
            etag=head["ETag"].strip('"'),
            storage_class=storage_class,
            archive=state,
            readable_until=restore.expires_at if restore and state is ArchiveState.THAWED else None,
            last_modified=head.get("LastModified"),
            version_id=head.get("VersionId"),
            crc=_whole_crc(head),
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`."""
        for page in self._pages(prefix, "list", {}):
            for entry in page.get("Contents", []):
                if entry.get("StorageClass") == TIERING_CLASS:
                    info = self.stat(entry["Key"])
                    if info is not None:
                        yield info
                else:
                    yield _listed(entry)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        pages = self._pages(prefix, "list folders", {"Delimiter": "/"})
        folders = {
            common["Prefix"][len(prefix) :].removesuffix("/")
            for page in pages
            for common in page.get("CommonPrefixes", [])
        }
        return iter(in_key_order(list(folders)))

    def _pages(self, prefix: str, operation: str, extra: Mapping[str, Any]) -> Iterator[ListObjectsV2OutputTypeDef]:
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, **extra}
        while True:
            with translated(location=self._store.location, key=prefix, operation=operation):
                page = self.client.list_objects_v2(**arguments, OptionalObjectAttributes=["RestoreStatus"])
            self._bucket_seen = True
            yield page
            if not page.get("IsTruncated"):
                return
            token = page.get("NextContinuationToken")
            if not token:
                raise self._error(StoreFailure.UNAVAILABLE, prefix, operation, "a truncated page without a next one")
            arguments["ContinuationToken"] = token

    def open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        """Open the body of a range of at least one byte; tells failures apart. Raises StoreError."""
        return self._reads.open(key, start, length, etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        try:
            answer = self.client.put_object(
                Bucket=self._bucket, Key=key, Body=bytes(data), IfNoneMatch="*", ChecksumAlgorithm="SHA256"
            )
        except ClientError as error:
            _code, status = code_and_status(error)
            if status == 412 or (status == 409 and self.stat(key) is not None):
                return AlreadyExists()
            raise self._translate(error, key, "create") from None
        except BotoCoreError as error:
            raise self._translate(error, key, "create") from None
        request_id = answer["ResponseMetadata"].get("RequestId")
        return Created(etag=answer["ETag"].strip('"'), version_id=answer.get("VersionId"), request_id=request_id)

    def stage(self, key: str, token: str | None) -> S3StagedWrite:
        """See :meth:`ObjectStore.stage`."""
        return open_multipart(self.client, self._bucket, key, self._store, token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`."""
        return request_restore(self.client, self._bucket, key, self._store, tier, days)

    def close(self) -> None:
        """Close boto3's connections."""
        self.client.close()

    def _require_bucket(self, key: str, operation: str) -> None:
        """HEAD's 404 has no body: tell a missing object from a missing bucket, once per store."""
        if self._bucket_seen:
            return
        try:
            self.client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            _code, status = code_and_status(error)
            if status == 404:
                raise self._error(StoreFailure.MISCONFIGURED, key, operation, "no such bucket, HTTP 404") from None
            raise self._translate(error, key, operation) from None
        except BotoCoreError as error:
            raise self._translate(error, key, operation) from None
        self._bucket_seen = True

    def _translate(self, error: Exception, key: str, operation: str) -> StoreError:
        return store_error(error, location=self._store.location, key=key, operation=operation)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=key, operation=operation, detail=detail)


def _whole_crc(head: HeadObjectOutputTypeDef) -> Crc64 | None:
    """S3 keeps CRC-64/NVME of whole objects only; a server that says COMPOSITE means something else by it."""
    text = head.get("ChecksumCRC64NVME")
    if not text or head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    try:
        return Crc64.from_s3(text, head["ContentLength"])
    except ValueError:
        return None


def _listed(entry: ObjectTypeDef) -> ObjectInfo:
    storage_class = str(entry.get("StorageClass", "STANDARD"))
    status = entry.get("RestoreStatus")
    restore = None
    if status is not None:
        restore = RestoreState(status.get("IsRestoreInProgress", False), status.get("RestoreExpiryDate"))
        if not restore.ongoing and restore.expires_at is None:
            restore = None
    state = archive_state(storage_class, restore, now=datetime.now(UTC))
    return ObjectInfo(
        key=entry["Key"],
        size=entry["Size"],
        etag=entry["ETag"].strip('"'),
        storage_class=storage_class,
        archive=state,
        readable_until=restore.expires_at if restore and state is ArchiveState.THAWED else None,
        last_modified=entry.get("LastModified"),
    )
