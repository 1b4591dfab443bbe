"""Parses the tag files of a bag version, as BagIt or as the storage service reads them; every fault is kept."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from bagfill.bag.bag_info import (
    BAG_INFO_FILE,
    BagInfo,
    BagInfoTags,
    PayloadOxum,
    bag_info_file,
    missing_bag_info,
    parse_bag_info,
    parse_tags,
    several_values,
    unparsable_date,
    unparsable_oxum,
)
from bagfill.bag.bagging_date import parse_bagging_date
from bagfill.bag.declaration import (
    DECLARATION_FILE,
    LONGEST_DECLARATION,
    Declaration,
    missing_declaration,
    parse_declaration,
)
from bagfill.bag.errors import BagFormatError
from bagfill.bag.fetch import FETCH_FILE, FetchList, scan_fetch
from bagfill.bag.path_table import PathTable
from bagfill.bag.payload_manifest import BagManifest, manifest_algorithm, repeated_paths, scan_manifest
from bagfill.bag.resolve import resolve_paths
from bagfill.bag.rules.contents import BagContents
from bagfill.bag.rules.finding import Profile
from bagfill.bag.rules.parsed_bag import ParsedBag, Respelling
from bagfill.bag.tag_data import TagData, Without, first_bytes, held
from bagfill.checksum.algorithm import Algorithm

# The storage service looks for no other manifests.
_SERVICE_ALGORITHMS = frozenset((Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.SHA512))


def parse_bag(contents: BagContents, profile: Profile) -> ParsedBag:
    """Parse what is there; every fault is kept, none is raised."""
    service = profile is Profile.STORAGE_SERVICE
    faults: list[BagFormatError] = []
    declaration = _declaration(contents, service, faults)
    encoding = declaration.encoding if declaration and not service else "utf-8"
    # A byte order mark is a rule's finding; the rest of the file is judged as if it were not there.
    files = {name: _without_bom(data) for name, data in contents.tag_files.items()}
    info_file = BAG_INFO_FILE if service or declaration is None else bag_info_file(declaration.version)
    info = _service_info(contents, files, faults) if service else None
    tags = _tags(files.get(info_file), encoding, info_file, [] if service else faults)
    oxum = info.payload_oxum if info else None if service else _oxum(tags, info_file, faults)
    if not service:
        _check_date(tags, info_file, faults)
    fetch = FetchList(contents.table)
    if FETCH_FILE in files:
        fetch, fetch_faults = scan_fetch(files[FETCH_FILE], encoding, table=contents.table)
        faults += fetch_faults
    # The storage service looks for names just as the manifest has them.
    names: Collection[str] = () if service else _Either(contents.listing, fetch.paths)
    reader = _ManifestReader(files, encoding, service, names, contents.table, faults)
    return ParsedBag(
        contents=contents,
        profile=profile,
        declaration=declaration,
        info=info,
        info_tags=tags,
        oxum=oxum,
        payload_manifests=reader.read(tag=False),
        tag_manifests=reader.read(tag=True),
        fetch=fetch,
        faults=tuple(faults),
        respelt=tuple(reader.respelt),
    )


def _declaration(contents: BagContents, service: bool, faults: list[BagFormatError]) -> Declaration | None:
    data = contents.tag_files.get(DECLARATION_FILE)
    try:
        if data is not None:
            return parse_declaration(first_bytes(data, LONGEST_DECLARATION + 1), utf8_only=service)
        if DECLARATION_FILE not in contents.unreadable:
            faults.append(missing_declaration())
    except BagFormatError as fault:
        faults.append(fault)
    return None


def _service_info(contents: BagContents, files: Mapping[str, TagData], faults: list[BagFormatError]) -> BagInfo | None:
    try:
        if BAG_INFO_FILE in files:
            return parse_bag_info(held(files[BAG_INFO_FILE], BAG_INFO_FILE))
        if BAG_INFO_FILE not in contents.unreadable:
            faults.append(missing_bag_info())
    except BagFormatError as fault:
        faults.append(fault)
    return None


def _tags(data: TagData | None, encoding: str, file: str, faults: list[BagFormatError]) -> BagInfoTags:
    if data is None:
        return BagInfoTags(())
    try:
        return parse_tags(held(data, file), encoding, file=file)
    except BagFormatError as fault:
        faults.append(fault)
        return BagInfoTags(())


def _oxum(tags: BagInfoTags, file: str, faults: list[BagFormatError]) -> PayloadOxum | None:
    values = dict.fromkeys(tags.values("Payload-Oxum"))
    if len(values) > 1:
        faults.append(several_values("Payload-Oxum", values, file))
        return None
    for value in values:
        try:
            return PayloadOxum.parse(value)
        except ValueError:
            faults.append(unparsable_oxum(value, file))
    return None


def _check_date(tags: BagInfoTags, file: str, faults: list[BagFormatError]) -> None:
    for value in dict.fromkeys(tags.values("Bagging-Date")):
        try:
            parse_bagging_date(value)
        except ValueError as error:
            faults.append(unparsable_date(str(error), file))


def _without_bom(data: TagData) -> TagData:
    return data.removeprefix(BOM_UTF8) if isinstance(data, bytes) else Without(data, BOM_UTF8)


@dataclass(frozen=True)
class _Either(Collection[str]):
    """The names of one collection, and those of another."""

    one: Collection[str]
    other: Collection[str]

    def __contains__(self, name: object) -> bool:
        return name in self.one or name in self.other

    def __iter__(self) -> Iterator[str]:
        return chain(self.one, (name for name in self.other if name not in self.one))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass
class _ManifestReader:
    """Reads the manifests of one bag, and finds the files that their paths mean."""

    files: Mapping[str, TagData]
    encoding: str
    service: bool
    names: Collection[str]
    table: PathTable
    faults: list[BagFormatError]
    respelt: list[Respelling] = field(default_factory=list)

    def read(self, *, tag: bool) -> dict[Algorithm, BagManifest]:
        found: dict[Algorithm, BagManifest] = {}
        for name, data in self.files.items():
            algorithm = manifest_algorithm(name, tag=tag)
            if algorithm is None or (self.service and algorithm not in _SERVICE_ALGORITHMS):
                continue
            manifest, manifest_faults = scan_manifest(data, algorithm, self.encoding, name=name, table=self.table)
            self.faults += manifest_faults
            found[algorithm] = manifest if self.service else self._resolved(name, manifest)
        return found

    def _resolved(self, name: str, manifest: BagManifest) -> BagManifest:
        resolved = resolve_paths(manifest.paths, self.names)
        is_respelt = False
        for path in manifest.paths:
            meant = resolved[path]
            is_respelt = is_respelt or meant != path
            if meant != path or "%" in path:
                self.respelt.append(Respelling(name, path, meant))
        if not is_respelt:
            return manifest
        found = BagManifest(manifest.algorithm, self.table)
        repeated: dict[str, int] = {}
        for path, digest, line in manifest.entries:
            meant = resolved[path]
            if not found.add(meant, digest.text, line):
                repeated.setdefault(meant, line)
        fault = repeated_paths(name, repeated)
        if fault is not None:
            self.faults.append(fault)
        return found
