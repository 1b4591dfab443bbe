"""Where the bag is in a tar or zip file, and which of its members are files of the bag, in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bagfill.bag.columns import Sizes
from bagfill.bag.path_table import PathTable
from bagfill.bag.rules.contents import Oddity, OddMember
from bagfill.steps.archive_damage import ArchiveDamaged
from bagfill.steps.archive_members import Member

_DECLARATION = "bagit.txt"


class BagMember(NamedTuple):
    """A file of the bag: its number and name in it, and the member."""

    number: int
    name: str
    member: Member


class ArchiveLayout:
    """The names and sizes of an archive, about 85 bytes a file.

    Args:
        found: every member.

    Attributes:
        root: the bag's base folder in the archive: empty, or ending in ``/``.
        sizes: in bytes of the bag's files, by path in the bag.
        odd: members that cannot be files of a bag.
    """

    def __init__(self, found: Iterable[Member]) -> None:
        self.odd: list[OddMember] = []
        files = Sizes(PathTable())
        for member in found:
            if member.leaves:
                self.odd.append(OddMember(member.name, Oddity.LEAVES))
            elif not member.is_file:
                self.odd.append(OddMember(member.name, Oddity.NOT_A_FILE))
            elif (number := files.table.add(member.name)) < len(files):
                self.odd.append(OddMember(member.name, Oddity.TWICE))
            else:
                files.set(number, member.size)
        self.root = _base_folder(files.table)
        self.sizes = self._within(files) if self.root else files

    def _within(self, files: Sizes) -> Sizes:
        within = Sizes(PathTable())
        for number, name in enumerate(files.table):
            size = files.at(number)
            if size is None or not name.startswith(self.root):
                self.odd.append(OddMember(name, Oddity.OUTSIDE))
            else:
                within.set(within.table.add(name.removeprefix(self.root)), size)
        return within

    def files(self, found: Iterable[Member]) -> Iterator[BagMember]:
        """The bag's files among the members, each once: the first, where there are several.

        Raises:
            ArchiveDamaged: they are not those it was made of: somebody writes to the archive.
        """
        seen = bytearray(len(self.sizes))
        for member in found:
            if not member.is_file or member.leaves or not member.name.startswith(self.root):
                continue
            name = member.name.removeprefix(self.root)
            number = self.sizes.table.number(name)
            if number is None:
                raise ArchiveDamaged(f"{member.name} was not there before: the archive was changed while it was read")
            if seen[number]:
                continue
            seen[number] = 1
            if member.size != self.sizes.at(number):
                raise ArchiveDamaged(f"{member.name} had another size: the archive was changed while it was read")
            yield BagMember(number, name, member)
        if not all(seen):
            raise ArchiveDamaged("members are missing: the archive was changed while it was read")


def _base_folder(names: PathTable) -> str:
    """The folder of the outermost ``bagit.txt``; without any, the one folder that all files are in."""
    declared = (name for name in names if name.rpartition("/")[2] == _DECLARATION)
    outermost = min(declared, key=lambda name: name.count("/"), default=None)
    if outermost is not None:
        return outermost.removesuffix(_DECLARATION)
    top = next(iter(names), "").partition("/")[0]
    alone = top not in {"", "data"} and all(name.startswith(f"{top}/") for name in names)
    return f"{top}/" if alone else ""
