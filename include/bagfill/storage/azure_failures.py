"""What Azure's error codes and HTTP statuses mean; loads no SDK.

Source: Azure Storage REST API, "Common REST API error codes" and "Blob Storage error codes".
"""

from __future__ import annotations

from bagfill.storage.errors import StoreFailure

_BY_CODE = {
    "ContainerNotFound": StoreFailure.MISCONFIGURED,
    "ContainerDisabled": StoreFailure.MISCONFIGURED,
    "BlobNotFound": StoreFailure.MISSING,
    "BlobArchived": StoreFailure.ARCHIVED,
    "BlobBeingRehydrated": StoreFailure.ARCHIVED,
    "AuthenticationFailed": StoreFailure.UNAUTHENTICATED,
    "InvalidAuthenticationInfo": StoreFailure.UNAUTHENTICATED,
    "NoAuthenticationInformation": StoreFailure.UNAUTHENTICATED,
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
    401: StoreFailure.UNAUTHENTICATED,
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


def failure_of(code: str, status: int) -> StoreFailure:
    """The kind of failure of an answered request."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    default = StoreFailure.UNAVAILABLE if status >= 500 else StoreFailure.MISCONFIGURED
    return _BY_STATUS.get(status, default)


def is_known(code: str) -> bool:
    """Whether an error code says more than its HTTP status."""
    return code in _BY_CODE
