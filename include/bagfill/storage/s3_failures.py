"""What an S3 error answer means, by error code and HTTP status; loads no SDK.

Source: Amazon S3 API reference, "Error responses"; codes of other S3 servers as measured.
"""

from __future__ import annotations

from bagfill.storage.errors import StoreFailure

_BY_CODE = {
    "NoSuchBucket": StoreFailure.MISCONFIGURED,
    "PermanentRedirect": StoreFailure.MISCONFIGURED,
    "AuthorizationHeaderMalformed": StoreFailure.MISCONFIGURED,
    "IllegalLocationConstraintException": StoreFailure.MISCONFIGURED,
    "SignatureDoesNotMatch": StoreFailure.UNAUTHENTICATED,
    "InvalidAccessKeyId": StoreFailure.UNAUTHENTICATED,
    "InvalidSecurity": StoreFailure.UNAUTHENTICATED,
    "RequestTimeTooSkewed": StoreFailure.UNAUTHENTICATED,
    "ExpiredToken": StoreFailure.UNAUTHENTICATED,
    "InvalidToken": StoreFailure.UNAUTHENTICATED,
    "TokenRefreshRequired": StoreFailure.UNAUTHENTICATED,
    "InvalidObjectState": StoreFailure.ARCHIVED,
    "SlowDown": StoreFailure.THROTTLED,
    "Throttling": StoreFailure.THROTTLED,
    "ThrottlingException": StoreFailure.THROTTLED,
    "RequestLimitExceeded": StoreFailure.THROTTLED,
    "ProvisionedThroughputExceededException": StoreFailure.THROTTLED,
    "TooManyRequests": StoreFailure.THROTTLED,
    "GlacierExpeditedRetrievalNotAvailable": StoreFailure.NO_CAPACITY,
    "RequestTimeout": StoreFailure.UNAVAILABLE,
    "BadDigest": StoreFailure.CORRUPTED_IN_TRANSIT,
    "InvalidDigest": StoreFailure.CORRUPTED_IN_TRANSIT,
    "IncompleteBody": StoreFailure.CORRUPTED_IN_TRANSIT,
    "XAmzContentSHA256Mismatch": StoreFailure.CORRUPTED_IN_TRANSIT,
    "XAmzContentChecksumMismatch": StoreFailure.CORRUPTED_IN_TRANSIT,
    "KeyTooLongError": StoreFailure.BAD_NAME,
    "EntityTooSmall": StoreFailure.UNSUPPORTED,
    "EntityTooLarge": StoreFailure.UNSUPPORTED,
    "NotImplemented": StoreFailure.UNSUPPORTED,
    "InvalidPart": StoreFailure.MISSING,
    "InvalidRange": StoreFailure.CHANGED,
}

_BY_STATUS = {
    301: StoreFailure.MISCONFIGURED,
    307: StoreFailure.MISCONFIGURED,
    401: StoreFailure.UNAUTHENTICATED,
    403: StoreFailure.DENIED,
    404: StoreFailure.MISSING,
    405: StoreFailure.UNSUPPORTED,
    409: StoreFailure.CONFLICT,
    412: StoreFailure.CHANGED,
    416: StoreFailure.CHANGED,
    429: StoreFailure.THROTTLED,
    501: StoreFailure.UNSUPPORTED,
}


def failure_of_answer(code: str, status: int) -> StoreFailure:
    """The kind of failure by the provider's error code and the HTTP status."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status >= 500 or status == 0:
        return _BY_STATUS.get(status, StoreFailure.UNAVAILABLE)
    return _BY_STATUS.get(status, StoreFailure.MISCONFIGURED)
