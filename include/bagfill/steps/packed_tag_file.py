"""A large tag file of which the bytes pass by once: kept in memory, compressed, at less than half its size."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from bagfill.bag.tag_data import TagData
from bagfill.steps.tag_files import HELD

_FAST = 1
_PIECE = 1024 * 1024


class PackedTagFile:
    """See :class:`bagfill.bag.tag_data.TagText`.

    Half of a manifest are digests, in hexadecimal digits, which become half as long; its paths repeat one another.

    Args:
        chunks: the bytes of the file.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        packer = zlib.compressobj(_FAST)
        pieces = [piece for chunk in chunks if (piece := packer.compress(chunk))]
        self._pieces = (*pieces, packer.flush())

    def chunks(self) -> Iterator[bytes]:
        """The file, in pieces of some size. Raises zlib.error: the memory did not keep it."""
        unpacker = zlib.decompressobj()
        for piece in self._pieces:
            left = piece
            while left:
                yield unpacker.decompress(left, _PIECE)
                left = unpacker.unconsumed_tail
        yield unpacker.flush()


def keep_tag_file(chunks: Iterable[bytes], size: int) -> TagData:
    """A tag file, as it is if it is small.

    Args:
        chunks: its bytes.
        size: how many they are.
    """
    return PackedTagFile(chunks) if size > HELD else b"".join(chunks)
