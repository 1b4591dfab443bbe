"""A member of an archive, as a library reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

CHUNK = 1024 * 1024
"""Bytes that are asked for at once."""


class RawMember(NamedTuple):
    """One member.

    Args:
        name: as the archive has it.
        size: in bytes, as the archive declares it.
        is_file: whether it is a file.
        is_folder: whether it is a folder.
        chunks: its bytes, to be read before the next member is asked for.
    """

    name: str
    size: int
    is_file: bool
    is_folder: bool
    chunks: Callable[[], Iterator[bytes]]
