"""S3 as the source of a copy by URL.

Sources: HeadObject (``x-amz-checksum-mode``, ``x-amz-checksum-crc64nvme``), GetObject (``versionId``), "Checking object
integrity" (an ETag is the MD5 of an object that was written in one part and not encrypted with a KMS key).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.lean_http import Answer
from bagfill.storage.s3_lean import S3Lean
from bagfill.storage.s3_state import archive_state, parse_restore
from bagfill.storage.server_copy import NotFetched, PinnedSource, Refusal
from bagfill.storage.signed_source import URL_LIFE, unsignable
from bagfill.storage.store import ArchiveState

_MD5_HEX = re.compile(r"[0-9a-f]{32}")
_PLAIN_ENCRYPTION = frozenset({"", "AES256"})
_REFUSALS = {400: Refusal.SIGNATURE, 403: Refusal.DENIED, 404: Refusal.MISSING}


class S3SignedSource:
    """See :class:`bagfill.storage.signed_source.SignedSource`.

    Args:
        bucket: for the identity that reads.
    """

    takes_conditions = False
    """``If-Match`` would have to be among the signed headers or be passed on by the provider; Azure promises neither
    for a source outside Azure."""

    def __init__(self, bucket: S3Lean) -> None:
        self._bucket = bucket
        self._may_read_versions: bool | None = None

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._bucket.location

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """One HEAD, which asks for the checksum too."""
        if (unfit := unsignable(key)) is not None:
            return unfit
        answer = self._head(key)
        found = pinned(key, answer)
        if isinstance(found, NotFetched):
            return found
        if found.etag != etag:
            return NotFetched(Refusal.CHANGED, "another ETag")
        if found.version_id is not None and not self._reads_versions(found):
            return replace(found, version_id=None)
        return found

    def _reads_versions(self, source: PinnedSource) -> bool:
        """Whether the identity has ``s3:GetObjectVersion`` beside ``s3:GetObject``; asked once."""
        if self._may_read_versions is None:
            version = {"versionId": source.version_id or ""}
            answer = self._bucket.send("HEAD", source.key, operation="stat version", parameters=version)
            self._may_read_versions = answer.status == 200
        return self._may_read_versions

    def url(self, source: PinnedSource) -> str:
        """Signed now, by the keys that the identity has now."""
        life = int(URL_LIFE.total_seconds())
        return self._bucket.signed_url(source.key, version_id=source.version_id, seconds=life)

    def why_not(self, source: PinnedSource, url: str) -> Refusal:
        """A HEAD tells archived, missing and changed; one byte by the same URL tells a bad URL from a bad network."""
        again = self.pin(source.key, source.etag)
        if isinstance(again, NotFetched) and source.version_id is None:
            return again.refusal
        status = self._bucket.try_url(url, source.key)
        return Refusal.UNREACHABLE if status in {200, 206, 416} else Refusal.SIGNATURE

    def close(self) -> None:
        """Close the connections."""
        self._bucket.close()

    def _head(self, key: str) -> Answer:
        return self._bucket.send("HEAD", key, operation="stat", headers={"x-amz-checksum-mode": "ENABLED"})


def pinned(key: str, answer: Answer) -> PinnedSource | NotFetched:
    """What a HEAD says of an object."""
    if answer.status != 200:
        refusal = _REFUSALS.get(answer.status, Refusal.UNSUPPORTED)
        return NotFetched(refusal, f"HTTP {answer.status}")
    headers = answer.headers
    storage_class = headers.get("x-amz-storage-class", "")
    restore = parse_restore(headers.get("x-amz-restore"))
    status = headers.get("x-amz-archive-status", "")
    state = archive_state(storage_class, restore, archive_status=status, now=datetime.now(UTC))
    if state not in {ArchiveState.READABLE, ArchiveState.THAWED}:
        return NotFetched(Refusal.ARCHIVED, f"storage class {storage_class}")
    etag = headers.get("ETag", "").strip('"')
    size = int(headers.get("Content-Length", "0"))
    version_id = headers.get("x-amz-version-id")
    plain = headers.get("x-amz-server-side-encryption", "") in _PLAIN_ENCRYPTION
    return PinnedSource(
        key=key,
        size=size,
        etag=etag,
        version_id=None if version_id == "null" else version_id,
        md5=bytes.fromhex(etag) if plain and _MD5_HEX.fullmatch(etag) else None,
        crc=_full_object_crc(headers, size),
    )


def _full_object_crc(headers: Mapping[str, str], size: int) -> Crc64 | None:
    """CRC-64/NVME is kept of whole objects only; a server that says COMPOSITE means something else by it."""
    text = headers.get("x-amz-checksum-crc64nvme")
    if text is None or headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    try:
        return Crc64.from_s3(text, size)
    except ValueError:
        return None
