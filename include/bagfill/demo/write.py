"""Puts sample bags into an object store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bagfill.checksum.crc64 import Crc64
from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.content import Content
from bagfill.storage.location import Location
from bagfill.storage.store import AlreadyExists, Created, ObjectStore, StagedBlock

_SMALL = 8 * 1024 * 1024
_BLOCK = 16 * 1024 * 1024


def write_bag(
    store: ObjectStore, location: Location, bag: SampleBag, *, progress: Callable[[int], None] | None = None
) -> None:
    """Create every object of a bag version at its source; those that are there already stay as they are.

    Args:
        store: opened on ``location``.
        location: gives the keys.
        bag: what to write.
        progress: is told the bytes of each object when it is written.

    Raises:
        StoreError: the store did not answer or refused.
    """
    for item in bag.objects:
        write_object(store, location.version_prefix(bag.id) + item.path, item.content)
        if progress is not None:
            progress(item.content.size)


def plant(store: ObjectStore, location: Location, bag: SampleBag) -> None:
    """Create at the destination what somebody else left there. Raises StoreError."""
    for path, content in bag.planted.items():
        write_object(store, location.version_prefix(bag.id) + path, content)


def write_object(store: ObjectStore, key: str, content: Content) -> Created | AlreadyExists:
    """Create one object: small ones in one request, large ones in blocks of 16 MiB. Raises StoreError."""
    if content.size <= _SMALL:
        return store.create(key, b"".join(content.chunks()))
    staged = store.stage(key)
    blocks: list[StagedBlock] = []
    for index, data in enumerate(_blocks(content)):
        blocks.append(staged.stage(index, data, Crc64.of(data)))
    return staged.commit(blocks)


def _blocks(content: Content) -> Iterator[bytes]:
    pending = bytearray()
    for chunk in content.chunks():
        pending += chunk
        if len(pending) >= _BLOCK:
            yield bytes(pending[:_BLOCK])
            del pending[:_BLOCK]
    if pending:
        yield bytes(pending)
