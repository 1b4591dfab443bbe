"""Files below one folder: resolving keys without leaving it, identities, listings, and writing without overwriting."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.names import STAGING_FOLDER
from bagfill.storage.store import ArchiveState, ObjectInfo

_FAILURES = {
    errno.EACCES: StoreFailure.DENIED,
    errno.EPERM: StoreFailure.DENIED,
    errno.EROFS: StoreFailure.DENIED,
    errno.ENAMETOOLONG: StoreFailure.BAD_NAME,
    # A file stands where the key needs a folder, or the reverse: object stores hold both, a file system cannot.
    errno.ENOTDIR: StoreFailure.UNSUPPORTED,
    errno.EEXIST: StoreFailure.UNSUPPORTED,
    errno.EISDIR: StoreFailure.UNSUPPORTED,
    # No hard links here, or the folder lies on two file systems: then nothing can be created without overwriting.
    errno.EXDEV: StoreFailure.UNSUPPORTED,
    errno.ENOTSUP: StoreFailure.UNSUPPORTED,
    errno.ENOENT: StoreFailure.MISSING,
}

_MOST_LASTING = 10_000
"""Folders that are remembered as flushed."""

_TICK = 3_000_000_000
"""Nanoseconds: longer than any file system takes to tell two changes apart; FAT takes two seconds."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Passes when somebody makes room, so the failure is UNAVAILABLE as any other that passes."""


class FolderFiles:
    """The files of one location.

    Args:
        root: absolute folder, which has to exist.
        location: the configured location's name, for errors.
    """

    def __init__(self, root: Path, location: str) -> None:
        self.root = root
        self.location = location
        self._lasting: set[Path] = set()
        self._flushed: dict[Path, int] = {}

    def error(self, failure: StoreFailure, key: str, operation: str, detail: str) -> StoreError:
        """A StoreError of this location."""
        return StoreError(failure, location=self.location, key=key, operation=operation, detail=detail)

    @contextmanager
    def translated(self, key: str, operation: str) -> Iterator[None]:
        """Turn OSErrors of the block into StoreErrors."""
        try:
            yield
        except OSError as error:
            failure = _FAILURES.get(error.errno or 0, StoreFailure.UNAVAILABLE)
            detail = errno.errorcode.get(error.errno or 0, type(error).__name__)
            if error.errno in _FULL:
                detail = f"{detail}: the disk is full, or the user's share of it"
            raise self.error(failure, key, operation, detail) from None

    def require_root(self, operation: str) -> None:
        """Raise MISCONFIGURED when the folder itself is gone: then nothing below it is known to be absent."""
        if not self.root.is_dir():
            raise self.error(StoreFailure.MISCONFIGURED, "", operation, "the location's folder does not exist")

    def _stat_without_links(self, key: str, below: str) -> os.stat_result | None:
        """State of a path below the folder, or ``None`` where a symbolic link is on the way (or is its end).

        Asks for each segment below the folder alone: to resolve the whole path costs more than to read a small file.
        """
        place, found = f"{self.root}/{below}".removesuffix("/"), None
        for segment in key[len(below) :].split("/"):
            place = f"{place}/{segment}"
            found = os.lstat(place)
            if stat.S_ISLNK(found.st_mode):
                return None
        return found

    def path(self, key: str, operation: str) -> Path:
        """The file of a key. Raises UNSUPPORTED where a symbolic link leads out of the folder."""
        path = self.root / key
        real_root = os.path.realpath(self.root)
        if os.path.commonpath([real_root, os.path.realpath(path)]) != real_root:
            raise self.error(StoreFailure.UNSUPPORTED, key, operation, "a symbolic link leads out of the folder")
        return path

    def stat(self, key: str, operation: str, *, below: str = "") -> ObjectInfo | None:
        """State of a file; ``None`` for nothing and for a folder.

        Args:
            below: the folder of the key, ending in ``/``, if it was looked at just now; links are looked for below it.
        """
        found = self.find(key, operation, below=below)
        return None if found is None else info_of(key, found)

    def find(self, key: str, operation: str, *, below: str = "") -> os.stat_result | None:
        """The same, as the system says it."""
        with self.translated(key, operation):
            try:
                found = self._stat_without_links(key, below) or self.path(key, operation).stat()
            except (FileNotFoundError, NotADirectoryError):
                self.require_root(operation)
                return None
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode):
            raise self.error(StoreFailure.UNSUPPORTED, key, operation, "neither file nor folder")
        return found

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every file below a folder, ascending by the UTF-8 bytes of the key."""
        self.require_root("list")
        for name, is_folder in self.entries(prefix, "list"):
            key = prefix + name
            if is_folder:
                yield from self.list(f"{key}/")
            elif (info := self.stat(key, "list", below=prefix)) is not None:
                yield info

    def entries(self, prefix: str, operation: str) -> Sequence[tuple[str, bool]]:
        """Names directly in a folder and whether each is a folder, in the order of the keys below them."""
        with self.translated(prefix, operation):
            try:
                with os.scandir(self.path(prefix, operation) if prefix else self.root) as found:
                    names = [(entry.name, self._is_folder(entry, prefix, operation)) for entry in found]
            except (FileNotFoundError, NotADirectoryError):
                self.require_root(operation)
                return []
        if not prefix:
            names = [(name, is_folder) for name, is_folder in names if name != STAGING_FOLDER]
        for name, _is_folder in names:
            if not _is_utf8(name):
                raise self.error(StoreFailure.BAD_NAME, prefix, operation, f"a name that is not UTF-8: {name!r}")
        # `a-b` comes before `a/…`: a folder sorts as its name with the slash.
        return sorted(names, key=lambda item: (item[0] + "/" * item[1]).encode())

    def _is_folder(self, entry: os.DirEntry[str], prefix: str, operation: str) -> bool:
        if entry.is_symlink() and entry.is_dir():
            detail = f"a symbolic link to a folder: {entry.name!r}"
            raise self.error(StoreFailure.UNSUPPORTED, prefix, operation, detail)
        return entry.is_dir()

    def write(self, folder: Path, chunks: Iterable[bytes | memoryview]) -> Path:
        """Write a new file with a random name in ``folder`` (made if needed), flushed to the disk, or leave none."""
        # Not loaded by those who only read.
        import secrets

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{secrets.token_hex(16)}.part"
        try:
            with path.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            # Else a full disk would be filled by every try a little more.
            _take_away(path)
            raise
        return path

    def link_if_absent(self, written: Path, key: str, operation: str) -> ObjectInfo | None:
        """Give a finished file its name unless the name is taken (``None``); the file's own name goes either way.

        ``link`` fails where a name exists; ``rename`` would overwrite it.
        """
        try:
            with self.translated(key, operation):
                target = self.path(key, operation)
                self.make_folders(target.parent)
                try:
                    os.link(written, target, follow_symlinks=False)
                except FileExistsError:
                    if target.is_dir():
                        raise self.error(StoreFailure.UNSUPPORTED, key, operation, "a folder has this name") from None
                    self.make_last(key, operation)
                    return None
                _flush_folder(target.parent)
                return info_of(key, target.stat())
        finally:
            _take_away(written)

    def make_last(self, key: str, operation: str) -> None:
        """See to it that the name of a file that is there already survives a power cut.

        Whoever gave it the name may not have flushed it yet, or have failed to: what is said to be there has to stay.
        A folder is flushed again when it was changed since.
        """
        with self.translated(key, operation):
            folder = self.path(key, operation).parent
            changed = folder.stat().st_mtime_ns
            if self._flushed.get(folder) != changed:
                self.make_folders(folder)
                _flush_folder(folder)
                # A change at the same tick of the file system's clock would not be seen.
                if time.time_ns() - changed > _TICK:
                    self._flushed[folder] = changed

    def make_folders(self, folder: Path) -> None:
        """Make a folder with those above it, and flush the name of each: once in a process, whoever made it.

        A folder that is there may be one whose flushing failed a moment ago.
        """
        if folder in self._lasting and folder.is_dir():
            return
        if len(self._lasting) >= _MOST_LASTING:
            self._lasting.clear()
            self._flushed.clear()
        for path in (*reversed(folder.parents), folder):
            if path.is_relative_to(self.root) and path != self.root:
                path.mkdir(exist_ok=True)
                _flush_folder(path.parent)
                self._lasting.add(path)


def etag_of(found: os.stat_result) -> str:
    """Size, time of last change and inode: replaced or rewritten bytes have another."""
    return f"{found.st_size:x}-{found.st_mtime_ns:x}-{found.st_ino:x}"


def info_of(key: str, found: os.stat_result) -> ObjectInfo:
    """A file's state in our words."""
    return ObjectInfo(
        key=key,
        size=found.st_size,
        etag=etag_of(found),
        storage_class="",
        archive=ArchiveState.READABLE,
        last_modified=datetime.fromtimestamp(found.st_mtime, UTC),
    )


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _take_away(path: Path) -> None:
    """A file that nobody needs any more. Where it cannot be taken away it stays: what was to be said counts."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder is flushed too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
