"""Signed requests to one bucket without a client: for calls that are sent by the thousand, and for URLs to hand on.

Everything is signed in the query (Signature Version 4), by botocore's own signer. Sources: Amazon S3 API reference,
"Authenticating Requests: Using Query Parameters".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure, retry_after
from bagfill.storage.lean_http import Answer, LeanHttp, NoAnswer
from bagfill.storage.obstore_options import RequestLimits

_OWN_SECONDS = 300
"""Life of a signature that this process uses itself, at once."""


class S3Lean:
    """A bucket, for one identity.

    Args:
        bucket: the bucket's name.
        access: endpoint and identity.
        location: the configured location's name.
        limits: times and number of connections.

    Raises:
        StoreError: MISCONFIGURED, no usable credentials.
    """

    def __init__(self, bucket: str, access: S3Access, *, location: str, limits: RequestLimits) -> None:
        self.location = location
        self.bucket = bucket
        self._credentials, endpoint, self._region = _identity(access, location, limits)
        self._endpoint = endpoint.rstrip("/")
        self._http = LeanHttp(self._endpoint, access.ca_bundle, limits)

    def signed_url(self, key: str, *, version_id: str | None, seconds: int) -> str:
        """A URL for reading one object, as whoever holds it. It ends with the temporary token that signed it, if the
        identity has one; botocore renews a token at least 10 minutes before its end.
        """
        return self._signed("GET", key, {"versionId": version_id} if version_id else {}, {}, seconds)

    def send(
        self,
        method: str,
        key: str,
        *,
        operation: str,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request of our own. Raises StoreError (UNAVAILABLE, THROTTLED): no answer, or one that asks to wait."""
        given = dict(headers or {})
        try:
            answer = self._http.send(method, self._signed(method, key, parameters or {}, given, _OWN_SECONDS), given)
        except NoAnswer as nothing:
            failure = StoreFailure.UNAVAILABLE if nothing.trusted else StoreFailure.MISCONFIGURED
            raise self.error(failure, key, operation, nothing.detail) from None
        if answer.status in {429, 503}:
            raise StoreError(
                StoreFailure.THROTTLED,
                location=self.location,
                key=key,
                operation=operation,
                detail=f"HTTP {answer.status}",
                retry_after=retry_after(answer.headers.get("Retry-After")),
            )
        if answer.status >= 500 and answer.status != 501:
            raise self.error(StoreFailure.UNAVAILABLE, key, operation, f"HTTP {answer.status}")
        return answer

    def try_url(self, url: str, key: str) -> int:
        """The status that a signed URL is answered with, asked for its first byte. Raises StoreError: no answer."""
        try:
            return self._http.send("GET", url, {"Range": "bytes=0-0"}).status
        except NoAnswer as nothing:
            raise self.error(StoreFailure.UNAVAILABLE, key, "try signed URL", nothing.detail) from None

    def error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        """A StoreError of this location."""
        return StoreError(failure, location=self.location, key=key, operation=operation, detail=detail)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _signed(
        self, method: str, key: str, parameters: Mapping[str, str], headers: Mapping[str, str], seconds: int
    ) -> str:
        # The same encoding in the URL and in what is signed: S3 takes a key's bytes as they are, and "/" as itself.
        url = f"{self._endpoint}/{self.bucket}/{quote(key, safe='/~')}"
        request = AWSRequest(method=method, url=url, params=dict(parameters), headers=dict(headers))
        S3SigV4QueryAuth(self._credentials.get_frozen_credentials(), "s3", self._region, expires=seconds).add_auth(
            request
        )
        return str(request.url)


def _identity(access: S3Access, location: str, limits: RequestLimits) -> tuple[Any, str, str]:
    """Credentials, endpoint and region; boto3 is loaded only where something has to be found out."""
    fixed = access.session is None and access.profile is None
    if fixed and access.endpoint_url and access.region and access.access_key_id and access.secret_access_key:
        keys = Credentials(access.access_key_id, access.secret_access_key, access.session_token)
        return keys, access.endpoint_url, access.region
    from bagfill.storage.s3_client import boto3_client, boto3_session, usable

    with usable(location):
        session = boto3_session(access)
        credentials = session.get_credentials()
        if credentials is None:
            raise ValueError("no credentials")
        meta = boto3_client(session, access, limits).meta
        return credentials, meta.endpoint_url, meta.region_name
