"""Members of a tar or zip file, one after the other, read as a stream: nothing is ever unpacked."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bagfill.steps.archive_damage import ArchiveDamaged, damage_told
from bagfill.steps.tar_members import open_tar, tar_members
from bagfill.steps.zip_members import zip_members

_ZIP_MARK = b"PK\x03\x04"
_LEAVES = re.compile(r"/|\\|[A-Za-z]:|(?:.*[/\\])?\.\.(?:[/\\]|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Member:
    """One member.

    Args:
        name: as it is when it is unpacked: without ``./``, and with single slashes.
        size: in bytes, as the archive declares it.
        is_file: whether it is a file; anything else is a link, a device, a pipe, or a folder outside.
        chunks: its bytes, all that were declared and no more; to be read before the next member is asked for.
            Raises ArchiveDamaged, OSError.
    """

    name: str
    size: int
    is_file: bool
    chunks: Callable[[], Iterator[bytes]]

    @property
    def leaves(self) -> bool:
        """Whether it would be written outside the folder it is unpacked in, on any system."""
        return _leaves(self.name)


def is_archive(path: Path) -> bool:
    """Whether a file is a tar (compressed or not) or a zip, perhaps a damaged one. Raises OSError."""
    return _is_tar(path) or _is_zip(path)


def members(path: Path) -> Iterator[Member]:
    """Every member in the archive's order, but folders that lie in it.

    What begins as a tar is one, whatever its last bytes look like: the last file of a bag may be a zip.

    Raises:
        ArchiveDamaged: it is cut off, encrypted, or not what it says it is.
        OSError: it could not be read.
    """
    with damage_told(path):
        if _is_tar(path):
            found = tar_members(path)
        elif _is_zip(path):
            found = zip_members(path)
        else:
            raise ArchiveDamaged(f"{path} does not begin as a tar file, nor begin or end as a zip file")
        for raw in found:
            name = _unpacked(raw.name)
            if not raw.is_folder or _leaves(name):
                yield Member(name, raw.size, raw.is_file and name != "", _Whole(path, raw.name, raw.size, raw.chunks))


@dataclass(frozen=True, slots=True)
class _Whole:
    """The bytes of a member, as many as were declared.

    Args:
        path: of the archive.
        name, size: of the member.
        read: yields its bytes, perhaps too few or some that are too many.
    """

    path: Path
    name: str
    size: int
    read: Callable[[], Iterator[bytes]]

    def __call__(self) -> Iterator[bytes]:
        count = 0
        with damage_told(self.path, self.name):
            for chunk in self.read():
                count += len(chunk)
                if count > self.size:
                    raise ArchiveDamaged(f"{self.path}: {self.name}: more than the {self.size} bytes that it declares")
                yield chunk
        if count < self.size:
            raise ArchiveDamaged(f"{self.path}: {self.name}: {count} bytes of {self.size} could be read")


def _is_tar(path: Path) -> bool:
    try:
        with damage_told(path), closing(open_tar(path)):
            return True
    except (ArchiveDamaged, tarfile.TarError):
        return False


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ZIP_MARK)) == _ZIP_MARK or zipfile.is_zipfile(file)


def _leaves(name: str) -> bool:
    return _LEAVES.match(name) is not None


def _unpacked(name: str) -> str:
    if "./" not in name and "//" not in name:
        return name
    kept = "/".join(part for part in name.split("/") if part not in {"", "."})
    return f"/{kept}" if name.startswith("/") else kept
