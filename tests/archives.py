"""Bags in tar and zip files, written for tests."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

Members = Iterable[tuple[str, bytes]]


def write_tar(path: Path, found: Members, mode: Literal["w", "w:gz", "w:bz2", "w:xz"] = "w") -> None:
    with tarfile.open(path, mode) as archive:
        for name, data in found:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def write_zip(path: Path, found: Members, method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in found:
            archive.writestr(zipfile.ZipInfo(name), data, method)


WRITERS: dict[str, Callable[[Path, Members], None]] = {
    "tar": write_tar,
    "tar.gz": lambda path, found: write_tar(path, found, "w:gz"),
    "tar.bz2": lambda path, found: write_tar(path, found, "w:bz2"),
    "tar.xz": lambda path, found: write_tar(path, found, "w:xz"),
    "zip": write_zip,
}


def under(root: str, files: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """The files in a folder of the archive."""
    return [(f"{root}{name}", data) for name, data in files.items()]
