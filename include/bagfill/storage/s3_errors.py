"""What botocore's exceptions mean. Decided by error code and HTTP status, never by message text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    TokenRetrievalError,
)

from bagfill.storage.errors import StoreError, StoreFailure, retry_after
from bagfill.storage.s3_failures import failure_of_answer

_UNUSABLE = (
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,  # a certificate that is not trusted is not trusted on the next try either
)
_UNOBTAINABLE = (CredentialRetrievalError, TokenRetrievalError)


def code_and_status(error: ClientError) -> tuple[str, int]:
    """The provider's error code and the HTTP status; ``("", 0)`` where the answer has none."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code, int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def failure_of(error: ClientError) -> StoreFailure:
    """The kind of failure of an answered request."""
    return failure_of_answer(*code_and_status(error))


def store_error(error: Exception, *, location: str, key: str, operation: str) -> StoreError:
    """The StoreError for an exception of botocore; detail is error code and status, or the exception's class."""
    patience = None
    if isinstance(error, ClientError):
        failure = failure_of(error)
        code, status = code_and_status(error)
        detail = f"{code or 'no error code'}, HTTP {status}"
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        patience = retry_after(headers.get("retry-after"))
    else:
        failure = StoreFailure.MISCONFIGURED if isinstance(error, _UNUSABLE) else StoreFailure.UNAVAILABLE
        detail = type(error).__name__
        if isinstance(error, _UNOBTAINABLE):
            detail = f"credentials could not be obtained ({detail})"
    return StoreError(failure, location=location, key=key, operation=operation, detail=detail, retry_after=patience)


@contextmanager
def translated(*, location: str, key: str, operation: str) -> Iterator[None]:
    """Turn botocore's exceptions of the block into StoreErrors. The cause is dropped: it may quote a URL."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise store_error(error, location=location, key=key, operation=operation) from None
