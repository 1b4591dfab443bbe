"""A tar or zip file that cannot be read: what the libraries say of it, as one error."""

from __future__ import annotations

import errno
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TOLD_BY_LIBRARIES = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    # Of an encrypted member, of a compression that is not known, of numbers and names that are none.
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
)


class ArchiveDamaged(Exception):
    """A tar or zip file that cannot be read to its end. Not retryable: it is what lies there."""

    retryable = False


@contextmanager
def damage_told(path: Path, member: str | None = None) -> Iterator[None]:
    """What libraries raise within is raised as ArchiveDamaged; what the disk says stays an OSError.

    Args:
        path: of the archive.
        member: the name of the one that is read.
    """
    where = f"{path}" if member is None else f"{path}: {member}"
    try:
        yield
    except _TOLD_BY_LIBRARIES as error:
        raise ArchiveDamaged(f"{where} cannot be read to its end: {str(error) or type(error).__name__}") from error
    except OSError as error:
        # Decoders of gzip and bzip2 say so too, without a number; a place that no file can have is the archive's word.
        if error.errno in {None, errno.EINVAL}:
            raise ArchiveDamaged(f"{where} cannot be read to its end: {error}") from error
        raise
