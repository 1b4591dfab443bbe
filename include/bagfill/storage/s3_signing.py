"""Signature Version 4 of requests without a body. botocore signs as well, and takes 0.2 s of every process to load.

Source: Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from bagfill.storage.s3_place import Keys

_NO_BODY = hashlib.sha256(b"").hexdigest()


def query_of(parameters: Mapping[str, str]) -> str:
    """A query as it is signed: sorted, everything encoded but unreserved characters."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parameters.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def signed_headers(
    method: str, url: str, headers: Mapping[str, str], *, keys: Keys, region: str, now: datetime
) -> dict[str, str]:
    """The headers of a request, with what proves who sends it.

    Args:
        method: of the request.
        url: its path and query encoded as they are signed (:func:`query_of`).
        headers: that the request has beside.
        keys: of the sender.
        region: of the bucket.
        now: timezone-aware.
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    given = {**headers, "x-amz-content-sha256": _NO_BODY, "x-amz-date": moment}
    if keys.session_token:
        given["x-amz-security-token"] = keys.session_token
    signed = {"host": parts.netloc, **{name.lower(): value.strip() for name, value in given.items()}}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join([method, parts.path or "/", parts.query, lines, names, _NO_BODY])
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    given["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return given
