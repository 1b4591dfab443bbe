"""The folder that a recovery writes into: its own, and of one recovery at a time.

``{folder}/.bagfill-staging/recovery`` marks a recovery that is not finished, and is locked by the one that works.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bagfill.storage.local_files import FolderFiles
from bagfill.storage.names import STAGING_FOLDER

_MARK = "recovery"


class FolderInUse(Exception):
    """The folder to write into holds something that no unfinished recovery left there."""


class RecoveryRuns(Exception):
    """Another recovery writes into the folder now."""


class RecoveryFolder:
    """The folder, while it is ours; see :func:`recovery_folder`.

    Args:
        files: what is written.
    """

    def __init__(self, files: FolderFiles) -> None:
        self.files = files

    @property
    def staging(self) -> Path:
        """Where files are written before they get their names."""
        return self.files.root / STAGING_FOLDER

    def finish(self) -> None:
        """Take the mark away: what lies here is a whole bag. Nothing happens if that fails: the next one proves it."""
        shutil.rmtree(self.staging, ignore_errors=True)


@contextmanager
def recovery_folder(folder: Path) -> Iterator[RecoveryFolder]:
    """Hold a folder for the time of the block; made if need be. Whoever dies lets go of it.

    Args:
        folder: absolute path: absent, empty, or left by a recovery that was not finished.

    Raises:
        FolderInUse: it holds something else. A location's folder does too: its staged writes are not ours to clear.
        RecoveryRuns: another process, or thread, recovers into it.
        StoreError: this file system cannot be written, or knows no locks.
    """
    if not folder.is_dir():
        above = FolderFiles(next(each for each in folder.parents if each.is_dir()), str(folder))
        with above.translated("", "recover"):
            above.make_folders(folder)
    files = FolderFiles(folder, str(folder))
    held = RecoveryFolder(files)
    if os.listdir(folder) and not (held.staging / _MARK).is_file():  # noqa: PTH208 - iterdir would have to be closed
        raise FolderInUse(str(folder))
    with files.translated(STAGING_FOLDER, "recover"):
        held.staging.mkdir(exist_ok=True)
        mark = (held.staging / _MARK).open("ab")
    with mark:
        _lock(mark, held)
        _clear(held)
        yield held


def _lock(mark: IO[bytes], held: RecoveryFolder) -> None:
    try:
        with held.files.translated(STAGING_FOLDER, "recover"):
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RecoveryRuns(str(held.files.root)) from None
        is_there = os.path.samestat(os.fstat(mark.fileno()), (held.staging / _MARK).stat())
    except FileNotFoundError:
        is_there = False
    if not is_there:
        # Another one finished in this very moment, and what it recovered is not for us to go on with.
        raise FolderInUse(str(held.files.root))


def _clear(held: RecoveryFolder) -> None:
    """Remove what a recovery that died had not given its name yet."""
    with held.files.translated(STAGING_FOLDER, "recover"):
        for left in held.staging.iterdir():
            if left.name != _MARK:
                left.unlink()
