"""Reads lists of objects that a provider or a person made: S3 Inventory with its manifest, or a CSV with a header.

Sources: Amazon S3 User Guide, "Amazon S3 Inventory list" and "Locating your inventory list".
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote_plus

_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE", "ARCHIVE"})
_PLAIN = ("key", "size", "storage_class")
_NEEDED = ("Key", "Size", "StorageClass")
_GZIP = b"\x1f\x8b"


class InventoryError(Exception):
    """The file cannot be planned from: which, where, what was found, what is needed. Not retryable."""

    retryable = False


@dataclass(frozen=True, slots=True)
class InventoryObject:
    """One current object.

    Args:
        archived: as far as a list can know: by its class, and for Intelligent-Tiering by its access tier. A restored
            object counts as archived.
    """

    key: str
    size: int
    storage_class: str
    archived: bool


def read_inventory(path: Path, *, advanced: Callable[[int], None] = lambda _: None) -> Iterator[InventoryObject]:
    """Every current object that a list names, one after the other.

    Args:
        path: ``manifest.json`` of an S3 Inventory, its data files beside it as they were delivered; or a CSV file whose
            first line has ``key``, ``size`` and ``storage_class`` in any order; either may be compressed with gzip.
        advanced: told how many bytes of the files were read since the last time.

    Raises:
        InventoryError: a file or a line cannot be used.
    """
    if path.suffix == ".json":
        yield from _read_s3_inventory(path, advanced)
        return
    with _open(path, advanced) as text:
        rows = csv.reader(text)
        header = [name.strip().lower() for name in next(rows, [])]
        missing = [name for name in _PLAIN if name not in header]
        if missing:
            hint = "a data file of S3 Inventory has no header: name its manifest.json instead"
            needed = f"no column {' or '.join(missing)}; needed are {', '.join(_PLAIN)}"
            raise InventoryError(f"{path}, line 1: {needed}; {hint}")
        at = [header.index(name) for name in _PLAIN]
        yield from _objects(path, rows, at, first_line=2)


def _read_s3_inventory(path: Path, advanced: Callable[[int], None]) -> Iterator[InventoryObject]:
    manifest = _manifest(path)
    columns = [name.strip() for name in str(manifest["fileSchema"]).split(",")]
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        needed = "make an inventory with the optional fields Size and StorageClass"
        raise InventoryError(f"{path}: fileSchema has no {' or '.join(missing)}; {needed}")
    at = [columns.index(name) for name in _NEEDED]
    optional = {name: columns.index(name) for name in _OPTIONAL if name in columns}
    for entry in manifest["files"]:
        data = _data_file(path, entry["key"])
        _check(data, entry.get("MD5checksum"))
        with _open(data, advanced) as text:
            yield from _objects(data, csv.reader(text), at, first_line=1, optional=optional, encoded=True)


_OPTIONAL = ("IsLatest", "IsDeleteMarker", "IntelligentTieringAccessTier")


def _objects(
    path: Path,
    rows: Iterator[list[str]],
    at: list[int],
    *,
    first_line: int,
    optional: dict[str, int] | None = None,
    encoded: bool = False,
) -> Iterator[InventoryObject]:
    key_at, size_at, class_at = at
    optional = optional or {}
    latest, deleted, tier = (optional.get(name) for name in _OPTIONAL)
    line = first_line - 1
    try:
        for line, row in enumerate(rows, start=first_line):  # noqa: B007 - named in the error below
            if not row:
                continue
            if latest is not None and row[latest] == "false":
                continue
            if deleted is not None and row[deleted] == "true":
                continue
            size = int(row[size_at])
            if size < 0:
                raise ValueError("a negative size")
            storage_class = row[class_at]
            in_archive = storage_class.upper() in _ARCHIVED or (tier is not None and "ARCHIVE" in row[tier])
            key = unquote_plus(row[key_at]) if encoded else row[key_at]
            yield InventoryObject(key, size, storage_class, in_archive)
    except IndexError:
        raise InventoryError(f"{path}, line {line}: fewer columns than the first line or the schema says") from None
    except ValueError as error:
        raise InventoryError(f"{path}, line {line}: the size must be a whole number, 0 or more ({error})") from None
    except (csv.Error, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise InventoryError(f"{path}, after line {line}: is no readable CSV: {error}") from None


def _manifest(path: Path) -> Any:
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise InventoryError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InventoryError(f"{path}: is not JSON: {error}") from None
    if not isinstance(manifest, dict) or not {"fileFormat", "fileSchema", "files"} <= set(manifest):
        raise InventoryError(f"{path}: is no manifest of S3 Inventory: fileFormat, fileSchema and files are needed")
    if manifest["fileFormat"] != "CSV":
        needed = "only CSV can be read; choose CSV as the inventory's output format"
        raise InventoryError(f"{path}: fileFormat: found {manifest['fileFormat']!r}; {needed}")
    return manifest


def _data_file(manifest: Path, key: str) -> Path:
    """Where a data file lies: under its whole key, or under its last names, beside the manifest or above it."""
    name = key.rsplit("/", 1)[-1]
    folders = (manifest.parent, *manifest.parent.parents[:2])
    tried = [folder / tail for folder in folders for tail in (key, f"data/{name}", name)]
    found = next((path for path in tried if path.is_file()), None)
    if found is None:
        where = manifest.parent / "data" / name
        raise InventoryError(f"{manifest}: its data file {key} is not here; fetch it and lay it at {where}")
    return found


def _check(path: Path, md5: str | None) -> None:
    if not md5:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5.lower():
        raise InventoryError(f"{path}: has MD5 {found}, its manifest says {md5}; fetch it again")


class _Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], advanced: Callable[[int], None]) -> None:
        self._file = file
        self._advanced = advanced

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]  # every binary file of the disk has it
        self._advanced(count)
        return int(count)

    def close(self) -> None:
        self._file.close()
        super().close()


def _open(path: Path, advanced: Callable[[int], None]) -> IO[str]:
    try:
        file = path.open("rb")
        compressed = file.read(2) == _GZIP
        file.seek(0)
    except OSError as error:
        raise InventoryError(f"{path}: cannot be read: {error.strerror}") from None
    raw: Any = io.BufferedReader(_Counted(file, advanced), 1024 * 1024)
    return io.TextIOWrapper(gzip.GzipFile(fileobj=raw) if compressed else raw, encoding="utf-8-sig", newline="")
