"""S3's answers for ``bagfill doctor``.

How it asks without leaving anything: a write carries the checksum of other bytes, which S3 refuses after it has looked
at permissions; a delete names version ``null`` of a key that never was, which makes no delete marker.
Sources: Amazon S3 API reference; "How Amazon S3 works with IAM" (which action a call needs).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.probe import BucketFacts, Outcome, Seen, one_of
from bagfill.storage.s3_client import aws_client, boto3_session, usable
from bagfill.storage.s3_errors import code_and_status
from bagfill.storage.s3_probe_facts import bucket_facts
from bagfill.storage.s3_state import ARCHIVE_CLASSES

_BY_CODE = {
    "NoSuchBucket": Outcome.NO_BUCKET,
    "NoSuchKey": Outcome.ABSENT,
    "NoSuchVersion": Outcome.ABSENT,
    "NotFound": Outcome.ABSENT,
    "404": Outcome.ABSENT,
    "AccessDenied": Outcome.REFUSED,
    "AllAccessDisabled": Outcome.REFUSED,
    "403": Outcome.REFUSED,
    "SignatureDoesNotMatch": Outcome.UNAUTHENTICATED,
    "InvalidAccessKeyId": Outcome.UNAUTHENTICATED,
    "ExpiredToken": Outcome.UNAUTHENTICATED,
    "InvalidToken": Outcome.UNAUTHENTICATED,
    "TokenRefreshRequired": Outcome.UNAUTHENTICATED,
    "RequestTimeTooSkewed": Outcome.CLOCK,
    "PermanentRedirect": Outcome.OTHER_REGION,
    "AuthorizationHeaderMalformed": Outcome.OTHER_REGION,
    "IllegalLocationConstraintException": Outcome.OTHER_REGION,
    "301": Outcome.OTHER_REGION,
    "BadDigest": Outcome.CHECKSUM,
    "InvalidDigest": Outcome.CHECKSUM,
    "XAmzContentChecksumMismatch": Outcome.CHECKSUM,
    "PreconditionFailed": Outcome.PRECONDITION,
    "412": Outcome.PRECONDITION,
    "InvalidObjectState": Outcome.ARCHIVED,
    "MethodNotAllowed": Outcome.UNSUPPORTED,
    "NotImplemented": Outcome.UNSUPPORTED,
}
_UNSET = (
    "NoSuchLifecycleConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "NoSuchObjectLockConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
)
_BY_STATUS = {
    301: Outcome.OTHER_REGION,
    401: Outcome.UNAUTHENTICATED,
    403: Outcome.REFUSED,
    404: Outcome.ABSENT,
    405: Outcome.UNSUPPORTED,
    412: Outcome.PRECONDITION,
    501: Outcome.UNSUPPORTED,
}
_LIMITS = RequestLimits(attempts=2, connect_seconds=5, read_seconds=20, connections=2)
_OTHER_BYTES = hashlib.sha256(b"other bytes than those that are sent").digest()


class S3Probe:
    """A bucket, for one identity; see :class:`bagfill.storage.probe.Probe`.

    Args:
        bucket: its name.
        access: endpoint and identity.
        location: the configured location's name, for errors.

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
    """

    def __init__(self, bucket: str, access: S3Access, *, location: str) -> None:
        self._bucket = bucket
        self._access = access
        self._is_aws = access.endpoint_url is None
        with usable(location):
            session = boto3_session(access)
            self._client: Any = aws_client("s3", session, access, _LIMITS)
        # botocore would follow a bucket into its region by itself, and hide that the settings name another.
        self._client.meta.events.register_last("before-parameter-build.s3", _stay)

    @property
    def endpoint(self) -> str:
        """See :attr:`Probe.endpoint`."""
        return str(self._client.meta.endpoint_url)

    @property
    def region(self) -> str | None:
        """See :attr:`Probe.region`."""
        return str(self._client.meta.region_name)

    @property
    def can_forbid_overwrites(self) -> bool:
        """See :attr:`Probe.can_forbid_overwrites`: AWS can (``s3:if-none-match``); of other servers it is not known."""
        return self._is_aws

    def bucket(self) -> Seen:
        """See :meth:`Probe.bucket`."""
        seen = self._call("head_bucket", "s3:ListBucket (HeadBucket)")
        region = seen.headers.get("x-amz-bucket-region")
        # HEAD has no body, so no error code either: these two are told apart by status and header.
        outcome = Outcome.NO_BUCKET if seen.outcome is Outcome.ABSENT else seen.outcome
        if region and region != self.region:
            outcome = Outcome.OTHER_REGION
        return replace(seen, outcome=outcome, data={"region": region} if region else {})

    def list(self, prefix: str, avoiding: str | None = None) -> Seen:
        """See :meth:`Probe.list`."""
        seen = self._call("list_objects_v2", "s3:ListBucket", Prefix=prefix)
        found = [
            (entry["Key"], entry.get("StorageClass") in ARCHIVE_CLASSES) for entry in seen.data.get("Contents", [])
        ]
        return replace(seen, data=one_of(found, avoiding))

    def stat(self, key: str) -> Seen:
        """See :meth:`Probe.stat`."""
        return self._call("head_object", "s3:GetObject (HeadObject)", Key=key)

    def read(self, key: str) -> Seen:
        """See :meth:`Probe.read`."""
        seen = self._call("get_object", "s3:GetObject", Key=key, Range="bytes=0-0")
        if body := seen.data.get("Body"):
            body.close()
        # An empty object has no first byte.
        return replace(seen, outcome=Outcome.DONE if seen.status == 416 else seen.outcome, data={})

    def create(self, key: str, data: bytes, *, conditional: bool = True, damaged: bool = False) -> Seen:
        """See :meth:`Probe.create`."""
        digest = _OTHER_BYTES if damaged else hashlib.sha256(data).digest()
        arguments: dict[str, Any] = {"ChecksumSHA256": base64.b64encode(digest).decode()}
        if damaged:
            # Twice: a server that knows no SHA-256 header still compares this one.
            other = hashlib.md5(_OTHER_BYTES, usedforsecurity=False).digest()
            arguments["ContentMD5"] = base64.b64encode(other).decode()
        if conditional:
            arguments["IfNoneMatch"] = "*"
        return self._call("put_object", "s3:PutObject", Key=key, Body=data, **arguments)

    def stage(self, key: str) -> Sequence[Seen]:
        """See :meth:`Probe.stage`. The upload is given up again."""
        begun = self._call("create_multipart_upload", "s3:PutObject (CreateMultipartUpload)", Key=key)
        if begun.outcome is not Outcome.DONE:
            return [begun]
        upload = {"Key": key, "UploadId": begun.data["UploadId"]}
        sent = self._call("upload_part", "s3:PutObject (UploadPart)", **upload, PartNumber=1, Body=b"probe")
        listed = self._call("list_parts", "s3:ListMultipartUploadParts", **upload)
        return [begun, sent, listed, self._call("abort_multipart_upload", "s3:AbortMultipartUpload", **upload)]

    def overwrite(self, key: str) -> Seen:
        """See :meth:`Probe.overwrite`. Without a condition, and with the checksum of other bytes."""
        return self.create(key, b"probe", conditional=False, damaged=True)

    def delete(self, key: str, *, may_mark: bool) -> Sequence[Seen]:
        """See :meth:`Probe.delete`. A delete without a version makes a delete marker where versions are kept."""
        seen = [self._call("delete_object", "s3:DeleteObjectVersion", Key=key, VersionId="null")]
        if may_mark:
            seen.append(self._call("delete_object", "s3:DeleteObject", Key=key))
        return seen

    def forget(self, key: str) -> Seen:
        """Delete an object that is not there, as cached answers are: a marker is left where versions are kept."""
        return self._call("delete_object", "s3:DeleteObject", Key=key)

    def thaw(self, key: str) -> Seen:
        """See :meth:`Probe.thaw`."""
        return self._call("restore_object", "s3:RestoreObject", Key=key, RestoreRequest={"Days": 1})

    def anonymous(self) -> Seen:
        """See :meth:`Probe.anonymous`."""
        stranger = _stranger(self._access, self._client.meta.region_name)
        try:
            return _call(stranger, "list_objects_v2", "ListObjectsV2 without identity", self._bucket, {"MaxKeys": 1})
        finally:
            stranger.close()

    def facts(self, key: str | None) -> BucketFacts:
        """See :meth:`Probe.facts`."""
        return bucket_facts(self._call, key)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, method: str, call: str, **arguments: Any) -> Seen:
        return _call(self._client, method, call, self._bucket, arguments)


def _stay(context: dict[str, Any], **_others: Any) -> None:
    """Make botocore think that it followed the bucket already."""
    context.get("s3_redirect", {})["redirected"] = True


def _stranger(access: S3Access, region: str) -> Any:
    config = Config(
        signature_version=UNSIGNED,
        retries={"mode": "standard", "total_max_attempts": 2},
        connect_timeout=_LIMITS.connect_seconds,
        read_timeout=_LIMITS.read_seconds,
        s3={"addressing_style": "path" if access.endpoint_url else "auto"},
    )
    client: Any = boto3.Session().client
    return client("s3", endpoint_url=access.endpoint_url, region_name=region, verify=access.ca_bundle, config=config)


def _call(client: Any, method: str, call: str, bucket: str, arguments: dict[str, Any]) -> Seen:
    try:
        data = getattr(client, method)(Bucket=bucket, **arguments)
    except ClientError as error:
        code, status = code_and_status(error)
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region = error.response.get("Error", {}).get("Region")
        data = {"region": region} if region else {}
        return Seen(call, _outcome(code, status), status, code, headers, data)
    except BotoCoreError as error:
        return Seen(call, Outcome.NO_ANSWER, code=type(error).__name__)
    answer = data.get("ResponseMetadata", {})
    return Seen(call, Outcome.DONE, answer.get("HTTPStatusCode", 200), "", answer.get("HTTPHeaders", {}), data)


def _outcome(code: str, status: int) -> Outcome:
    if code in _UNSET:
        return Outcome.UNSET
    with suppress(KeyError):
        return _BY_CODE[code]
    return _BY_STATUS.get(status, Outcome.OTHER)
