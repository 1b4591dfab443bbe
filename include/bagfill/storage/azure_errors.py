"""What an Azure Blob error answer means. Decided by error code and HTTP status, never by message text.

Source: Azure Storage REST API, "Common REST API error codes" and "Blob Storage error codes".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from bagfill.storage.errors import StoreError, StoreFailure

_BY_CODE = {
    "ContainerNotFound": StoreFailure.MISCONFIGURED,
    "ContainerDisabled": StoreFailure.MISCONFIGURED,
    "BlobNotFound": StoreFailure.MISSING,
    "BlobArchived": StoreFailure.ARCHIVED,
    "BlobBeingRehydrated": StoreFailure.ARCHIVED,
    "ServerBusy": StoreFailure.THROTTLED,
    "OperationTimedOut": StoreFailure.UNAVAILABLE,
    "Md5Mismatch": StoreFailure.CORRUPTED_IN_TRANSIT,
    "Crc64Mismatch": StoreFailure.CORRUPTED_IN_TRANSIT,
    "InvalidMd5": StoreFailure.CORRUPTED_IN_TRANSIT,
    "InvalidBlockList": StoreFailure.MISSING,
    # Somebody else's uncommitted blocks with ids of another length: ours cannot join them.
    "InvalidBlobOrBlock": StoreFailure.CONFLICT,
    "InvalidBlockId": StoreFailure.CONFLICT,
    "InvalidRange": StoreFailure.CHANGED,
    "InvalidResourceName": StoreFailure.BAD_NAME,
    "BlockCountExceedsLimit": StoreFailure.UNSUPPORTED,
    "BlockListTooLong": StoreFailure.UNSUPPORTED,
    "InvalidBlobType": StoreFailure.UNSUPPORTED,
    "BlobAccessTierNotSupportedForAccountType": StoreFailure.UNSUPPORTED,
}

_BY_STATUS = {
    401: StoreFailure.DENIED,
    403: StoreFailure.DENIED,
    # A 404 without a code of Azure's is no word about a blob: a wrong URL, a proxy.
    404: StoreFailure.MISCONFIGURED,
    405: StoreFailure.UNSUPPORTED,
    408: StoreFailure.UNAVAILABLE,
    409: StoreFailure.CONFLICT,
    412: StoreFailure.CHANGED,
    416: StoreFailure.CHANGED,
    429: StoreFailure.THROTTLED,
    501: StoreFailure.UNSUPPORTED,
}


def code_and_status(error: AzureError) -> tuple[str, int]:
    """The provider's error code and the HTTP status; ``("", 0)`` where there was no answer."""
    code = getattr(error, "error_code", None)
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return str(getattr(code, "value", code) or ""), status or 0


def failure_of(code: str, status: int) -> StoreFailure:
    """The kind of failure of an answered request."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    default = StoreFailure.UNAVAILABLE if status >= 500 else StoreFailure.MISCONFIGURED
    return _BY_STATUS.get(status, default)


def store_error(error: AzureError, *, location: str, key: str, operation: str) -> StoreError:
    """The StoreError for an exception of the SDK; detail is error code and status, or the exception's class."""
    code, status = code_and_status(error)
    if code in _BY_CODE or status:
        failure = failure_of(code, status)
    elif isinstance(error, ServiceRequestError | ServiceResponseError):
        failure = StoreFailure.UNAVAILABLE
    elif isinstance(error, ClientAuthenticationError):
        failure = StoreFailure.MISCONFIGURED
    else:
        failure = StoreFailure.UNAVAILABLE
    detail = f"{code or 'no error code'}, HTTP {status}" if status else type(error).__name__
    return StoreError(failure, location=location, key=key, operation=operation, detail=detail)


@contextmanager
def translated(*, location: str, key: str, operation: str) -> Iterator[None]:
    """Turn the SDK's exceptions of the block into StoreErrors. The cause is dropped: it may quote a signed URL."""
    try:
        yield
    except AzureError as error:
        raise store_error(error, location=location, key=key, operation=operation) from None
