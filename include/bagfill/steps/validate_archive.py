"""Judge the bag in a tar or zip file: in passes over its members, with memory for names and tag files only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bagfill.bag.fetch import FETCH_FILE, scan_fetch
from bagfill.bag.rules.check import check
from bagfill.bag.rules.contents import BagContents, Oddity, OddMember, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import Digester
from bagfill.steps.archive_members import ArchiveDamaged, Member, members
from bagfill.steps.folder_files import NothingThere
from bagfill.steps.validate_bag import Verdict


def validate_archive(
    path: Path,
    profile: Profile,
    *,
    planned: Callable[[int], None] = lambda _: None,
    read: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Judge the one bag in a tar (compressed or not) or zip file. Nothing is written anywhere.

    Files of ``fetch.txt`` are elsewhere, and nobody looks for them.

    Args:
        path: of the file.
        profile: by which rules.
        planned: is told the bytes that will be read.
        read: is told the bytes of each chunk that was read.

    Raises:
        NothingThere: it has no files.
        ArchiveDamaged: it cannot be read to its end.
        OSError: it could not be read.
    """
    layout = _Layout(members(path))
    if not layout.sizes:
        raise NothingThere(str(path))
    wanted = set(tag_files_to_read(layout.sizes))
    tag_files = {
        name: b"".join(member.chunks()) for name, member in layout.first_of_each(members(path)) if name in wanted
    }
    planned(sum(size for name, size in layout.sizes.items() if name not in wanted))
    observed: dict[str, DigestSet] = {}
    for name, member in layout.first_of_each(members(path)):
        if name not in wanted:
            digester = Digester(declared_algorithms(layout.sizes))
            for chunk in member.chunks():
                digester.update(chunk)
                read(len(chunk))
            if digester.size != member.size:
                raise ArchiveDamaged(f"{path}: {member.name}: {digester.size} bytes of {member.size} could be read")
            observed[name] = digester.digests()
    contents = BagContents(layout.sizes, tag_files, observed=observed, odd_members=tuple(layout.odd))
    elsewhere = scan_fetch(tag_files[FETCH_FILE])[0] if FETCH_FILE in tag_files else ()
    return Verdict(
        profile=profile,
        findings=tuple(check(contents, profile)),
        files=len(layout.sizes),
        bytes=sum(layout.sizes.values()),
        not_looked_for=tuple(entry.path for entry in elsewhere) if profile is Profile.STORAGE_SERVICE else (),
    )


class _Layout:
    """Where the bag is in an archive, and which of its members are files of the bag.

    Args:
        found: every member.

    Attributes:
        root: the bag's base folder in the archive: empty, or ending in ``/``.
        sizes: in bytes of the bag's files, by path in the bag.
        odd: members that cannot be files of a bag.
    """

    def __init__(self, found: Iterable[Member]) -> None:
        self.odd: list[OddMember] = []
        files: dict[str, int] = {}
        for member in found:
            if member.leaves:
                self.odd.append(OddMember(member.name, Oddity.LEAVES))
            elif not member.is_file:
                self.odd.append(OddMember(member.name, Oddity.NOT_A_FILE))
            elif member.name in files:
                self.odd.append(OddMember(member.name, Oddity.TWICE))
            else:
                files[member.name] = member.size
        self.root = _base_folder(files)
        self.odd += [OddMember(name, Oddity.OUTSIDE) for name in files if not name.startswith(self.root)]
        self.sizes: Mapping[str, int] = {
            name.removeprefix(self.root): size for name, size in files.items() if name.startswith(self.root)
        }

    def first_of_each(self, found: Iterable[Member]) -> Iterable[tuple[str, Member]]:
        """The bag's files among the members, by path in the bag, each once."""
        seen: set[str] = set()
        for member in found:
            name = member.name.removeprefix(self.root)
            inside = member.is_file and not member.leaves and member.name.startswith(self.root)
            if inside and name in self.sizes and name not in seen:
                seen.add(name)
                yield name, member


def _base_folder(names: Iterable[str]) -> str:
    """The folder of the outermost ``bagit.txt``; without any, the one folder that all files are in."""
    declared = [name for name in names if name.rpartition("/")[2] == "bagit.txt"]
    if declared:
        outermost = min(declared, key=lambda name: name.count("/"))
        return outermost.removesuffix("bagit.txt")
    tops = {name.partition("/")[0] for name in names if "/" in name}
    alone = len(tops) == 1 and all("/" in name for name in names) and tops != {"data"}
    return f"{tops.pop()}/" if alone else ""
