"""A disk that does not flush, for tests: elsewhere in tests ``os.fsync`` does nothing, here it is asked."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def never(_path: Path) -> bool:
    """Every file and folder is flushed."""
    return False


class FlushedDisk:
    """Takes the place of ``os.fsync``.

    Args:
        fails: whether flushing a file or a folder fails, with EIO.

    Attributes:
        asked: what was to be flushed, in order.
        flushed: inodes of what was.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: Callable[[Path], bool] = never) -> None:
        self.fails = fails
        self.asked: list[Path] = []
        self.flushed: set[int] = set()
        monkeypatch.setattr(os, "fsync", self._fsync)

    def _fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.asked.append(path)
        if self.fails(path):
            raise OSError(errno.EIO, "Input/output error")
        self.flushed.add(os.fstat(descriptor).st_ino)

    def keeps(self, root: Path, key: str) -> bool:
        """Whether a file and its name survive a power cut, as far as flushing goes."""
        path = root / key
        folders = [folder for folder in path.parents if folder == root or folder.is_relative_to(root)]
        return all(each.stat().st_ino in self.flushed for each in (path, *folders))


def from_the(number: int) -> Callable[[Path], bool]:
    """Flushing works so many times, and never again."""
    left = number

    def fails(_path: Path) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    return fails
