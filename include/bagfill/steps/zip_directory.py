"""The directory of a zip file, in slices that the standard library reads as if each were the whole of it.

``zipfile`` keeps some 700 bytes for each member of an archive it opens. Given an archive whose directory is a slice of
the real one it keeps them for that slice, and all its checks hold. Formats: APPNOTE.TXT of PKWARE, sections 4.3.12 to
4.3.16.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import closing
from io import SEEK_CUR, SEEK_END, SEEK_SET
from typing import IO, NamedTuple

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_MARK = b"PK\x06\x06"
_LOCATOR64 = struct.Struct("<4sLQL")
_LOCATOR64_MARK = b"PK\x06\x07"
_ENTRY_BYTES = 46
_ENTRY_MARK = b"PK\x01\x02"
_ENTRY_LENGTHS = struct.Struct("<3H")
_ENTRY_LENGTHS_AT = 28
_LONGEST_COMMENT = 0xFFFF
_COUNTS = 0x10000
_WINDOW = 512 * 1024
"""Bytes of a slice: more than the longest entry, which has 196,651."""


class _Directory(NamedTuple):
    """Where the directory is.

    Args:
        start: its first byte in the file.
        size: in bytes.
        offset: where the archive itself says that it starts: less, if something was put before the archive.
        entries: how many it should have.
        counts_to: entries are counted modulo this.
    """

    start: int
    size: int
    offset: int
    entries: int
    counts_to: int


def slices(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The archive, as several of some thousand members each; each is closed when the next is asked for.

    Raises:
        zipfile.BadZipFile: its directory is cut off or damaged.
        NotImplementedError, ValueError, struct.error: of the library, for damage of many kinds.
        OSError: it could not be read.
    """
    directory = _find(file)
    done = count = 0
    while done < directory.size:
        file.seek(directory.start + done)
        entries = _whole_entries(file.read(min(_WINDOW, directory.size - done)))
        view = _View(file, directory.start, entries.data + _end(directory, entries))
        with closing(zipfile.ZipFile(view)) as archive:
            yield archive
        done += len(entries.data)
        count += entries.members
    # Some programs count to 65,535 and begin again.
    if (count - directory.entries) % directory.counts_to:
        raise zipfile.BadZipFile(f"its directory has {count} members, and should have {directory.entries}")


def _find(file: IO[bytes]) -> _Directory:
    length = file.seek(0, SEEK_END)
    tail_at = max(0, length - _LONGEST_COMMENT - _END.size)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or at + _END.size > len(tail):
        raise zipfile.BadZipFile("it has no directory, which is at the end: it is cut off")
    _, _, _, _, entries, size, offset, _ = _END.unpack_from(tail, at)
    end, counts_to = tail_at + at, _COUNTS
    found = _find64(file, end)
    if found is not None:
        end, entries, size, offset = found
        counts_to = 1 << 64
    start = end - size
    if start < offset:
        raise zipfile.BadZipFile("its directory is not where it should be")
    return _Directory(start, size, offset, entries, counts_to)


def _find64(file: IO[bytes], end: int) -> tuple[int, int, int, int] | None:
    """Of a large archive: where the directory ends, its entries, its size and its offset."""
    at = end - _LOCATOR64.size - _END64.size
    if at < 0:
        return None
    file.seek(at)
    data = file.read(_END64.size + _LOCATOR64.size)
    if not data.startswith(_LOCATOR64_MARK, _END64.size):
        return None
    _, _, _, disks = _LOCATOR64.unpack_from(data, _END64.size)
    if disks > 1 or not data.startswith(_END64_MARK):
        raise zipfile.BadZipFile("it is one part of several, or its directory is damaged")
    *_, entries, size, offset = _END64.unpack_from(data)
    return at, entries, size, offset


class _Entries(NamedTuple):
    data: bytes
    members: int


def _whole_entries(window: bytes) -> _Entries:
    """The entries at the start of some bytes that are there to their end."""
    end = count = 0
    while end + _ENTRY_BYTES <= len(window):
        if not window.startswith(_ENTRY_MARK, end):
            raise zipfile.BadZipFile("its directory is damaged")
        after = end + _ENTRY_BYTES + sum(_ENTRY_LENGTHS.unpack_from(window, end + _ENTRY_LENGTHS_AT))
        if after > len(window):
            break
        end = after
        count += 1
    if not end:
        raise zipfile.BadZipFile("its directory is cut off")
    return _Entries(window[:end], count)


def _end(directory: _Directory, entries: _Entries) -> bytes:
    """What follows a directory that has these entries alone, in the form for large archives."""
    size = len(entries.data)
    end64 = _END64.pack(
        _END64_MARK, _END64.size - 12, 45, 45, 0, 0, entries.members, entries.members, size, directory.offset
    )
    locator = _LOCATOR64.pack(_LOCATOR64_MARK, 0, directory.offset + size, 1)
    return end64 + locator + _END.pack(_END_MARK, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)


class _View:
    """The file up to some place, and what follows it instead.

    Args:
        file: the archive.
        cut: where something else begins.
        rest: what that is.
    """

    def __init__(self, file: IO[bytes], cut: int, rest: bytes) -> None:
        self._file = file
        self._cut = cut
        self._rest = rest
        self._at = 0

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place."""
        return self._at

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go to a place. Raises ValueError: before the first byte."""
        base = {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._cut + len(self._rest)}[whence]
        if base + offset < 0:
            raise ValueError(f"a place before its first byte: {base + offset}")
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Some bytes: fewer than asked for at the end, and where one part ends."""
        if self._at < self._cut:
            self._file.seek(self._at)
            most = self._cut - self._at
            data = self._file.read(most if size < 0 else min(size, most))
        else:
            start = self._at - self._cut
            data = self._rest[start:] if size < 0 else self._rest[start : start + size]
        self._at += len(data)
        return data

    def close(self) -> None:
        """The file stays open for the next view."""
