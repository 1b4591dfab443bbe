"""ETags of a replica's objects, in columns: a replica may have a million files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bagfill.bag.columns import Texts
from bagfill.bag.path_table import PathTable


class Etags(Mapping[str, str]):
    """ETags by path.

    Args:
        table: numbers of the paths.
        accounts: the ETags by number; of several, the first that has one counts.
    """

    def __init__(self, table: PathTable, *accounts: Texts) -> None:
        self._table = table
        self._accounts = accounts

    def at(self, number: int) -> str | None:
        """The ETag of the path of a number, or ``None``."""
        return next((etag for each in self._accounts if (etag := each.get(number)) is not None), None)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Path and ETag of each object, in the order of the table."""
        for number in range(len(self._table)):
            etag = self.at(number)
            if etag is not None:
                yield self._table.path(number), etag

    def __getitem__(self, path: str) -> str:
        number = self._table.number(path)
        etag = None if number is None else self.at(number)
        if etag is None:
            raise KeyError(path)
        return etag

    def __iter__(self) -> Iterator[str]:
        return (path for path, _ in self.pairs())

    def __len__(self) -> int:
        return sum(1 for _ in self.pairs())
