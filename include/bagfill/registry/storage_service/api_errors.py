"""What can go wrong between us and the service's public API."""

from __future__ import annotations


class BagsApiError(Exception):
    """A question to the bags API that got no answer which can be used. Never "no such bag": that is a value.

    Args:
        about: what was asked for: a bag, or ``the token``. Never an address, which may be signed.
        detail: status and the service's own words, or the class of what broke.
        retryable: whether the same question may be answered later without a person.
    """

    def __init__(self, about: str, detail: str, *, retryable: bool) -> None:
        super().__init__(f"bags API, {about}: {detail}")
        self.about = about
        self.detail = detail
        self.retryable = retryable

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments (exceptions cross process borders)."""
        return _restore, (self.about, self.detail, self.retryable)


def _restore(about: str, detail: str, retryable: bool) -> BagsApiError:
    return BagsApiError(about, detail, retryable=retryable)
