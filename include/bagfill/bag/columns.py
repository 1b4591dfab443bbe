"""What is known of the files in a :class:`~bagfill.bag.path_table.PathTable`, by their numbers."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import compress, count

from bagfill.bag.path_table import PathTable
from bagfill.bag.paths import BagPath
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestSet
from bagfill.checksum.digest_column import DigestColumn

_NONE = -1


class Paths(Collection[BagPath]):
    """Some paths of a table, in an order of their own.

    Args:
        table: the table.
    """

    def __init__(self, table: PathTable) -> None:
        self.table = table
        self.numbers = array("I")
        self._marks = bytearray()

    def add(self, number: int) -> bool:
        """Append a path by its number; ``False`` if it is there already."""
        marks = self._marks
        if number >= len(marks):
            marks.extend(bytes(number + 1 - len(marks)))
        if marks[number]:
            return False
        marks[number] = 1
        self.numbers.append(number)
        return True

    def has(self, number: int | None) -> bool:
        """Whether the path of a number is there."""
        return number is not None and number < len(self._marks) and self._marks[number] == 1

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.has(self.table.number(path))

    def __iter__(self) -> Iterator[BagPath]:
        return map(BagPath.known, map(self.table.path, self.numbers))

    def __len__(self) -> int:
        return len(self.numbers)

    def union(self, *others: Collection[str]) -> Paths:
        """These paths, then those of the others that are not there yet."""
        both = Paths(self.table)
        for paths in (self, *others):
            if isinstance(paths, Paths) and paths.table is self.table:
                numbers: Iterable[int] = paths.numbers
            else:
                numbers = map(self.table.add, paths)
            for number in numbers:
                both.add(number)
        return both

    def is_same(self, other: Paths) -> bool:
        """Whether another set of paths of the same table has the same, in whatever order."""
        return other is self or (len(self) == len(other) and all(map(other.has, self.numbers)))


class Sizes(Mapping[str, int]):
    """Size in bytes by path.

    Args:
        table: the table.
    """

    def __init__(self, table: PathTable) -> None:
        self.table = table
        self._sizes = array("q")
        self._count = 0

    def set(self, number: int, size: int) -> None:
        """Note the size of the path of a number."""
        sizes = self._sizes
        while len(sizes) <= number:
            sizes.append(_NONE)
        self._count += sizes[number] == _NONE
        sizes[number] = size

    def at(self, number: int) -> int | None:
        """The size of the path of a number; nothing if it has none."""
        size = self._sizes[number] if number < len(self._sizes) else _NONE
        return None if size == _NONE else size

    def total(self) -> int:
        """Of all of them."""
        return sum(size for size in self._sizes if size != _NONE)

    def __getitem__(self, path: str) -> int:
        number = self.table.number(path)
        size = None if number is None else self.at(number)
        if size is None:
            raise KeyError(path)
        return size

    def __contains__(self, path: object) -> bool:
        number = self.table.number(path) if isinstance(path, str) else None
        return number is not None and self.at(number) is not None

    def __iter__(self) -> Iterator[str]:
        return map(self.table.path, compress(count(), (size != _NONE for size in self._sizes)))

    def __len__(self) -> int:
        return self._count


class DigestSets(Mapping[str, DigestSet]):
    """Digests by path, by several algorithms.

    Args:
        table: the table.
        columns: where the digests are. Two by one algorithm must not contradict each other.
    """

    def __init__(self, table: PathTable, columns: Sequence[DigestColumn]) -> None:
        self.table = table
        self.columns = tuple(columns)

    def at(self, number: int) -> DigestSet:
        """The digests of the path of a number; an empty set if it has none."""
        return DigestSet([digest for column in self.columns if (digest := column.get(number)) is not None])

    def digest(self, path: str, algorithm: Algorithm) -> Digest | None:
        """The digest of a path by one algorithm, or ``None``."""
        number = self.table.number(path)
        if number is None:
            return None
        return next((c.get(number) for c in self.columns if c.algorithm is algorithm and c.has(number)), None)

    def __getitem__(self, path: str) -> DigestSet:
        number = self.table.number(path)
        digests = DigestSet() if number is None else self.at(number)
        if not digests:
            raise KeyError(path)
        return digests

    def __iter__(self) -> Iterator[str]:
        return (self.table.path(number) for number in range(len(self.table)) if self._has(number))

    def __len__(self) -> int:
        return sum(map(self._has, range(len(self.table))))

    def _has(self, number: int) -> bool:
        return any(column.has(number) for column in self.columns)


class Texts:
    """Short texts by number, such as ETags; 4 GiB of them at most."""

    def __init__(self) -> None:
        self._starts = array("I")
        self._text = bytearray(b"\xff")

    def set(self, number: int, text: str) -> None:
        """Note the text of a number, once."""
        starts = self._starts
        while len(starts) <= number:
            starts.append(0)
        starts[number] = len(self._text)
        self._text += text.encode("utf-8", "surrogatepass")
        self._text.append(0xFF)

    def get(self, number: int) -> str | None:
        """The text of a number, or ``None``."""
        start = self._starts[number] if number < len(self._starts) else 0
        if not start:
            return None
        return self._text[start : self._text.index(0xFF, start)].decode("utf-8", "surrogatepass")
