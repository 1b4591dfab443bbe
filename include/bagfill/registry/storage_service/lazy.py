"""The service's table and those who have to know of a new location, opened when first asked.

Most tasks of a run copy and read back; they shall not load what speaks to the service, nor need its identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, Protocol, TypeVar

from bagfill.registry.storage_service.aftermath import Publisher, ResponseCache
from bagfill.registry.storage_service.rows import Item, Table


class Closable(Protocol):
    """Something with connections."""

    def close(self) -> None:
        """Release them."""
        ...


Opened = TypeVar("Opened", bound=Closable)


class WhenAsked(Generic[Opened]):
    """Opens something at the first call and keeps it. Safe to share between threads.

    Args:
        open_it: opens it; what it raises goes to whoever asked, and the next one tries again.
    """

    def __init__(self, open_it: Callable[[], Opened]) -> None:
        self._open_it = open_it
        self._opened: Opened | None = None
        self._lock = Lock()

    def __call__(self) -> Opened:
        """The thing itself."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open_it()
            return self._opened

    def close(self) -> None:
        """Close it, if it was opened."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None


class LazyTable:
    """See :class:`bagfill.registry.storage_service.rows.Table`.

    Args:
        table: gives it.
    """

    def __init__(self, table: Callable[[], Table]) -> None:
        self._table = table

    def get(self, key: Item) -> Item | None:
        """See :meth:`Table.get`."""
        return self._table().get(key)

    def of_hash(self, name: str, value: str) -> Sequence[Item]:
        """See :meth:`Table.of_hash`."""
        return self._table().of_hash(name, value)

    def change(self, key: Item, values: Item, *, expected: Item) -> bool:
        """See :meth:`Table.change`."""
        return self._table().change(key, values, expected=expected)

    def page(self, segment: int, segments: int, after: str | None) -> tuple[Sequence[Item], str | None]:
        """See :meth:`Table.page`."""
        return self._table().page(segment, segments, after)


class LazyCache:
    """See :class:`bagfill.registry.storage_service.aftermath.ResponseCache`.

    Args:
        cache: gives it.
    """

    def __init__(self, cache: Callable[[], ResponseCache]) -> None:
        self._cache = cache

    def forget(self, key: str) -> None:
        """See :meth:`ResponseCache.forget`."""
        self._cache().forget(key)


class LazyPublisher:
    """See :class:`bagfill.registry.storage_service.aftermath.Publisher`.

    Args:
        publisher: gives it.
    """

    def __init__(self, publisher: Callable[[], Publisher]) -> None:
        self._publisher = publisher

    def publish(self, message: str) -> None:
        """See :meth:`Publisher.publish`."""
        self._publisher().publish(message)
