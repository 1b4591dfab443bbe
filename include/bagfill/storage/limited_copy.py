"""Server-to-server copy whose requests pass the gates of both locations, as reads and writes of a worker do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bagfill.storage.gate import Gate
from bagfill.storage.knee import Kind
from bagfill.storage.server_copy import FetchedBlock, FetchedObject, NotFetched, PinnedSource, ServerCopy
from bagfill.storage.store import AlreadyExists


class LimitedServerCopy:
    """Wraps a way. Goes inside of the retrying one, so that each try waits for its turn.

    A fetch is one request at the destination, and another one that the destination's provider makes at the source: it
    takes a turn at both. Every thread asks in the order of the locations' names, so that no two wait for each other,
    though one copies there and the other back.

    Args:
        inner: does the work.
        source, destination: the gates of the two locations; ``None``: nobody there asks for patience.
    """

    def __init__(self, inner: ServerCopy, source: Gate | None, destination: Gate | None) -> None:
        self._inner = inner
        self._source = source
        self._destination = destination

    @property
    def least_bytes(self) -> int:
        """The inner one's."""
        return self._inner.least_bytes

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """See :meth:`ServerCopy.pin`."""
        with _through(Kind.LOOK, 0, self._source):
            return self._inner.pin(key, etag)

    def look_again(self, source: PinnedSource) -> NotFetched | None:
        """See :meth:`ServerCopy.look_again`."""
        with _through(Kind.LOOK, 0, self._source):
            return self._inner.look_again(source)

    def can_create(self, source: PinnedSource) -> bool:
        """The inner one's, which asks nobody."""
        return self._inner.can_create(source)

    def create(self, source: PinnedSource, key: str) -> FetchedObject | AlreadyExists | NotFetched:
        """See :meth:`ServerCopy.create`."""
        with _through(Kind.FETCH, source.size, self._source, self._destination):
            return self._inner.create(source, key)

    def stage(
        self, source: PinnedSource, key: str, token: str, *, index: int, start: int, length: int
    ) -> FetchedBlock | NotFetched:
        """See :meth:`ServerCopy.stage`."""
        with _through(Kind.FETCH, length, self._source, self._destination):
            return self._inner.stage(source, key, token, index=index, start=start, length=length)

    def close(self) -> None:
        """Close the inner one. The gates belong to whoever made them."""
        self._inner.close()


@contextmanager
def _through(kind: Kind, size: int, *gates: Gate | None) -> Iterator[None]:
    asked = sorted((gate for gate in gates if gate is not None), key=lambda gate: gate.location)
    with ExitStack() as stack:
        passages = [stack.enter_context(gate.request(kind, size)) for gate in asked]
        if len(passages) > 1:
            # To wait for a turn at the second gate is no time of the first one's provider.
            first, last = passages
            first.elsewhere = max(0.0, last.begun - first.begun)
        yield
