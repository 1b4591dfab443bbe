"""What an exception of Azure's SDK means. Decided by error code and HTTP status, never by message text."""

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

from bagfill.storage.azure_failures import failure_of, is_known
from bagfill.storage.errors import StoreError, StoreFailure, retry_after


def code_and_status(error: AzureError) -> tuple[str, int]:
    """The provider's error code and the HTTP status; ``("", 0)`` where there was no answer."""
    code = getattr(error, "error_code", None)
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return str(getattr(code, "value", code) or ""), status or 0


def store_error(error: AzureError, *, location: str, key: str, operation: str) -> StoreError:
    """The StoreError for an exception of the SDK; detail is error code and status, or the exception's class."""
    code, status = code_and_status(error)
    if is_known(code) or status:
        failure = failure_of(code, status)
    elif isinstance(error, ServiceRequestError | ServiceResponseError):
        failure = StoreFailure.UNAVAILABLE
    elif isinstance(error, ClientAuthenticationError):
        failure = StoreFailure.MISCONFIGURED
    else:
        failure = StoreFailure.UNAVAILABLE
    detail = f"{code or 'no error code'}, HTTP {status}" if status else type(error).__name__
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    return StoreError(
        failure,
        location=location,
        key=key,
        operation=operation,
        detail=detail,
        retry_after=retry_after(headers.get("Retry-After")),
    )


@contextmanager
def translated(*, location: str, key: str, operation: str) -> Iterator[None]:
    """Turn the SDK's exceptions of the block into StoreErrors. The cause is dropped: it may quote a signed URL."""
    try:
        yield
    except AzureError as error:
        raise store_error(error, location=location, key=key, operation=operation) from None
