"""Server-to-server copy that is asked again where that by itself can help, as a store is."""

from __future__ import annotations

import time
from collections.abc import Callable

from bagfill.storage.retries import Retries, RetryPolicy
from bagfill.storage.server_copy import FetchedBlock, FetchedObject, NotFetched, PinnedSource, ServerCopy
from bagfill.storage.store import AlreadyExists


class RetryingServerCopy:
    """Wraps a way. A retried ``create`` whose first answer was lost meets its own object and says ``AlreadyExists``.

    Args:
        inner: does the work.
        policy: how often.
        sleep: sleeps for a number of seconds.
    """

    def __init__(
        self, inner: ServerCopy, policy: RetryPolicy | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._inner = inner
        self._again = Retries(policy or RetryPolicy(), sleep)

    @property
    def least_bytes(self) -> int:
        """The inner one's."""
        return self._inner.least_bytes

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """See :meth:`ServerCopy.pin`."""
        return self._again(lambda: self._inner.pin(key, etag))

    def look_again(self, source: PinnedSource) -> NotFetched | None:
        """See :meth:`ServerCopy.look_again`."""
        return self._again(lambda: self._inner.look_again(source))

    def can_create(self, source: PinnedSource) -> bool:
        """The inner one's."""
        return self._inner.can_create(source)

    def create(self, source: PinnedSource, key: str) -> FetchedObject | AlreadyExists | NotFetched:
        """See :meth:`ServerCopy.create`."""
        return self._again(lambda: self._inner.create(source, key))

    def stage(
        self, source: PinnedSource, key: str, token: str, *, index: int, start: int, length: int
    ) -> FetchedBlock | NotFetched:
        """See :meth:`ServerCopy.stage`."""
        return self._again(lambda: self._inner.stage(source, key, token, index=index, start=start, length=length))

    def close(self) -> None:
        """Close the inner one."""
        self._inner.close()
