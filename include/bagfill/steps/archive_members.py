"""Members of a tar or zip file, one after the other, read as a stream: nothing is ever unpacked."""

from __future__ import annotations

import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

_CHUNK = 1024 * 1024
_LEAVES = re.compile(r"/|\\|[A-Za-z]:|(?:.*[/\\])?\.\.(?:[/\\]|\Z)", re.DOTALL)


class ArchiveDamaged(Exception):
    """A tar or zip file that cannot be read to its end. Not retryable: it is what lies there."""

    retryable = False


@dataclass(frozen=True, slots=True)
class Member:
    """One member.

    Args:
        name: as the archive has it, without ``./`` before it.
        size: in bytes.
        is_file: whether it is a file; folders are left out, so anything else is a link, a device, a pipe.
        chunks: its bytes; to be read before the next member is asked for.
    """

    name: str
    size: int
    is_file: bool
    chunks: Callable[[], Iterator[bytes]]

    @property
    def leaves(self) -> bool:
        """Whether it would be written outside the folder it is unpacked in, on any system."""
        return _LEAVES.match(self.name) is not None


def is_archive(path: Path) -> bool:
    """Whether a file is a tar (compressed or not) or a zip."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def members(path: Path) -> Iterator[Member]:
    """Every member but folders, in the archive's order.

    Raises:
        ArchiveDamaged: it is cut off, encrypted, or not what it says it is.
        OSError: it could not be read.
    """
    with _damage_told(path):
        yield from _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path)


def _tar_members(path: Path) -> Iterator[Member]:
    with tarfile.open(path) as archive:
        while (member := archive.next()) is not None:
            # The library keeps every header it has seen; a bag may have a million files.
            vars(archive)["members"] = []
            if member.isdir():
                continue
            name = member.name.removeprefix("./")
            yield Member(
                name, member.size, member.isreg(), partial(_chunks, path, partial(archive.extractfile, member))
            )


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            name = member.filename.removeprefix("./")
            is_file = kind in {0, stat.S_IFREG}
            yield Member(name, member.file_size, is_file, partial(_chunks, path, partial(archive.open, member)))


def _chunks(path: Path, open_member: Callable[[], IO[bytes] | None]) -> Iterator[bytes]:
    with _damage_told(path):
        file = open_member()
        if file is None:
            return
        with file:
            while chunk := file.read(_CHUNK):
                yield chunk


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError is what the library raises for an encrypted member, NotImplementedError for a compression.
        raise ArchiveDamaged(f"{path} cannot be read to its end: {error}") from error
