"""Records that end in a line with the SHA-256 of what stands before it.

Plans and results lie in a store for days, and steps act on them: a bit that flips there would have a good bag judged
corrupt, or a wrong one good. A record whose seal does not fit is damaged, and nothing is decided from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from bagfill.steps.records import RecordStore

_TOGETHER = 1000
"""Rows that are written in one piece."""


class RecordDamaged(ValueError):
    """A record is not what was written. Reading again may help, if it was damaged on the way."""

    retryable = True


class SealedRecords:
    """A :class:`RecordStore` whose records are sealed.

    Args:
        records: where they lie.
    """

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    @property
    def location(self) -> str:
        """The name of the location behind it."""
        return self._records.location

    def key(self, name: str) -> str:
        """The full key of a record in its store."""
        return self._records.key(name)

    def names(self, folder: str) -> list[str]:
        """Names of the records below ``folder`` (ending in ``/``), ascending. Raises StoreError."""
        return self._records.names(folder)

    def write_bytes(self, name: str, body: bytes) -> None:
        """Create a record; one that is there already stays as it is. Raises StoreError."""
        self._records.write_bytes(name, body + _seal(body))

    def write_chunks(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Create a record of any length without holding it; one that is there already stays as it is."""

        def sealed() -> Iterator[bytes]:
            running = hashlib.sha256()
            for chunk in chunks:
                running.update(chunk)
                yield bytes(chunk)
            yield _seal_of(running.hexdigest())

        self._records.write_chunks(name, sealed())

    def read_chunks(self, name: str) -> Iterator[bytes] | None:
        """The record without its seal in pieces, or ``None`` if there is none.

        Raises:
            RecordDamaged: after the last piece: the seal does not fit.
            StoreError: it could not be read, also in the middle.
        """
        chunks = self._records.read_chunks(name)
        return None if chunks is None else self._unsealed(name, chunks)

    def _unsealed(self, name: str, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
        length = len(_seal(b""))
        running = hashlib.sha256()
        rest = b""
        for chunk in chunks:
            rest += bytes(chunk)
            if len(rest) > length:
                body, rest = rest[:-length], rest[-length:]
                running.update(body)
                yield body
        if rest != _seal_of(running.hexdigest()):
            raise self._damaged(name)

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Create a record of one JSON object."""
        self.write_lines(name, [document])

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Create a record of JSON lines."""
        self.write_texts(name, (json.dumps(row, ensure_ascii=False) for row in rows))

    def write_texts(self, name: str, lines: Iterable[str]) -> None:
        """The same for rows that are JSON already."""
        self.write_bytes(name, "\n".join(lines).encode())

    def write_many_texts(self, name: str, lines: Iterable[str]) -> None:
        """The same for any number of rows, without holding them."""
        self.write_chunks(name, _joined(lines))

    def read_bytes(self, name: str) -> bytes | None:
        """The record without its seal, or ``None`` if there is none.

        Raises:
            RecordDamaged: the seal does not fit.
            StoreError: it could not be read.
        """
        data = self._records.read_bytes(name)
        if data is None:
            return None
        body = data[: -len(_seal(b""))]
        if data != body + _seal(body):
            raise self._damaged(name)
        return body

    def read_json(self, name: str) -> dict[str, Any] | None:
        """The one JSON object of a record, or ``None`` if there is no such record."""
        rows = self.read_lines(name)
        return None if rows is None else rows[0]

    def read_lines(self, name: str) -> list[dict[str, Any]] | None:
        """The rows of a record of JSON lines, or ``None`` if there is no such record."""
        body = self.read_bytes(name)
        return None if body is None else _rows(body)

    def read_many_lines(self, name: str) -> Iterator[dict[str, Any]] | None:
        """The same for any number of rows, without holding them. Raises RecordDamaged after the last of them."""
        chunks = self.read_chunks(name)
        return None if chunks is None else _rows_of(chunks)

    def _damaged(self, name: str) -> RecordDamaged:
        return RecordDamaged(f"{self.key(name)} at {self.location} is damaged: its seal does not fit")


def _rows(body: bytes) -> list[dict[str, Any]]:
    # One text for the library: called for each line, it would take twice as long.
    lines = [line for line in body.decode().split("\n") if line]
    rows: list[dict[str, Any]] = json.loads(f"[{','.join(lines)}]")
    if len(rows) != len(lines):
        raise ValueError("a line that is no JSON object")
    return rows


def _rows_of(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in lines if line)
    if rest:
        yield json.loads(rest)


def _joined(lines: Iterable[str]) -> Iterator[bytes]:
    before = ""
    left = iter(lines)
    while batch := list(islice(left, _TOGETHER)):
        yield before.encode() + "\n".join(batch).encode()
        before = "\n"


def _seal(body: bytes) -> bytes:
    return _seal_of(hashlib.sha256(body).hexdigest())


def _seal_of(sha256: str) -> bytes:
    """Of one length for every body."""
    return b'\n{"sha256": "' + sha256.encode() + b'"}\n'
