"""The paths of one bag version, each with a number, in about 70 bytes a path: a bag may have a million files.

What is known of the files is kept in columns by number (:mod:`bagfill.bag.columns`). Strings and dictionaries of Python
would take some 170 bytes for the paths alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence

_BLOCKS = 0x7FFF
# Neither byte occurs in UTF-8.
_NUMBER = 0xFF
_END = 0xFE


class PathTable(Collection[str]):
    """Paths by number, and numbers by path. Numbers count from 0 in the order in which paths were added.

    A path lies in one of 32,768 blocks, chosen by its hash: ``path FF number FE``, one after the other.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}
        self._places = array("Q")
        self._last = ""
        self._ascends = True

    def add(self, path: str) -> int:
        """The number of a path, which it gets now if it has none."""
        data = path.encode("utf-8", "surrogatepass")
        key = hash(data) & _BLOCKS
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = bytearray(b"\xfe")
        else:
            found = block.find(b"\xfe%b\xff" % data)
            if found >= 0:
                return _number(block, found + len(data) + 2)
        number = len(self._places)
        self._places.append(key << 32 | len(block))
        block += b"%b\xff%d\xfe" % (data, number)
        self._ascends = self._ascends and (not number or path > self._last)
        self._last = path
        return number

    def number(self, path: str) -> int | None:
        """The number of a path, or ``None`` if it was not added."""
        data = path.encode("utf-8", "surrogatepass")
        block = self._blocks.get(hash(data) & _BLOCKS)
        found = -1 if block is None else block.find(b"\xfe%b\xff" % data)
        return None if block is None or found < 0 else _number(block, found + len(data) + 2)

    def path(self, number: int) -> str:
        """The path of a number. Raises IndexError."""
        place = self._places[number]
        block, start = self._blocks[place >> 32], place & 0xFFFFFFFF
        return block[start : block.index(_NUMBER, start)].decode("utf-8", "surrogatepass")

    def in_order(self) -> Sequence[int]:
        """The numbers, ascending by path: for nothing where paths were added in that order, as most listings are."""
        if self._ascends:
            return range(len(self))
        return array("I", sorted(range(len(self)), key=self.path))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        """In the order in which they were added."""
        return map(self.path, range(len(self)))

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.number(path) is not None


def _number(block: bytearray, start: int) -> int:
    return int(block[start : block.index(_END, start)])
