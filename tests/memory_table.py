"""A table of DynamoDB in memory: conditional changes are atomic, and what happens before a call is the test's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from threading import Lock
from zlib import crc32

from bagfill.registry.storage_service.rows import Item


def nothing(_operation: str) -> None:
    """Happens before a call, unless a test has something else in mind."""


class MemoryTable:
    """See :class:`bagfill.registry.storage_service.rows.Table`.

    Args:
        key: the attributes that name an item.
        page_rows: items of a page.
        before: is called before each call, with its name.
    """

    def __init__(
        self, *key: str, page_rows: int = 10, before: Callable[[str], None] = nothing, items: Sequence[Item] = ()
    ) -> None:
        self._key = key
        self._page_rows = page_rows
        self.before = before
        self._lock = Lock()
        self._items: dict[str, Item] = {}
        for item in items:
            self.put(item)

    def put(self, item: Item) -> None:
        """As the service itself writes: whatever is there."""
        with self._lock:
            self._items[self._name(item)] = deepcopy(item)

    def delete(self, key: Item) -> None:
        """As the deletion script does."""
        with self._lock:
            self._items.pop(self._name(key), None)

    def items(self) -> list[Item]:
        """Every item."""
        with self._lock:
            return deepcopy(list(self._items.values()))

    def get(self, key: Item) -> Item | None:
        self.before("get")
        with self._lock:
            return deepcopy(self._items.get(self._name(key)))

    def of_hash(self, name: str, value: str) -> Sequence[Item]:
        self.before("of_hash")
        return [item for item in self.items() if item[name] == value]

    def change(self, key: Item, values: Item, *, expected: Item) -> bool:
        self.before("change")
        with self._lock:
            item = self._items.get(self._name(key))
            if item is None or any(item.get(name) != value for name, value in expected.items()):
                return False
            self._items[self._name(key)] = {**item, **deepcopy(values)}
            return True

    def page(self, segment: int, segments: int, after: str | None) -> tuple[Sequence[Item], str | None]:
        self.before("page")
        with self._lock:
            names = sorted(name for name in self._items if crc32(name.encode()) % segments == segment)
            later = [name for name in names if after is None or name > json.loads(after)]
            page = later[: self._page_rows]
            cursor = json.dumps(page[-1]) if len(later) > len(page) else None
            return [deepcopy(self._items[name]) for name in page], cursor

    def _name(self, item: Item) -> str:
        return json.dumps([str(item[name]) for name in self._key])
