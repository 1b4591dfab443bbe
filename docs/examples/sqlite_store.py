"""A worked example of a provider: objects in one SQLite file, as rows. docs/howto/add-a-provider.md walks through it.

Each method does what :class:`bagfill.storage.store.ObjectStore` says; the contract suite holds it to that.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.filling import filled
from bagfill.storage.keys import (
    in_key_order,
    next_segment,
    require_folder,
    require_name,
    require_range,
    require_sequence,
)
from bagfill.storage.names import NameRules
from bagfill.storage.store import (
    NOTHING_NOTED,
    AlreadyExists,
    ArchiveState,
    Capability,
    Created,
    Noted,
    ObjectInfo,
    StagedBlock,
    ThawAnswer,
    ThawTier,
    TransitCheck,
)

# What the place can hold without changing it. Here: any text of at most 1,024 bytes.
NAMES = NameRules(provider="sqlite", max_bytes=1024, above_root=False)
_CHUNK = 1024 * 1024
_TABLES = """
CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, etag TEXT, at REAL, data BLOB);
CREATE TABLE IF NOT EXISTS uploads (token TEXT PRIMARY KEY, name TEXT);
CREATE TABLE IF NOT EXISTS blocks (token TEXT, number INTEGER, data BLOB, PRIMARY KEY (token, number));
"""


class SqliteStore:
    """One file, for one identity.

    Args:
        file: made when it is missing.
        location: the configured location's name.
    """

    def __init__(self, file: Path, *, location: str) -> None:
        self._file = file
        self._location = location
        with self.connected("", "open") as database:
            database.executescript(_TABLES)

    @property
    def location(self) -> str:
        return self._location

    @property
    def capabilities(self) -> frozenset[Capability]:
        # Nothing is ever archived, and nobody copies for us.
        return frozenset()

    @property
    def name_rules(self) -> NameRules:
        return NAMES

    # --- looking -----------------------------------------------------------------------------------------------------

    def stat(self, key: str) -> ObjectInfo | None:
        self._require_name(key, "stat")
        # `None` only for "no such row": everything else that is no answer raises in `connected`.
        return next(self._infos("name = ?", key, "stat"), None)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        require_folder(NAMES, prefix, location=self._location, operation="list")
        return self._infos("substr(name, 1, length(?1)) = ?1", prefix, "list")

    def list_folders(self, prefix: str) -> Iterator[str]:
        require_folder(NAMES, prefix, location=self._location, operation="list folders")
        found = {next_segment(info.key, prefix) for info in self.list(prefix)}
        return iter(in_key_order([folder for folder in found if folder is not None]))

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        self._require_name(key, "read")
        require_range(start, length)
        return self._read(key, start, length, etag)

    def _read(self, key: str, start: int, length: int | None, etag: str | None) -> Iterator[bytes | memoryview]:
        # One look for bytes and ETag: a replacement in between never mixes two objects.
        with self.connected(key, "read") as database:
            row = database.execute("SELECT etag, data FROM objects WHERE name = ?", (key,)).fetchone()
        if row is None:
            raise self.error(StoreFailure.MISSING, key, "read", "no such row")
        if etag is not None and row[0] != etag:
            raise self.error(StoreFailure.CHANGED, key, "read", "another ETag")
        data = memoryview(row[1])
        end = len(data) if length is None else start + length
        if max(start, end) > len(data):
            # Exactly the bytes asked for, or an error: never a short answer.
            raise self.error(StoreFailure.CHANGED, key, "read", f"the object ends at byte {len(data)}")
        for position in range(start, end, _CHUNK):
            yield data[position : min(position + _CHUNK, end)]

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        # A shorter way where the place has one; else this line.
        return filled(self.read(key, etag=etag), into)

    # --- writing: never over anything that is there ------------------------------------------------------------------

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        self._require_name(key, "create")
        etag = secrets.token_hex(16)
        row = (key, etag, datetime.now(UTC).timestamp(), bytes(data))
        with self.connected(key, "create") as database:
            # One statement decides; to look first and write then would be two.
            made = database.execute("INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
        return Created(etag=etag) if made.rowcount else AlreadyExists()

    def stage(self, key: str, *, token: str | None = None) -> StagedRows:
        self._require_name(key, "stage")
        if token is None:
            token = secrets.token_hex(16)
            with self.connected(key, "stage") as database:
                database.execute("INSERT INTO uploads VALUES (?, ?)", (token, key))
        return StagedRows(self, key, token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:  # noqa: ARG002 - never thaws
        self._require_name(key, "request thaw")
        raise self.error(StoreFailure.UNSUPPORTED, key, "request thaw", "rows are never archived")

    def close(self) -> None:
        """Each call has a connection of its own."""

    # --- what the others stand on ------------------------------------------------------------------------------------

    @contextmanager
    def connected(self, key: str, operation: str) -> Iterator[sqlite3.Connection]:
        """A transaction. Whatever the database says becomes a StoreError; whether to try again is decided here."""
        try:
            with closing(sqlite3.connect(self._file, timeout=30)) as database, database:
                yield database
        except sqlite3.OperationalError as error:
            # Locked, or the disk is full: it may go later. The text stays out: it may hold a path.
            raise self.error(StoreFailure.UNAVAILABLE, key, operation, type(error).__name__) from None
        except sqlite3.DatabaseError as error:
            raise self.error(StoreFailure.MISCONFIGURED, key, operation, type(error).__name__) from None

    def error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._location, key=key, operation=operation, detail=detail)

    def _infos(self, condition: str, value: str, operation: str) -> Iterator[ObjectInfo]:
        columns = "name, etag, at, length(data)"
        with self.connected(value, operation) as database:
            found = database.execute(f"SELECT {columns} FROM objects WHERE {condition} ORDER BY name", (value,))  # noqa: S608 - ours
            for name, etag, at, size in found:
                moment = datetime.fromtimestamp(at, UTC)
                yield ObjectInfo(name, size, etag, "", ArchiveState.READABLE, last_modified=moment)

    def _require_name(self, key: str, operation: str) -> None:
        require_name(NAMES, key, location=self._location, operation=operation)


class StagedRows:
    """A large object in the making: blocks as rows that no listing shows."""

    def __init__(self, store: SqliteStore, key: str, token: str) -> None:
        self._store, self._key, self._token = store, key, token

    @property
    def token(self) -> str:
        return self._token

    @property
    def check(self) -> TransitCheck:
        return TransitCheck.CRC64

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:  # noqa: ARG002 - all CRCs are known
        with self._begun("list blocks") as database:
            return {number: _block(number, data) for number, data in self._blocks(database)}

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        block = _block(index, data)
        if block.crc != crc:
            raise self._store.error(StoreFailure.CORRUPTED_IN_TRANSIT, self._key, "stage block", "another CRC-64")
        with self._begun("stage block") as database:
            database.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", (self._token, index, bytes(data)))
        return block

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        require_sequence(blocks)
        if self._store.stat(self._key) is not None:
            # Somebody's, or our own whose answer was lost: the caller compares the bytes in either case.
            return AlreadyExists()
        with self._begun("commit") as database:
            held = dict(self._blocks(database))
        for block in blocks:
            if block.index not in held or _block(block.index, held[block.index]) != block:
                detail = f"block {block.index} is not staged so"
                raise self._store.error(StoreFailure.MISSING, self._key, "commit", detail)
        answer = self._store.create(self._key, b"".join(held[block.index] for block in blocks))
        if isinstance(answer, Created):
            self.abandon()
        return answer

    def abandon(self) -> None:
        with self._store.connected(self._key, "abandon") as database:
            database.execute("DELETE FROM blocks WHERE token = ?", (self._token,))
            database.execute("DELETE FROM uploads WHERE token = ?", (self._token,))

    @contextmanager
    def _begun(self, operation: str) -> Iterator[sqlite3.Connection]:
        with self._store.connected(self._key, operation) as database:
            begun = database.execute("SELECT 1 FROM uploads WHERE token = ? AND name = ?", (self._token, self._key))
            if begun.fetchone() is None:
                raise self._store.error(StoreFailure.MISSING, self._key, operation, "no such staged write")
            yield database

    def _blocks(self, database: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
        query = "SELECT number, data FROM blocks WHERE token = ? ORDER BY number"
        yield from database.execute(query, (self._token,))


def _block(index: int, data: bytes | memoryview) -> StagedBlock:
    return StagedBlock(index=index, size=len(data), crc=Crc64.of(data))
