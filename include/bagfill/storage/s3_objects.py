"""Objects of one bucket by plain requests. Sources: Amazon S3 API reference, GetObject, PutObject."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from bagfill.storage.errors import StoreFailure
from bagfill.storage.s3_failures import failure_of_answer
from bagfill.storage.s3_place import S3Place
from bagfill.storage.s3_signing import signed_headers
from bagfill.storage.store import Created
from bagfill.storage.url_path import url_path

_CODE = re.compile(rb"<Code>([A-Za-z0-9_.-]{1,100})</Code>")


class S3Dialect:
    """See :class:`bagfill.storage.plain_objects.Dialect`.

    Args:
        bucket: the bucket's name.
        place: endpoint and identity.
    """

    def __init__(self, bucket: str, place: S3Place) -> None:
        self._base = f"{place.endpoint}/{bucket}/"
        self._place = place

    def request(
        self, method: str, key: str, headers: Mapping[str, str], body: bytes | memoryview
    ) -> tuple[str, dict[str, str]]:
        """The server compares the SHA-256 of what arrives with the one that is signed, and keeps it beside the object;
        a bucket with object lock demands such a checksum.
        """
        place = self._place
        # S3 takes the bytes of a key as they are, and "/" as itself.
        url = f"{self._base}{url_path(key)}"
        now = datetime.now(UTC)
        if method != "PUT":
            return url, signed_headers(method, url, headers, keys=place.keys(), region=place.region, now=now)
        digest = hashlib.sha256(body)
        given = {**headers, "x-amz-checksum-sha256": base64.b64encode(digest.digest()).decode()}
        signed = signed_headers(
            method, url, given, keys=place.keys(), region=place.region, now=now, body=digest.hexdigest()
        )
        return url, {**signed, "Content-Length": str(len(body))}

    def created(self, headers: Mapping[str, str]) -> Created:
        """An unversioned bucket says nothing of a version."""
        return Created(headers.get("etag", "").strip('"'), headers.get("x-amz-version-id"))

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> tuple[StoreFailure, str]:  # noqa: ARG002 - the code is in the body
        """S3 writes the code into the body."""
        found = _CODE.search(body)
        code = found[1].decode() if found else ""
        return failure_of_answer(code, status), code
