"""The source's side of a copy by URL: what the object is, and a signed URL that another provider may fetch."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from bagfill.storage.server_copy import NotFetched, PinnedSource, Refusal

URL_LIFE = timedelta(minutes=10)
"""One block takes seconds; each request has a URL of its own, so none needs to live longer. A temporary token that is
renewed in time lives at least as long; one that is not takes its URLs with it, which the source's 403 tells."""


class SignedSource(Protocol):
    """Objects of one location, for the identity that reads. Raises StoreError as a store does."""

    @property
    def location(self) -> str:
        """The configured location's name."""
        ...

    @property
    def takes_conditions(self) -> bool:
        """Whether the destination's provider can be told to fetch one ETag only (``x-ms-source-if-match``)."""
        ...

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """See :meth:`bagfill.storage.server_copy.ServerCopy.pin`."""
        ...

    def url(self, source: PinnedSource) -> str:
        """A fresh URL that lives for ``URL_LIFE``. A secret: it goes into one request's header and nowhere else."""
        ...

    def why_not(self, source: PinnedSource, url: str) -> Refusal:
        """Why a provider could not fetch ``url``, which the source alone can tell."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def unsignable(key: str) -> NotFetched | None:
    """Keys that a URL does not carry unchanged: HTTP libraries resolve ``..``, and Azure drops a last ``.``."""
    if key.endswith(".") or not {"", ".", ".."}.isdisjoint(key.split("/")):
        return NotFetched(Refusal.NAME, "no URL carries this name unchanged")
    return None
