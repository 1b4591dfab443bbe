"""A folder as an object store: a mounted archive, a disk, a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bagfill.storage.errors import StoreFailure
from bagfill.storage.filling import filled
from bagfill.storage.keys import in_key_order, require_folder, require_name, require_range
from bagfill.storage.local_files import FolderFiles, etag_of
from bagfill.storage.local_staging import LocalStagedWrite
from bagfill.storage.names import LOCAL_NAMES, STAGING_FOLDER, NameRules
from bagfill.storage.store import AlreadyExists, Capability, Created, ObjectInfo, ThawAnswer, ThawTier

# Small enough to stay in a core's own cache while several algorithms pass over it, large enough to make few calls.
_CHUNK = 256 * 1024


class LocalStore:
    """The files below one folder. Folders are no objects; links out of the folder are errors.

    Args:
        folder: absolute path; it has to exist and to lie on a file system with hard links.
        location: the configured location's name.
        writing: whether objects are written here, perhaps by several processes: then a file is only said to be there
            if it stays there when the power is cut.

    Raises:
        ValueError: the path is not absolute.
    """

    def __init__(self, folder: Path, *, location: str, writing: bool = False) -> None:
        if not folder.is_absolute():
            message = f"a local location is an absolute folder, found {str(folder)!r}"
            raise ValueError(message)
        self._files = FolderFiles(folder, location)
        self._writing = writing
        longest = (LOCAL_NAMES.max_bytes or 0) - len(os.fsencode(folder)) - 1
        self._name_rules = replace(LOCAL_NAMES, max_bytes=longest)

    @property
    def location(self) -> str:
        """The configured location's name."""
        return self._files.location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """None: files are always readable."""
        return frozenset()

    @property
    def name_rules(self) -> NameRules:
        """The file system's, less the length of the folder's own path."""
        return self._name_rules

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`."""
        self._require_name(key, "stat")
        info = self._files.stat(key, "stat")
        if info is not None and self._writing:
            self._files.make_last(key, "stat")
        return info

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`."""
        require_folder(self._name_rules, prefix, location=self.location, operation="list")
        return self._files.list(prefix)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`. A folder counts when a file lies somewhere below it."""
        require_folder(self._name_rules, prefix, location=self.location, operation="list folders")
        self._files.require_root("list folders")
        folders = [name for name, is_folder in self._files.entries(prefix, "list folders") if is_folder]
        return (name for name in in_key_order(folders) if next(self._files.list(f"{prefix}{name}/"), None))

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        self._require_name(key, "read")
        require_range(start, length)
        return self._read(key, start, length, etag)

    def _read(self, key: str, start: int, length: int | None, etag: str | None) -> Iterator[bytes | memoryview]:
        files = self._files
        if files.find(key, "read") is None:
            raise files.error(StoreFailure.MISSING, key, "read", "no such file")
        # Where it leads was looked at just now: resolving a path costs more than reading a small file.
        with files.translated(key, "read"):
            descriptor = os.open(f"{files.root}/{key}", os.O_RDONLY)
            try:
                opened = os.fstat(descriptor)
                identity = _identity(opened)
                if etag is not None and etag_of(opened) != etag:
                    raise files.error(StoreFailure.CHANGED, key, "read", "another ETag")
                end = opened.st_size if length is None else start + length
                if max(start, end) > opened.st_size:
                    raise files.error(StoreFailure.CHANGED, key, "read", f"the file ends at byte {opened.st_size}")
                position = start
                while position < end:
                    chunk = os.pread(descriptor, min(_CHUNK, end - position), position)
                    # A file can be rewritten in place while it is read; its bytes then belong to two objects.
                    if not chunk or _identity(os.fstat(descriptor)) != identity:
                        raise files.error(StoreFailure.CHANGED, key, "read", "the file changed while it was read")
                    position += len(chunk)
                    yield chunk
            finally:
                os.close(descriptor)

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`."""
        return filled(self.read(key, etag=etag), into)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        self._require_name(key, "create")
        self._files.require_root("create")
        if self._files.stat(key, "create") is not None:
            self._files.make_last(key, "create")
            return AlreadyExists()
        with self._files.translated(key, "create"):
            written = self._files.write(self._files.root / STAGING_FOLDER, [data])
        info = self._files.link_if_absent(written, key, "create")
        return AlreadyExists() if info is None else Created(etag=info.etag)

    def stage(self, key: str, *, token: str | None = None) -> LocalStagedWrite:
        """See :meth:`ObjectStore.stage`."""
        self._require_name(key, "stage")
        self._files.require_root("stage")
        return LocalStagedWrite.open(self._files, key, token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:  # noqa: ARG002 - never thaws
        """Always UNSUPPORTED."""
        self._require_name(key, "request thaw")
        raise self._files.error(StoreFailure.UNSUPPORTED, key, "request thaw", "a folder has no archive tiers")

    def close(self) -> None:
        """Nothing to release."""

    def _require_name(self, key: str, operation: str) -> None:
        require_name(self._name_rules, key, location=self.location, operation=operation)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    """What an ETag is made of."""
    return found.st_size, found.st_mtime_ns, found.st_ino
