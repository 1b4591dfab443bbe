"""Judge the bag in a tar or zip file: in two passes over its members, with columns for its files as for a folder's."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from bagfill.bag.columns import DigestSets
from bagfill.bag.fetch import FETCH_FILE, scan_fetch
from bagfill.bag.rules.check import check
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile
from bagfill.bag.tag_data import TagData
from bagfill.checksum.digest_column import DigestColumn
from bagfill.checksum.digester import Digester
from bagfill.steps.archive_layout import ArchiveLayout
from bagfill.steps.archive_members import members
from bagfill.steps.folder_files import NothingThere
from bagfill.steps.packed_tag_file import keep_tag_file
from bagfill.steps.validate_bag import Verdict


def validate_archive(
    path: Path,
    profile: Profile,
    *,
    planned: Callable[[int], None] = lambda _: None,
    read: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Judge the one bag in a tar (compressed or not) or zip file. Nothing is written anywhere.

    The first pass finds names and sizes: which digests are wanted is known when all manifests are. The second reads
    every file once. Files of ``fetch.txt`` are elsewhere, and nobody looks for them.

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
    layout = ArchiveLayout(members(path))
    sizes = layout.sizes
    if not sizes:
        raise NothingThere(str(path))
    wanted = tag_files_to_read(sizes)
    planned(sizes.total() - sum(sizes[name] for name in wanted))
    tag_files, observed = _read(path, layout, wanted, read)
    contents = BagContents(sizes, tag_files, observed=observed, odd_members=tuple(layout.odd))
    return Verdict(
        profile=profile,
        findings=tuple(check(contents, profile)),
        files=len(sizes),
        bytes=sizes.total(),
        not_looked_for=_elsewhere(contents) if profile is Profile.STORAGE_SERVICE else (),
    )


def _read(
    path: Path, layout: ArchiveLayout, wanted: list[str], read: Callable[[int], None]
) -> tuple[dict[str, TagData], DigestSets]:
    """The tag files that are wanted, and the digests of all other files."""
    found: dict[str, TagData] = {}
    columns = [DigestColumn(algorithm) for algorithm in declared_algorithms(layout.sizes)]
    algorithms = [column.algorithm for column in columns]
    for number, name, member in layout.files(members(path)):
        if name in wanted:
            found[name] = keep_tag_file(member.chunks(), member.size)
            continue
        digester = Digester(algorithms)
        for chunk in member.chunks():
            digester.update(chunk)
            read(len(chunk))
        digests = digester.digests()
        for column in columns:
            column.set(number, digests[column.algorithm].hex)
    # In the order in which those of a folder are read: findings come in it.
    return {name: found[name] for name in wanted}, DigestSets(layout.sizes.table, columns)


def _elsewhere(contents: BagContents) -> Collection[str]:
    if FETCH_FILE not in contents.tag_files:
        return ()
    return scan_fetch(contents.tag_files[FETCH_FILE], table=contents.table)[0].paths
