"""Members of a tar file, compressed or not, in one pass from its first byte to its last."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO, Protocol, cast

from bagfill.steps.raw_member import CHUNK, RawMember

_LARGEST_HEADER = 16 * 1024 * 1024
"""Bytes of a header with a long name and attributes: more than any program writes."""


def tar_members(path: Path) -> Iterator[RawMember]:
    """Every member, in the archive's order.

    Raises:
        tarfile.TarError: it is cut off or damaged. The library takes a damaged header within for the archive's end;
            this does not.
        OSError, EOFError, zlib.error, lzma.LZMAError, ValueError: of the libraries, for damage of many kinds.
    """
    with closing(open_tar(path)) as archive:
        reached = -1
        while (member := archive.next()) is not None:
            # The library keeps every header it has seen; a bag may have a million files.
            vars(archive)["members"] = []
            # A negative size leads back, and round for ever.
            if member.size < 0 or archive.offset <= reached:
                raise tarfile.ReadError(f"{member.name}: a size of {member.size}")
            reached = archive.offset
            chunks = partial(_chunks, archive, member)
            yield RawMember(member.name, member.size, member.isreg(), member.isdir(), chunks)
        archive.stream.require_end()


class _Tar(tarfile.TarFile):
    """An archive that is closed with what it is read from."""

    stream: _Stream

    def close(self) -> None:
        super().close()
        self.stream.close()


def open_tar(path: Path) -> _Tar:
    """The archive, with its first header read. Raises as :func:`tar_members`."""
    with path.open("rb") as file:
        start = file.read(max(map(len, _COMPRESSIONS)))
    opened = next((each for magic, each in _COMPRESSIONS.items() if start.startswith(magic)), _plain)
    stream = _Stream(opened(path))
    try:
        # It is only read.
        archive = _Tar(fileobj=cast("IO[bytes]", stream))
    except BaseException:
        stream.close()
        raise
    archive.stream = stream
    return archive


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, /) -> int: ...
    def tell(self) -> int: ...
    def close(self) -> None: ...


def _plain(path: Path) -> _Source:
    return path.open("rb")


_COMPRESSIONS: dict[bytes, Callable[[Path], _Source]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x5d\x00\x00": lzma.LZMAFile,
}


class _Stream:
    """What the library reads from. It would read a header of any length at once, though it be gigabytes of nothing.

    Args:
        source: the archive, decompressed.
    """

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._last = b""
        self.seek = source.seek
        self.tell = source.tell
        self.close = source.close

    def seekable(self) -> bool:
        """It is read forwards alone, but places are skipped."""
        return True

    def read(self, size: int) -> bytes:
        """Some bytes. Raises tarfile.ReadError: more are asked for than any header has."""
        if not 0 <= size <= _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self._last = self._source.read(size)
        return self._last

    def require_end(self) -> None:
        """What was read last was the mark of the archive's end, and nothing follows. Raises tarfile.ReadError."""
        if len(self._last) != tarfile.BLOCKSIZE or self._last.strip(b"\0"):
            raise tarfile.ReadError("cut off, or a header is damaged" if self._last else "cut off: it has no end mark")
        while chunk := self._source.read(CHUNK):
            if chunk.strip(b"\0"):
                raise tarfile.ReadError("something follows its end mark, which some programs read and others do not")


def _chunks(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(member)
    if file is not None:
        with file:
            while chunk := file.read(CHUNK):
                yield chunk
