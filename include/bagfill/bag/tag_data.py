"""The bytes of a tag file: in memory, or read again each time. A manifest of a million files has 100 MB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bagfill.bag.errors import BagFormatError, FormatCode, loading

MOST_HELD = 16 * 1024 * 1024
"""Bytes of a tag file that is taken into memory whole."""


class TagText(Protocol):
    """A tag file that is not held; it is the same bytes each time."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The file from its first byte, in pieces of any length.

        Raises:
            Exception: its own, at the latest after the last piece, if it cannot be read as what it was.
        """
        ...


TagData = bytes | TagText
"""A tag file either way."""


def chunks_of(data: TagData) -> Iterator[bytes | memoryview]:
    """The file in pieces."""
    return iter((data,)) if isinstance(data, bytes) else data.chunks()


def held(data: TagData, file: str) -> bytes:
    """The whole file, of one that is small: ``bag-info.txt``.

    Args:
        data: the file.
        file: its name, for the error.

    Raises:
        BagFormatError: ``TAG-FILE-UNREADABLE``: it has more than 16 MiB. Nobody wrote so much of a bag by hand, and in
            a zip file gigabytes of it may take a few kilobytes.
    """
    whole = data if isinstance(data, bytes) else first_bytes(data, MOST_HELD + 1)
    if len(whole) > MOST_HELD:
        reason = f"it has more than {MOST_HELD} bytes, and no more are read"
        raise BagFormatError(FormatCode.TAG_FILE_UNREADABLE, file, None, loading(file, reason))
    return whole


def first_bytes(data: TagData, count: int) -> bytes:
    """The first so many bytes of the file, or all of them if it is shorter."""
    found = bytearray()
    for chunk in chunks_of(data):
        found += chunk[: count - len(found)]
        if len(found) == count:
            break
    return bytes(found)


@dataclass(frozen=True, slots=True)
class Without:
    """A tag file without the bytes it begins with.

    Args:
        data: the file.
        prefix: what is left out, if it begins so.
    """

    data: TagText
    prefix: bytes

    def chunks(self) -> Iterator[bytes | memoryview]:
        """See :meth:`TagText.chunks`."""
        left = len(self.prefix) if first_bytes(self.data, len(self.prefix)) == self.prefix else 0
        for chunk in self.data.chunks():
            yield chunk[left:]
            left = max(0, left - len(chunk))
