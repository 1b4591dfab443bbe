"""Small files of ours (plans, shards, results, receipts) in an object store or a folder, each written once.

A record is created whole or not at all, and never changed: whoever runs a step again finds what was finished before and
goes on from there. Records are JSON documents or JSON lines (one object a line, UTF-8).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import AlreadyExists, Created, ObjectStore

_BLOCK_BYTES = 8 * 1024 * 1024
"""Of a large record: S3 takes blocks from 5 MiB, and 10,000 of them."""


class RecordStore:
    """Records under a prefix of a store.

    Args:
        store: where they lie.
        prefix: stands before every name; empty, or ending in ``/``.
    """

    def __init__(self, store: ObjectStore, prefix: str = "") -> None:
        self._store = store
        self._prefix = prefix

    @property
    def location(self) -> str:
        """The name of the location behind it."""
        return self._store.location

    def key(self, name: str) -> str:
        """The full key of a record in its store."""
        return f"{self._prefix}{name}"

    def write_bytes(self, name: str, data: bytes) -> bool:
        """Create a record; ``False`` if one is there already (which stays as it is). Raises StoreError."""
        match self._store.create(self.key(name), data):
            case Created():
                return True
            case AlreadyExists():
                return False

    def write_json(self, name: str, document: Mapping[str, Any]) -> bool:
        """Create a JSON record; ``False`` if one is there already."""
        return self.write_bytes(name, json.dumps(document, ensure_ascii=False).encode())

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> bool:
        """Create a record of JSON lines; ``False`` if one is there already."""
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return self.write_bytes(name, text.encode())

    def write_chunks(self, name: str, chunks: Iterable[bytes]) -> bool:
        """Create a record of any length without holding it; ``False`` if one is there already.

        A record that is longer than one block is staged and appears whole. Raises StoreError.

        Args:
            chunks: the record in pieces; taken to the end in any case.
        """
        blocks = _blocks(chunks)
        first = next(blocks, b"")
        second = next(blocks, None)
        if second is None:
            return self.write_bytes(name, first)
        staged = self._store.stage(self.key(name))
        try:
            held = [
                staged.stage(index, block, Crc64.of(block))
                for index, block in enumerate(chain((first, second), blocks))
            ]
            answer = staged.commit(held)
        except Exception:
            with suppress(StoreError):
                staged.abandon()
            raise
        match answer:
            case Created():
                return True
            case AlreadyExists():
                staged.abandon()
                return False

    def read_chunks(self, name: str) -> Iterator[bytes | memoryview] | None:
        """The record in pieces, or ``None`` if there is none. Raises StoreError, also in the middle."""
        chunks = iter(self._store.read(self.key(name)))
        try:
            first = next(chunks, b"")
        except StoreError as error:
            if error.failure is StoreFailure.MISSING:
                return None
            raise
        return chain((first,), chunks)

    def read_bytes(self, name: str) -> bytes | None:
        """The record, or ``None`` if there is none. Raises StoreError when that can't be found out."""
        chunks = self.read_chunks(name)
        return None if chunks is None else b"".join(chunks)

    def read_json(self, name: str) -> dict[str, Any] | None:
        """The JSON record, or ``None`` if there is none."""
        data = self.read_bytes(name)
        if data is None:
            return None
        document = json.loads(data)
        if not isinstance(document, dict):
            msg = f"{self.key(name)} at {self.location} is not a JSON object"
            raise TypeError(msg)
        return document

    def read_lines(self, name: str) -> Iterator[dict[str, Any]] | None:
        """The rows of a record of JSON lines, or ``None`` if there is none."""
        data = self.read_bytes(name)
        if data is None:
            return None
        return (json.loads(line) for line in data.split(b"\n") if line)

    def exists(self, name: str) -> bool:
        """Whether the record is there."""
        return self._store.stat(self.key(name)) is not None

    def names(self, folder: str) -> list[str]:
        """Names of the records below ``folder`` (ending in ``/``), ascending."""
        start = len(self._prefix)
        return [info.key[start:] for info in self._store.list(self.key(folder))]


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of one length, but for the last."""
    block = bytearray()
    for chunk in chunks:
        block += chunk
        while len(block) >= _BLOCK_BYTES:
            yield bytes(block[:_BLOCK_BYTES])
            del block[:_BLOCK_BYTES]
    if block:
        yield bytes(block)
