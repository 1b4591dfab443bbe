"""Records that end in a line with the SHA-256 of what stands before it.

Plans and results lie in a store for days, and steps act on them: a bit that flips there would have a good bag judged
corrupt, or a wrong one good. A record whose seal does not fit is damaged, and nothing is decided from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bagfill.steps.records import RecordStore


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

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Create a record of one JSON object."""
        self.write_lines(name, [document])

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Create a record of JSON lines."""
        self.write_bytes(name, "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())

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
            raise RecordDamaged(f"{self.key(name)} at {self.location} is damaged: its seal does not fit")
        return body

    def read_json(self, name: str) -> dict[str, Any] | None:
        """The one JSON object of a record, or ``None`` if there is no such record."""
        rows = self.read_lines(name)
        return None if rows is None else rows[0]

    def read_lines(self, name: str) -> list[dict[str, Any]] | None:
        """The rows of a record of JSON lines, or ``None`` if there is no such record."""
        body = self.read_bytes(name)
        return None if body is None else [json.loads(line) for line in body.split(b"\n") if line]


def _seal(body: bytes) -> bytes:
    """Of one length for every body."""
    return b'\n{"sha256": "' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'
