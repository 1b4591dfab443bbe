"""Amazon S3 and everything that speaks its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import obstore
from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import AlreadyExistsError

from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import in_key_order, require_folder, require_name, require_range
from bagfill.storage.names import S3_NAMES, NameRules
from bagfill.storage.obstore_options import RequestLimits, obstore_holds
from bagfill.storage.obstore_reads import UNCLEAR
from bagfill.storage.resuming import resumed
from bagfill.storage.s3_client import open_clients
from bagfill.storage.s3_errors import code_and_status, store_error, translated
from bagfill.storage.s3_multipart import S3StagedWrite, open_multipart
from bagfill.storage.s3_reads import S3Reads
from bagfill.storage.s3_state import TIERING_CLASS, RestoreState, archive_state, parse_restore
from bagfill.storage.s3_thaw import request_restore
from bagfill.storage.store import AlreadyExists, ArchiveState, Capability, Created, ObjectInfo, ThawAnswer, ThawTier

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ObjectTypeDef


class S3Store:
    """A bucket. Reads and small writes go through obstore, everything else (and what obstore cannot) through boto3.

    Args:
        bucket: the bucket's name.
        access: endpoint and identity.
        location: the configured location's name.
        limits: bounds of single requests.
        restore_status_in_listing: whether listings tell restores; by default only AWS itself is trusted to.
        name_rules: narrower rules for a server that holds less than S3 does.

    Raises:
        StoreError: MISCONFIGURED, no usable credentials.
    """

    def __init__(
        self,
        bucket: str,
        access: S3Access,
        *,
        location: str,
        limits: RequestLimits | None = None,
        restore_status_in_listing: bool | None = None,
        name_rules: NameRules = S3_NAMES,
    ) -> None:
        self._bucket = bucket
        self._location = location
        self._name_rules = name_rules
        limits = limits or RequestLimits()
        self._client, self._obstore = open_clients(access, bucket, location=location, limits=limits)
        self._reads = S3Reads(self._client, self._obstore, bucket, self)
        tells = access.endpoint_url is None if restore_status_in_listing is None else restore_status_in_listing
        listing = {Capability.ARCHIVE_STATE_IN_LISTING} if tells else set()
        self._capabilities = frozenset({Capability.THAW} | listing)
        self._bucket_seen = False

    def __repr__(self) -> str:
        return f"S3Store({self._bucket!r}, location={self._location!r})"

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """THAW always (a server without archive tiers answers UNSUPPORTED); listings as configured."""
        return self._capabilities

    @property
    def name_rules(self) -> NameRules:
        """S3's, unless narrowed."""
        return self._name_rules

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`. ``None`` only for a 404 in a bucket that exists."""
        self._require_name(key, "stat")
        return self._stat(key)

    def _stat(self, key: str) -> ObjectInfo | None:
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key)
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
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`. An object of INTELLIGENT_TIERING costs a HEAD: no listing tells its tier."""
        require_folder(self._name_rules, prefix, location=self._location, operation="list")
        return self._list(prefix)

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        for page in self._pages(prefix, "list", {}):
            for entry in page.get("Contents", []):
                if entry.get("StorageClass") == TIERING_CLASS:
                    info = self._stat(entry["Key"])
                    if info is not None:
                        yield info
                else:
                    yield _listed(entry)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        require_folder(self._name_rules, prefix, location=self._location, operation="list folders")
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
            with translated(location=self._location, key=prefix, operation=operation):
                page = self._client.list_objects_v2(**arguments, OptionalObjectAttributes=["RestoreStatus"])
            self._bucket_seen = True
            yield page
            if not page.get("IsTruncated"):
                return
            token = page.get("NextContinuationToken")
            if not token:
                raise self._error(StoreFailure.UNAVAILABLE, prefix, operation, "a truncated page without a next one")
            arguments["ContinuationToken"] = token

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        self._require_name(key, "read")
        require_range(start, length)
        return resumed(self._reads.open, self, key, start=start, length=length, etag=etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        self._require_name(key, "create")
        if not obstore_holds(key):
            return self._create_boto3(key, data)
        try:
            # Bytes only: a stream would become an unconditional multipart upload.
            answer = obstore.put(self._obstore, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # obstore says so for any 409 too, so look: only an object that is there exists.
            if self._stat(key) is not None:
                return AlreadyExists()
            raise self._error(StoreFailure.CONFLICT, key, "create", "refused as existing, yet not there") from None
        except UNCLEAR:
            return self._create_boto3(key, data)
        return Created(etag=(answer["e_tag"] or "").strip('"'), version_id=answer["version"])

    def _create_boto3(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        try:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=key, Body=bytes(data), IfNoneMatch="*", ChecksumAlgorithm="SHA256"
            )
        except ClientError as error:
            _code, status = code_and_status(error)
            if status == 412 or (status == 409 and self._stat(key) is not None):
                return AlreadyExists()
            raise self._translate(error, key, "create") from None
        except BotoCoreError as error:
            raise self._translate(error, key, "create") from None
        request_id = answer["ResponseMetadata"].get("RequestId")
        return Created(etag=answer["ETag"].strip('"'), version_id=answer.get("VersionId"), request_id=request_id)

    def stage(self, key: str, *, token: str | None = None) -> S3StagedWrite:
        """See :meth:`ObjectStore.stage`."""
        self._require_name(key, "stage")
        return open_multipart(self._client, self._bucket, key, self, token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`."""
        self._require_name(key, "request thaw")
        return request_restore(self._client, self._bucket, key, self, tier, days)

    def close(self) -> None:
        """Close boto3's connections; obstore's go with the object."""
        self._client.close()

    def _require_bucket(self, key: str, operation: str) -> None:
        """HEAD's 404 has no body: tell a missing object from a missing bucket, once per store."""
        if self._bucket_seen:
            return
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            _code, status = code_and_status(error)
            if status == 404:
                raise self._error(StoreFailure.MISCONFIGURED, key, operation, "no such bucket, HTTP 404") from None
            raise self._translate(error, key, operation) from None
        except BotoCoreError as error:
            raise self._translate(error, key, operation) from None
        self._bucket_seen = True

    def _require_name(self, key: str, operation: str) -> None:
        require_name(self._name_rules, key, location=self._location, operation=operation)

    def _translate(self, error: Exception, key: str, operation: str) -> StoreError:
        return store_error(error, location=self._location, key=key, operation=operation)

    def _error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail=detail)


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
