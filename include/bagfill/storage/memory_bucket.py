"""What a memory store keeps: objects, archive states on a clock that a test may move, and staged blocks."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.store import ArchiveState, ObjectInfo, ThawAnswer, ThawTier

ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes of S3 whose bytes need a restore; GLACIER_IR is read directly."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Thaw:
    ready_at: datetime
    expires_at: datetime
    tier: ThawTier


@dataclass(frozen=True, slots=True)
class _Stored:
    data: bytes
    etag: str
    storage_class: str
    last_modified: datetime
    thaw: _Thaw | None = None
    crc: Crc64 | None = None


class MemoryBucket:
    """Objects shared by any number of :class:`bagfill.storage.memory.MemoryStore` handles. Safe in threads.

    ``put_unconditionally``, ``remove`` and ``archive`` play the outside world, which no store of ours does: another
    program that replaces or deletes objects, a lifecycle rule that archives them.

    Args:
        clock: the time now, timezone-aware; a test passes its own to move it.
        thaw_delays: how long a thaw takes per tier; zero for tiers not named.
        keeps_crc: whether it tells the CRC-64 that each object had when it was written.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = _utc_now,
        thaw_delays: Mapping[ThawTier, timedelta] | None = None,
        keeps_crc: bool = False,
    ) -> None:
        self._keeps_crc = keeps_crc
        self._clock = clock
        self._thaw_delays = dict(thaw_delays or {})
        self._lock = threading.RLock()
        self._objects: dict[str, _Stored] = {}
        self._uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self._numbers = itertools.count(1)
        self.thaw_requests: list[tuple[str, ThawTier, int]] = []
        """Every thaw that began (and would be paid), in order: key, tier, days."""

    def put_unconditionally(self, key: str, data: bytes, *, storage_class: str = "STANDARD") -> str:
        """Write an object whatever is there, and return its new ETag: somebody else's program at work."""
        with self._lock:
            crc = Crc64.of(data) if self._keeps_crc else None
            stored = _Stored(bytes(data), f"etag-{next(self._numbers)}", storage_class, self._clock(), crc=crc)
            self._objects[key] = stored
            return stored.etag

    def remove(self, key: str) -> None:
        """Delete an object: somebody else's program at work. KeyError if there is none."""
        with self._lock:
            del self._objects[key]

    def archive(self, key: str, storage_class: str = "GLACIER") -> None:
        """Move an object to another storage class and forget its thaw: a lifecycle rule at work."""
        with self._lock:
            self._objects[key] = replace(self._objects[key], storage_class=storage_class, thaw=None)

    def contents(self) -> dict[str, bytes]:
        """Every object's bytes by key, whatever its archive state: for asserting on the whole bucket."""
        with self._lock:
            return {key: stored.data for key, stored in self._objects.items()}

    def open_uploads(self) -> dict[str, str]:
        """Key by token of the staged writes that are neither committed nor abandoned."""
        with self._lock:
            return {token: key for token, (key, _blocks) in self._uploads.items()}

    def keys(self, prefix: str) -> list[str]:
        """The keys that start with ``prefix``, in no order."""
        with self._lock:
            return [key for key in self._objects if key.startswith(prefix)]

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known of one object now, or ``None``."""
        found = self.snapshot(key)
        return None if found is None else found[0]

    def snapshot(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        """State and bytes of one object at one moment, or ``None``."""
        with self._lock:
            stored = self._objects.get(key)
            if stored is None:
                return None
            state = self._archive_state(stored)
            info = ObjectInfo(
                key=key,
                size=len(stored.data),
                etag=stored.etag,
                storage_class=stored.storage_class,
                archive=state,
                readable_until=stored.thaw.expires_at if stored.thaw and state is ArchiveState.THAWED else None,
                last_modified=stored.last_modified,
                crc=stored.crc,
            )
            return info, stored.data

    def put_if_absent(self, key: str, data: bytes) -> str | None:
        """Write an object if there is none; its ETag, or ``None`` if there was one."""
        with self._lock:
            return None if key in self._objects else self.put_unconditionally(key, data)

    def request_thaw(self, key: str, tier: ThawTier, days: int) -> ThawAnswer:
        """Start, prolong or join a thaw, as S3's RestoreObject answers. KeyError if there is no such object."""
        with self._lock:
            stored = self._objects[key]
            now = self._clock()
            match self._archive_state(stored):
                case ArchiveState.READABLE:
                    return ThawAnswer.NOT_ARCHIVED
                case ArchiveState.THAWING if stored.thaw is not None and tier.speed <= stored.thaw.tier.speed:
                    return ThawAnswer.ALREADY_IN_PROGRESS
                case ArchiveState.THAWED:
                    expires_at = _next_midnight(now + timedelta(days=days))
                    self._objects[key] = replace(stored, thaw=_Thaw(now, expires_at, tier))
                    return ThawAnswer.EXTENDED
                case ArchiveState.ARCHIVED | ArchiveState.THAWING:
                    ready_at = now + self._thaw_delays.get(tier, timedelta())
                    expires_at = _next_midnight(ready_at + timedelta(days=days))
                    self._objects[key] = replace(stored, thaw=_Thaw(ready_at, expires_at, tier))
                    self.thaw_requests.append((key, tier, days))
                    return ThawAnswer.REQUESTED

    def open_upload(self, key: str) -> str:
        """Start a staged write and return its token."""
        with self._lock:
            token = f"staged-{next(self._numbers)}"
            self._uploads[token] = (key, {})
            return token

    def upload(self, key: str, token: str) -> dict[int, bytes] | None:
        """A copy of a staged write's blocks by index, or ``None`` if it is gone or another key's."""
        with self._lock:
            upload_key, blocks = self._uploads.get(token, ("", {}))
            return dict(blocks) if upload_key == key else None

    def put_block(self, key: str, token: str, index: int, data: bytes) -> bool:
        """Keep one block of a staged write; ``False`` if the staged write is gone or another key's."""
        with self._lock:
            upload_key, blocks = self._uploads.get(token, ("", {}))
            if upload_key != key:
                return False
            blocks[index] = data
            return True

    def close_upload(self, token: str) -> None:
        """Forget a staged write; nothing happens if it is gone."""
        with self._lock:
            self._uploads.pop(token, None)

    def _archive_state(self, stored: _Stored) -> ArchiveState:
        if stored.storage_class not in ARCHIVE_CLASSES:
            return ArchiveState.READABLE
        now = self._clock()
        if stored.thaw is None or now >= stored.thaw.expires_at:
            return ArchiveState.ARCHIVED
        return ArchiveState.THAWED if now >= stored.thaw.ready_at else ArchiveState.THAWING


def _next_midnight(moment: datetime) -> datetime:
    """S3 rounds the end of a restored copy up to midnight UTC."""
    day = moment.astimezone(UTC)
    midnight = datetime.combine(day.date(), time(), UTC)
    return midnight if midnight == day else midnight + timedelta(days=1)
