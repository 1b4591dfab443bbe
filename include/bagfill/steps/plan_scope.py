"""Which bag versions a plan is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bagfill.bag.identifiers import BagId, InvalidIdentifier
from bagfill.registry.registry import Registry
from bagfill.registry.sizes import SizedBagVersion


class ScopeError(ValueError):
    """The scope cannot be understood: what was found, what is allowed. Not retryable."""

    retryable = False


@dataclass(frozen=True, slots=True)
class PlanScope:
    """Bags that a plan is about: at most one of these is given; nothing: every known bag.

    Args:
        bag: ``space/external identifier``.
        space: a whole space.
        prefix: bags whose name (``space/external identifier``) begins with this.
        list_file: a file with one ``space/external identifier`` a line; empty lines and lines with ``#`` are skipped.
    """

    bag: str | None = None
    space: str | None = None
    prefix: str | None = None
    list_file: Path | None = None

    def __post_init__(self) -> None:
        given = [name for name in self.__slots__ if getattr(self, name) is not None]
        if len(given) > 1:
            raise ScopeError(f"scope: found {' and '.join(given)}; give one")

    @property
    def words(self) -> str:
        """The scope for people."""
        if self.bag is not None:
            return f"bag {self.bag}"
        if self.space is not None:
            return f"space {self.space}"
        if self.prefix is not None:
            return f"bags beginning with {self.prefix}"
        return "all known bags" if self.list_file is None else f"bags listed in {self.list_file.name}"

    def bags(self, registry: Registry) -> Iterator[list[SizedBagVersion]]:
        """All known versions of each bag of the scope, ascending, one bag after the other.

        Raises:
            ScopeError: a bag that is named is not known, or the file cannot be read.
        """
        if self.bag is not None:
            yield _known(registry, self.bag, "bag")
        elif self.list_file is not None:
            for name, where in _lines(self.list_file):
                yield _known(registry, name, where)
        else:
            yield from self._many(registry)

    def _many(self, registry: Registry) -> Iterator[list[SizedBagVersion]]:
        spaces = None if self.space is None else [self.space]
        if self.prefix is not None and "/" in self.prefix:
            spaces = [self.prefix.split("/")[0]]
        for bag, versions in groupby(registry.sizes(spaces=spaces), key=lambda each: each.bag_version.bag):
            if self.prefix is None or str(bag).startswith(self.prefix):
                yield list(versions)


def _known(registry: Registry, name: str, where: str) -> list[SizedBagVersion]:
    try:
        bag = BagId.parse(name, stored=True)
    except InvalidIdentifier as error:
        raise ScopeError(f"{where}: found {name!r}; needed is SPACE/ID: {error}") from None
    versions = list(registry.sizes(bag=bag))
    if not versions:
        raise ScopeError(f"{where}: {name} is not known; `bagfill import LOCATION` learns bags")
    return versions


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                name = line.rstrip("\r\n")
                if name and not name.startswith("#") and name not in seen:
                    seen.add(name)
                    yield name, f"{path}, line {number}"
    except (OSError, UnicodeDecodeError) as error:
        raise ScopeError(f"{path}: cannot be read: {error}") from None
