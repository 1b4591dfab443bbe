"""What can go wrong at an object store, told apart where it happens.

``StoreError`` says that a question could not be answered or an act could not be done. It never means "the object is
not there": a missing object is the value ``None`` of :meth:`bagfill.storage.store.ObjectStore.stat`, and only a
provider's own 404 produces that value.
"""

from __future__ import annotations

from enum import StrEnum


class StoreFailure(StrEnum):
    """Why a store could not answer or act. ``retryable`` says whether the same call may succeed later by itself."""

    DENIED = "denied"
    """403 of an identity that is known and may not do this."""
    UNAUTHENTICATED = "not authenticated"
    """The provider does not accept who asks: a wrong key or signature, an expired token, a clock that is off."""
    ARCHIVED = "archived"
    """The bytes are in an archive tier and must be thawed first (S3 InvalidObjectState, Azure BlobArchived)."""
    CONFLICT = "conflict"
    """409: something holds the object (lease, legal hold, operation under way)."""
    THROTTLED = "throttled"
    """The provider asks for fewer requests (503 SlowDown, 429)."""
    NO_CAPACITY = "no capacity"
    """The provider has no capacity for an Expedited thaw now; a slower tier it would take."""
    UNAVAILABLE = "unavailable"
    """5xx, time-out, refused or broken connection."""
    CORRUPTED_IN_TRANSIT = "corrupted in transit"
    """The provider's checksum of what arrived differs from ours, or a body ended early."""
    CHANGED = "changed"
    """The object is no longer the one that was asked for (its ETag differs)."""
    MISSING = "missing"
    """The object (or the bucket) that had to be there is not."""
    BAD_NAME = "bad name"
    """The key breaks the provider's rules; nothing was sent."""
    UNSUPPORTED = "unsupported"
    """The provider cannot do this at all (a thaw at a store without archive tiers)."""
    MISCONFIGURED = "misconfigured"
    """No such bucket, a wrong region, unusable credentials."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without a person."""
        return self in {
            StoreFailure.THROTTLED,
            StoreFailure.NO_CAPACITY,
            StoreFailure.UNAVAILABLE,
            StoreFailure.CORRUPTED_IN_TRANSIT,
            StoreFailure.CONFLICT,
            StoreFailure.ARCHIVED,
        }


class StoreError(Exception):
    """A question to a store that got no answer, or an act that did not happen.

    Args:
        failure: the kind; decides whether a retry can help.
        location: name of the configured location.
        key: the object's key at the location (never a URL), or the prefix of a listing.
        operation: what was tried, one word or two (``read``, ``list``, ``stage block``).
        detail: what the provider said: its error code and HTTP status. Never a URL, a signature or a header.
        retry_after: seconds that the provider asked to wait, if it did.
    """

    def __init__(
        self,
        failure: StoreFailure,
        *,
        location: str,
        key: str,
        operation: str,
        detail: str,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{operation} of {key!r} at {location}: {failure.value}: {detail}")
        self.failure = failure
        self.location = location
        self.key = key
        self.operation = operation
        self.detail = detail
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without a person."""
        return self.failure.retryable

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the keyword arguments (exceptions cross process borders)."""
        return (_restore, (self.failure, self.location, self.key, self.operation, self.detail, self.retry_after))


def _restore(
    failure: StoreFailure, location: str, key: str, operation: str, detail: str, retry_after: float | None
) -> StoreError:
    return StoreError(failure, location=location, key=key, operation=operation, detail=detail, retry_after=retry_after)


LONGEST_RETRY_AFTER = 120.0
"""Seconds; a provider that asks for more is asked again after these."""


def retry_after(header: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header (RFC 9110, 10.2.3); ``None`` for none, and for a date, which needs the
    provider's clock.
    """
    if header is None or not header.strip().isdecimal():
        return None
    return min(float(header), LONGEST_RETRY_AFTER)
