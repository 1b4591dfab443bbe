"""Azure fetches from signed URLs: Put Block From URL, and Put Blob From URL for small objects.

No byte passes through this process. Azure answers each block with the CRC-64 of the bytes it received, and each refusal
of the source with the source's own status. Sources: Azure Storage REST API, Put Block From URL, Put Blob From URL.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.azure_blocks import MOST_BLOCKS, fetched_block_id
from bagfill.storage.azure_lean import AzureLean
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.lean_http import Answer
from bagfill.storage.server_copy import LEAST_FETCHED, FetchedBlock, FetchedObject, NotFetched, PinnedSource, Refusal
from bagfill.storage.signed_source import SignedSource
from bagfill.storage.store import AlreadyExists

_SOURCE_STATUS = re.compile(rb"<CopySourceStatusCode>(\d{3})</CopySourceStatusCode>")
_NOT_FETCHED = frozenset({"CannotVerifyCopySource", "InvalidCopySource", "CopySourceNotFound"})
_REFUSALS = {
    "Md5Mismatch": Refusal.CHECKSUM,
    "Crc64Mismatch": Refusal.CHECKSUM,
    "SourceConditionNotMet": Refusal.CHANGED,
    "NotImplemented": Refusal.UNSUPPORTED,
    "APINotImplemented": Refusal.UNSUPPORTED,
    "UnsupportedHttpVerb": Refusal.UNSUPPORTED,
}


class AzureFromUrl:
    """See :class:`bagfill.storage.server_copy.ServerCopy`.

    Args:
        source: signs; for the identity that reads.
        container: the destination, for the identity that writes. It needs no right at the source.
    """

    least_bytes = LEAST_FETCHED

    def __init__(self, source: SignedSource, container: AzureLean) -> None:
        self._source = source
        self._container = container

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """See :meth:`ServerCopy.pin`."""
        return self._source.pin(key, etag)

    def look_again(self, source: PinnedSource) -> NotFetched | None:
        """See :meth:`ServerCopy.look_again`."""
        if source.version_id is not None:
            return None
        found = self._source.pin(source.key, source.etag)
        return found if isinstance(found, NotFetched) else None

    def can_create(self, source: PinnedSource) -> bool:
        """By an MD5 that Azure compares before it makes the blob, or an ETag that it asks another Azure for."""
        return source.md5 is not None or self._source.takes_conditions

    def create(self, source: PinnedSource, key: str) -> FetchedObject | AlreadyExists | NotFetched:
        """See :meth:`ServerCopy.create`. Up to 5,000 MiB."""
        headers = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
        if source.md5 is not None:
            headers["x-ms-source-content-md5"] = base64.b64encode(source.md5).decode()
        answer = self._fetched(source, key, {}, headers, "create from URL")
        if isinstance(answer, NotFetched):
            return answer
        if answer.status == 412 or answer.headers.get("x-ms-error-code") == "BlobAlreadyExists":
            return AlreadyExists()
        self._require_created(answer, key, "create from URL")
        given = answer.headers
        return FetchedObject(
            etag=given.get("ETag", "").strip('"'),
            version_id=given.get("x-ms-version-id"),
            request_id=given.get("x-ms-request-id"),
            crc=_crc(given, source.size),
        )

    def stage(
        self,
        source: PinnedSource,
        key: str,
        token: str,
        *,
        index: int,
        start: int,
        length: int,
    ) -> FetchedBlock | NotFetched:
        """See :meth:`ServerCopy.stage`. Each try has a block id of its own, so that a CRC belongs to these bytes."""
        if not 0 <= index < MOST_BLOCKS:
            detail = f"block {index}: {MOST_BLOCKS:,} at most"
            raise self._container.error(StoreFailure.UNSUPPORTED, key, "stage block from URL", detail)
        label = fetched_block_id(index, token, secrets.token_hex(8))
        parameters = {"comp": "block", "blockid": base64.b64encode(label.encode()).decode()}
        headers = {"x-ms-source-range": f"bytes={start}-{start + length - 1}"}
        answer = self._fetched(source, key, parameters, headers, "stage block from URL")
        if isinstance(answer, NotFetched):
            return answer
        self._require_created(answer, key, "stage block from URL")
        return FetchedBlock(index, length, label, _crc(answer.headers, length))

    def close(self) -> None:
        """Close both sides' connections."""
        self._source.close()
        self._container.close()

    def _fetched(
        self, source: PinnedSource, key: str, parameters: Mapping[str, str], headers: Mapping[str, str], operation: str
    ) -> Answer | NotFetched:
        """Ask, and once more with a fresh URL when the source refused the first: it may have aged on its way, and
        Azure is known to refuse sources now and then without a reason (azure-storage-azcopy, issue 2422).
        """
        given = dict(headers)
        if self._source.takes_conditions:
            given["x-ms-source-if-match"] = f'"{source.etag}"'
        for again in (True, False):
            url = self._source.url(source)
            answer = self._container.send(
                "PUT", key, operation=operation, parameters=parameters, headers={**given, "x-ms-copy-source": url}
            )
            code = answer.headers.get("x-ms-error-code", "")
            if code in _REFUSALS and answer.status >= 400:
                return NotFetched(_REFUSALS[code], f"{code}, HTTP {answer.status}")
            if code not in _NOT_FETCHED:
                return answer
            at_source = _source_status(answer)
            if again and at_source not in {404, 412, 416}:
                continue
            return self._not_fetched(source, url, answer, at_source, operation)
        raise AssertionError  # the second time round always returns

    def _not_fetched(
        self, source: PinnedSource, url: str, answer: Answer, at_source: int | None, operation: str
    ) -> NotFetched:
        """Say why: Azure's code is one for an archived object, a bad URL, a missing key and a closed network."""
        detail = f"{answer.headers.get('x-ms-error-code')}, HTTP {answer.status}"
        if at_source is not None:
            detail += f", source answered {at_source}"
        if at_source in {429, 503}:
            raise StoreError(
                StoreFailure.THROTTLED,
                location=self._source.location,
                key=source.key,
                operation=operation,
                detail=detail,
            )
        if at_source == 404:
            return NotFetched(Refusal.MISSING, detail)
        if at_source in {412, 416}:
            return NotFetched(Refusal.CHANGED, detail)
        return NotFetched(self._source.why_not(source, url), detail)

    def _require_created(self, answer: Answer, key: str, operation: str) -> None:
        if answer.status != 201:
            raise self._container.refusal(answer, key, operation)


def _source_status(answer: Answer) -> int | None:
    """What the source told Azure: in a header, or in the body of the error."""
    header = answer.headers.get("x-ms-copy-source-status-code", "")
    if header.isdecimal():
        return int(header)
    match = _SOURCE_STATUS.search(answer.body)
    return int(match[1]) if match else None


def _crc(headers: Mapping[str, str], size: int) -> Crc64 | None:
    text = headers.get("x-ms-content-crc64")
    return None if text is None else Crc64.from_azure(text, size)
