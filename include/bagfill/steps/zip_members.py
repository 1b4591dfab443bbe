"""Members of a zip file, a slice of its directory at a time: a bag may have a million files."""

from __future__ import annotations

import stat
import zipfile
from array import array
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from bagfill.steps.raw_member import CHUNK, RawMember
from bagfill.steps.zip_directory import slices

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800
_UNIX = 3
_HEADER_BYTES = 30
_MORE = 1 << 40
"""Bytes that may come beyond what a member declares, to see that none do."""

_UNBOUNDED = frozenset((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
"""Compressions that the library undoes without a limit: what comes out is up to 20,000 times as much as was read."""
_UNBOUNDED_CHUNK = 4096


def zip_members(path: Path) -> Iterator[RawMember]:
    """Every member, in the order of the archive's directory.

    Raises:
        zipfile.BadZipFile: it is cut off, damaged or encrypted, or members share their bytes.
        NotImplementedError, RuntimeError, ValueError, EOFError, struct.error: of the library, for damage of many kinds.
        OSError: it could not be read.
    """
    places = _Places()
    with path.open("rb") as file:
        for archive in slices(file):
            for member in archive.infolist():
                if member.flag_bits & _ENCRYPTED:
                    raise zipfile.BadZipFile(f"{member.filename} is encrypted")
                places.add(member)
                kind = stat.S_IFMT(member.external_attr >> 16)
                yield RawMember(
                    name=_name(member),
                    size=member.file_size,
                    is_file=kind in {0, stat.S_IFREG},
                    is_folder=member.is_dir(),
                    chunks=partial(_chunks, archive, member),
                )
    places.require_apart()


class _Places:
    """Where the bytes of members are. In a zip bomb, all members share the same."""

    def __init__(self) -> None:
        self._starts = array("Q")
        self._ends = array("Q")

    def add(self, member: zipfile.ZipInfo) -> None:
        self._starts.append(member.header_offset)
        self._ends.append(member.header_offset + _HEADER_BYTES + member.compress_size)

    def require_apart(self) -> None:
        """No two overlap. Raises zipfile.BadZipFile."""
        starts, ends = self._starts, self._ends
        order = range(len(starts)) if _ascends(starts) else sorted(range(len(starts)), key=starts.__getitem__)
        if any(ends[one] > starts[other] for one, other in pairwise(order)):
            raise zipfile.BadZipFile("members overlap: what is read of one is read of another again")


def _ascends(numbers: array[int]) -> bool:
    return all(one <= other for one, other in pairwise(numbers))


def _name(member: zipfile.ZipInfo) -> str:
    """On Unix many programs write names in UTF-8 and do not say so; what is unpacked there has these names."""
    if member.flag_bits & _UTF8 or member.create_system != _UNIX or member.filename.isascii():
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    declared = member.file_size
    # The library leaves off what is beyond the declared size, where other programs do not.
    member.file_size += _MORE
    try:
        with archive.open(member) as file:
            size = _UNBOUNDED_CHUNK if member.compress_type in _UNBOUNDED else CHUNK
            while chunk := file.read(size):
                yield chunk
    finally:
        member.file_size = declared
