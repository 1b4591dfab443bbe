"""A bag version whose tag files have been parsed once, for all rules."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bagfill.bag.bag_info import BAG_INFO_FILE, BagInfo, BagInfoTags, PayloadOxum, bag_info_file
from bagfill.bag.columns import DigestSets, Paths
from bagfill.bag.declaration import Declaration
from bagfill.bag.errors import BagFormatError, FormatCode
from bagfill.bag.fetch import FETCH_FILE, FetchList
from bagfill.bag.lines import Line, decode_tag_file, split_lines
from bagfill.bag.path_table import PathTable
from bagfill.bag.paths import BagPath
from bagfill.bag.payload_manifest import BagManifest
from bagfill.bag.rules.contents import BagContents
from bagfill.bag.rules.finding import Profile
from bagfill.bag.tag_data import chunks_of, held
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.checksum.digester import digest_chunks


class Respelling(NamedTuple):
    """A path that a manifest writes in another way than the file is named, or as RFC 8493 would not have it written.

    Args:
        file: the manifest.
        written: the path in it.
        meant: the file.
    """

    file: str
    written: BagPath
    meant: BagPath


@dataclass(frozen=True)
class ParsedBag:
    """The parsed tag files. What could not be parsed is in ``faults``, and rules that need it find nothing to judge.

    Args:
        contents: as it was found.
        profile: by which it is read.
        declaration: ``bagit.txt``.
        info: ``bag-info.txt`` as the storage service reads it; in that profile only.
        info_tags: ``bag-info.txt`` as BagIt reads it, in both profiles; empty where it cannot be read.
        oxum: the Payload-Oxum, in both profiles.
        payload_manifests: by algorithm, with the names of files that are there, see ``resolve_paths``.
        tag_manifests: likewise.
        fetch: the lines of ``fetch.txt``.
        faults: what the parsers reported.
        respelt: paths whose spelling in a manifest is remarkable; in the profile of BagIt alone.
    """

    contents: BagContents
    profile: Profile
    declaration: Declaration | None
    info: BagInfo | None
    info_tags: BagInfoTags
    oxum: PayloadOxum | None
    payload_manifests: dict[Algorithm, BagManifest]
    tag_manifests: dict[Algorithm, BagManifest]
    fetch: FetchList
    faults: tuple[BagFormatError, ...] = field(default=())
    respelt: tuple[Respelling, ...] = field(default=())

    @cached_property
    def payload(self) -> Paths:
        """Every path in any payload manifest, in order."""
        return self._paths(self.payload_manifests.values())

    @cached_property
    def tags(self) -> Paths:
        """Every path in any tag manifest, in order."""
        return self._paths(self.tag_manifests.values())

    @cached_property
    def listed(self) -> Paths:
        """Every path in any manifest, in order."""
        return self.payload.union(self.tags)

    @cached_property
    def names(self) -> Paths:
        """Every name there is: of objects, in manifests, in ``fetch.txt``."""
        return self.listed.union(self.fetch.paths, self.contents.listing)

    def _paths(self, manifests: Collection[BagManifest]) -> Paths:
        if len(manifests) == 1:
            return next(iter(manifests)).paths
        return Paths(self.contents.table).union(*(manifest.paths for manifest in manifests))

    @property
    def info_file(self) -> str:
        """The name of the bag's metadata file: ``package-info.txt`` in BagIt 0.93 to 0.95."""
        if self.declaration is None or self.profile is Profile.STORAGE_SERVICE:
            return BAG_INFO_FILE
        return bag_info_file(self.declaration.version)

    @cached_property
    def info_lines(self) -> list[Line]:
        """The metadata file line by line; none where it is missing or cannot be decoded."""
        data = self.contents.tag_files.get(self.info_file)
        try:
            return (
                []
                if data is None
                else split_lines(decode_tag_file(held(data, self.info_file), self.info_file, self.encoding))
            )
        except BagFormatError:
            return []

    @property
    def encoding(self) -> str:
        """Of all tag files but ``bagit.txt``: the storage service reads them as UTF-8 whatever is declared."""
        if self.declaration is None or self.profile is Profile.STORAGE_SERVICE:
            return "utf-8"
        return self.declaration.encoding

    @property
    def is_utf8(self) -> bool:
        """Whether that encoding is UTF-8."""
        try:
            return codecs.lookup(self.encoding).name == "utf-8"
        except LookupError:
            return False

    @cached_property
    def is_whole(self) -> bool:
        """Whether every manifest and ``fetch.txt`` could be read to the end: what is not listed is not wanted."""
        broken = {fault.file for fault in self.faults if fault.code not in _HARMLESS} | self.contents.unreadable.keys()
        return all(name != FETCH_FILE and "manifest-" not in name for name in broken)

    @cached_property
    def tag_file_digests(self) -> dict[str, DigestSet]:
        """Digests of the tag files whose bytes are at hand, by every algorithm the bag uses."""
        algorithms = self.payload_manifests.keys() | self.tag_manifests.keys()
        return {name: digest_chunks(chunks_of(data), algorithms) for name, data in self.contents.tag_files.items()}

    @cached_property
    def unmatched(self) -> list[tuple[BagPath, Digest, Digest | None]]:
        """Every line of every manifest whose file is there, but not seen to have this digest.

        The file, the digest that is promised, and the one that was seen; nothing where none was. Of a bag whose payload
        was not read, tag files alone are compared.
        """
        found: list[tuple[BagPath, Digest, Digest | None]] = []
        tag_files = {self.contents.table.number(name): name for name in self.contents.tag_files}
        observed = self.contents.observed
        for manifest in (*self.payload_manifests.values(), *self.tag_manifests.values()):
            numbers: Iterable[int] = manifest.paths.numbers
            if observed is None:
                numbers = [number for number in tag_files if number is not None and manifest.paths.has(number)]
            column = _column(observed, self.contents.table, manifest.algorithm)
            for number in numbers:
                if number not in tag_files and column is not None and column.matches(number, manifest.digests):
                    continue
                path = BagPath.known(self.contents.table.path(number))
                promised = manifest.digests.get(number)
                digests = self.tag_file_digests.get(path) or (observed or {}).get(path)
                seen = digests.get(manifest.algorithm) if digests else None
                if promised is not None and seen != promised and (digests or self.size_of(path) is not None):
                    found.append((path, promised, seen))
        return found

    def declared_digests(self) -> DigestSets:
        """What all manifests say of each file, by its name.

        Raises:
            ValueError: a payload manifest and a tag manifest contradict each other.
        """
        for algorithm, tags in self.tag_manifests.items():
            payload = self.payload_manifests.get(algorithm)
            for number in tags.paths.numbers if payload is not None else ():
                if payload is not None and payload.digests.has(number):
                    # Raises where two differ.
                    DigestSets(self.contents.table, (payload.digests, tags.digests)).at(number)
        manifests = (*self.payload_manifests.values(), *self.tag_manifests.values())
        return DigestSets(self.contents.table, [manifest.digests for manifest in manifests])

    def is_elsewhere(self, path: str) -> bool:
        """Whether the bytes of a file are expected in an earlier version's folder rather than in this one."""
        return self.profile is Profile.STORAGE_SERVICE and path in self.fetch.paths

    def size_of(self, path: str) -> int | None:
        """The size of a payload or tag file in bytes, wherever it is; nothing if it is not there or nobody looked."""
        if not self.is_elsewhere(path):
            return self.contents.listing.get(path)
        if self.contents.fetched_sizes is not None:
            return self.contents.fetched_sizes.get(path)
        entry = self.fetch.of(path)
        return None if entry is None else entry.length


# With these faults every line was understood.
_HARMLESS = (FormatCode.MANIFEST_DUPLICATE, FormatCode.FETCH_DUPLICATE, FormatCode.FETCH_TAG_FILE)


def _column(observed: Mapping[str, DigestSet] | None, table: PathTable, algorithm: Algorithm) -> DigestColumn | None:
    """The column of what was seen, where it is kept by the same numbers."""
    if not isinstance(observed, DigestSets) or observed.table is not table:
        return None
    return next((column for column in observed.columns if column.algorithm is algorithm), None)
