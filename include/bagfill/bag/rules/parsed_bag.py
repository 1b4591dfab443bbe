"""A bag version whose tag files have been parsed once, for all rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from bagfill.bag.bag_info import (
    BAG_INFO_FILE,
    BagInfo,
    PayloadOxum,
    missing_bag_info,
    parse_bag_info,
    parse_tags,
    several_values,
    unparsable_oxum,
)
from bagfill.bag.declaration import DECLARATION_FILE, Declaration, missing_declaration, parse_declaration
from bagfill.bag.errors import BagFormatError, FormatCode
from bagfill.bag.fetch import FETCH_FILE, FetchEntry, scan_fetch
from bagfill.bag.paths import BagPath
from bagfill.bag.payload_manifest import BagManifest, ManifestEntry, manifest_algorithm, resolve_paths, scan_manifest
from bagfill.bag.rules.contents import BagContents
from bagfill.bag.rules.finding import Profile
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digester import digest_bytes

# The storage service looks for no other manifests.
_SERVICE_ALGORITHMS = frozenset((Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.SHA512))


@dataclass(frozen=True)
class ParsedBag:
    """The parsed tag files. What could not be parsed is in ``faults``, and rules that need it find nothing to judge.

    Args:
        contents: as it was found.
        profile: by which it is read.
        declaration: ``bagit.txt``.
        info: ``bag-info.txt`` as the storage service reads it; in that profile only.
        oxum: the Payload-Oxum, in both profiles.
        payload_manifests: by algorithm, with the names of files that are there, see ``resolve_paths``.
        tag_manifests: likewise.
        fetch: the lines of ``fetch.txt``.
        faults: what the parsers reported.
    """

    contents: BagContents
    profile: Profile
    declaration: Declaration | None
    info: BagInfo | None
    oxum: PayloadOxum | None
    payload_manifests: dict[Algorithm, BagManifest]
    tag_manifests: dict[Algorithm, BagManifest]
    fetch: tuple[FetchEntry, ...]
    faults: tuple[BagFormatError, ...] = field(default=())

    @cached_property
    def payload(self) -> dict[BagPath, None]:
        """Every path in any payload manifest, in order."""
        return _paths(self.payload_manifests.values())

    @cached_property
    def tags(self) -> dict[BagPath, None]:
        """Every path in any tag manifest, in order."""
        return _paths(self.tag_manifests.values())

    @cached_property
    def fetched(self) -> dict[BagPath, FetchEntry]:
        """The lines of ``fetch.txt`` by path in the bag."""
        return {entry.path: entry for entry in self.fetch}

    @cached_property
    def is_whole(self) -> bool:
        """Whether every manifest and ``fetch.txt`` could be read to the end: what is not listed is not wanted."""
        broken = {fault.file for fault in self.faults if fault.code not in _HARMLESS} | self.contents.unreadable.keys()
        return all(name != FETCH_FILE and "manifest-" not in name for name in broken)

    @cached_property
    def tag_file_digests(self) -> dict[str, DigestSet]:
        """Digests of the tag files whose bytes are at hand, by every algorithm the bag uses."""
        algorithms = self.payload_manifests.keys() | self.tag_manifests.keys()
        return {name: digest_bytes(data, algorithms) for name, data in self.contents.tag_files.items()}

    def is_elsewhere(self, path: str) -> bool:
        """Whether the bytes of a file are expected in an earlier version's folder rather than in this one."""
        return self.profile is Profile.STORAGE_SERVICE and path in self.fetched

    def size_of(self, path: str) -> int | None:
        """The size of a payload or tag file in bytes, wherever it is; nothing if it is not there or nobody looked."""
        if not self.is_elsewhere(path):
            return self.contents.listing.get(path)
        if self.contents.fetched_sizes is not None:
            return self.contents.fetched_sizes.get(path)
        return self.fetched[BagPath(path)].length


# With these faults every line was understood.
_HARMLESS = (FormatCode.MANIFEST_DUPLICATE, FormatCode.FETCH_DUPLICATE, FormatCode.FETCH_TAG_FILE)


def _paths(manifests: Iterable[BagManifest]) -> dict[BagPath, None]:
    return dict.fromkeys(entry.path for manifest in manifests for entry in manifest.entries)


def parse_bag(contents: BagContents, profile: Profile) -> ParsedBag:
    """Parse what is there; every fault is kept, none is raised."""
    service = profile is Profile.STORAGE_SERVICE
    faults: list[BagFormatError] = []
    declaration = _declaration(contents, service, faults)
    encoding = declaration.encoding if declaration and not service else "utf-8"
    info = _service_info(contents, faults) if service else None
    oxum = info.payload_oxum if info else None if service else _bagit_oxum(contents, encoding, faults)
    fetch: tuple[FetchEntry, ...] = ()
    if FETCH_FILE in contents.tag_files:
        fetch, fetch_faults = scan_fetch(contents.tag_files[FETCH_FILE], encoding)
        faults += fetch_faults
    names = contents.listing.keys() | {entry.path for entry in fetch}
    # The storage service looks for names just as the manifest has them.
    resolvable = None if service else names
    return ParsedBag(
        contents,
        profile,
        declaration,
        info,
        oxum,
        _manifests(contents, encoding, faults, tag=False, service=service, resolvable=resolvable),
        _manifests(contents, encoding, faults, tag=True, service=service, resolvable=resolvable),
        fetch,
        tuple(faults),
    )


def _declaration(contents: BagContents, service: bool, faults: list[BagFormatError]) -> Declaration | None:
    data = contents.tag_files.get(DECLARATION_FILE)
    try:
        if data is not None:
            return parse_declaration(data, utf8_only=service)
        if DECLARATION_FILE not in contents.unreadable:
            faults.append(missing_declaration())
    except BagFormatError as fault:
        faults.append(fault)
    return None


def _service_info(contents: BagContents, faults: list[BagFormatError]) -> BagInfo | None:
    data = contents.tag_files.get(BAG_INFO_FILE)
    try:
        if data is not None:
            return parse_bag_info(data)
        if BAG_INFO_FILE not in contents.unreadable:
            faults.append(missing_bag_info())
    except BagFormatError as fault:
        faults.append(fault)
    return None


def _bagit_oxum(contents: BagContents, encoding: str, faults: list[BagFormatError]) -> PayloadOxum | None:
    data = contents.tag_files.get(BAG_INFO_FILE)
    if data is None:
        return None
    try:
        values = dict.fromkeys(parse_tags(data, encoding).values("Payload-Oxum"))
    except BagFormatError as fault:
        faults.append(fault)
        return None
    if len(values) > 1:
        faults.append(several_values("Payload-Oxum", values))
        return None
    for value in values:
        try:
            return PayloadOxum.parse(value)
        except ValueError:
            faults.append(unparsable_oxum(value))
    return None


def _manifests(
    contents: BagContents,
    encoding: str,
    faults: list[BagFormatError],
    *,
    tag: bool,
    service: bool,
    resolvable: set[str] | None,
) -> dict[Algorithm, BagManifest]:
    found: dict[Algorithm, BagManifest] = {}
    for name, data in contents.tag_files.items():
        algorithm = manifest_algorithm(name, tag=tag)
        if algorithm is None or (service and algorithm not in _SERVICE_ALGORITHMS):
            continue
        manifest, manifest_faults = scan_manifest(data, algorithm, encoding, name=name)
        faults += manifest_faults
        found[algorithm] = manifest if resolvable is None else _resolved(manifest, resolvable)
    return found


def _resolved(manifest: BagManifest, names: set[str]) -> BagManifest:
    resolved = resolve_paths(manifest.paths, names)
    return BagManifest(
        manifest.algorithm,
        tuple(ManifestEntry(resolved[path], digest, line) for path, digest, line in manifest.entries),
    )
