"""Payload manifests (``manifest-sha256.txt``) and tag manifests (``tagmanifest-sha256.txt``): one format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bagfill.bag.errors import BagFormatError, FormatCode, loading
from bagfill.bag.lines import BLANKS, decode_tag_file, split_lines
from bagfill.bag.paths import BagPath, InvalidBagPath, nfc
from bagfill.bag.paths import decode_percent as decoded_text
from bagfill.checksum.algorithm import Algorithm, UnknownAlgorithm
from bagfill.checksum.digest import Digest, InvalidDigest

# In lower case alone (RFC 8493, section 2.4): else two names could mean one manifest.
_NAME = re.compile(r"(tag)?manifest-([a-z0-9]+)\.txt", re.ASCII)
_LINE = re.compile(r"([0-9a-fA-F]+?)\s+(.+)", re.ASCII | re.DOTALL)


class ManifestEntry(NamedTuple):
    """A line of a manifest: the file, its checksum, and the number of the line."""

    path: BagPath
    digest: Digest
    line: int


@dataclass(frozen=True)
class BagManifest:
    """A manifest: which files a bag has, by one algorithm.

    Args:
        algorithm: of every digest.
        entries: in the file's order; no path is there twice.
    """

    algorithm: Algorithm
    entries: tuple[ManifestEntry, ...]

    @cached_property
    def by_path(self) -> dict[BagPath, Digest]:
        """The digest of each file."""
        return {entry.path: entry.digest for entry in self.entries}

    @property
    def paths(self) -> tuple[BagPath, ...]:
        """The files, in the file's order."""
        return tuple(entry.path for entry in self.entries)


def manifest_name(algorithm: Algorithm, *, tag: bool) -> str:
    """The name of a manifest file."""
    return f"{'tag' if tag else ''}manifest-{algorithm.value}.txt"


def manifest_algorithm(name: str, *, tag: bool) -> Algorithm | None:
    """The algorithm in the name of a manifest file, or nothing when it is no such manifest's name.

    Args:
        name: of a file at the root of the bag.
        tag: whether tag manifests are meant, or payload manifests.
    """
    match = _NAME.fullmatch(name)
    if match is None or bool(match[1]) is not tag:
        return None
    try:
        return Algorithm.parse(match[2])
    except UnknownAlgorithm:
        return None


def parse_manifest(
    data: bytes,
    algorithm: Algorithm,
    encoding: str = "utf-8",
    *,
    name: str | None = None,
    decode_percent: bool = False,
) -> BagManifest:
    """Read a manifest (RFC 8493, sections 2.1.3 and 2.2.1).

    By the RFC ``%0A``, ``%0D`` and ``%25`` are encoded in manifests; many writers, and the storage service, write paths
    as they are. The text alone does not tell: read it undecoded, and let ``resolve_paths`` decide by what is there.

    Args:
        data: the bytes of the file.
        algorithm: the one in its name.
        encoding: as ``bagit.txt`` declares it.
        name: of the file, for errors; by default the payload manifest of the algorithm.
        decode_percent: whether to decode paths right away.

    Raises:
        BagFormatError: the first of what ``scan_manifest`` finds.
    """
    manifest, faults = scan_manifest(data, algorithm, encoding, name=name, decode=decode_percent)
    if faults:
        raise faults[0]
    return manifest


def scan_manifest(
    data: bytes,
    algorithm: Algorithm,
    encoding: str = "utf-8",
    *,
    name: str | None = None,
    decode: bool = False,
) -> tuple[BagManifest, list[BagFormatError]]:
    """Read what can be read of a manifest, and everything that is wrong with it.

    Arguments as for ``parse_manifest``.

    Returns:
        The lines that are sound, and the faults: ``TAG-FILE-ENCODING``, ``MANIFEST-LINE`` (V10),
        ``PATH-LEAVES-BAG`` and ``MANIFEST-DUPLICATE`` (V11), each once at most, for all its lines.
    """
    file = name or manifest_name(algorithm, tag=False)
    try:
        text = decode_tag_file(data, file, encoding)
    except BagFormatError as error:
        return BagManifest(algorithm, ()), [error]
    entries: dict[BagPath, ManifestEntry] = {}
    broken: dict[int, str] = {}
    leaving: dict[int, str] = {}
    repeated: dict[str, int] = {}
    for number, line in split_lines(text):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        written = match[2].strip(BLANKS) if match else ""
        if match is None or not written:
            broken[number] = line
            continue
        try:
            path = BagPath.from_manifest(decoded_text(written) if decode else written)
            entry = ManifestEntry(path, Digest(algorithm, match[1]), number)
            # Read as `md5sum --binary` writes it, it must not leave the bag either.
            if written.startswith("*"):
                BagPath.from_manifest(written[1:] or "*")
        except InvalidBagPath:
            leaving[number] = written
        except InvalidDigest:
            broken[number] = line
        else:
            if entries.setdefault(path, entry) is not entry:
                repeated.setdefault(path, number)
    return BagManifest(algorithm, tuple(entries.values())), list(_faults(file, broken, leaving, repeated))


def _faults(
    file: str, broken: dict[int, str], leaving: dict[int, str], repeated: dict[str, int]
) -> Iterator[BagFormatError]:
    if broken:
        reason = f"Failed to parse the following lines: {', '.join(broken.values())}"
        yield BagFormatError(FormatCode.MANIFEST_LINE, file, min(broken), loading(file, reason))
    if leaving:
        reason = f"Manifest contains paths that leave the bag: {', '.join(leaving.values())}"
        yield BagFormatError(FormatCode.PATH_LEAVES_BAG, file, min(leaving), loading(file, reason))
    if repeated:
        reason = f"Manifest contains duplicate paths: {', '.join(repeated)}"
        yield BagFormatError(FormatCode.MANIFEST_DUPLICATE, file, min(repeated.values()), loading(file, reason))


def repeated_paths(file: str, entries: Iterable[ManifestEntry]) -> BagFormatError | None:
    """The fault of a manifest that lists a file twice, in whatever spelling; its paths are those of ``resolve_paths``.

    Args:
        file: the manifest's name.
        entries: with the names of the files that are meant.
    """
    seen: set[BagPath] = set()
    repeated: dict[str, int] = {}
    for entry in entries:
        if entry.path in seen:
            repeated.setdefault(entry.path, entry.line)
        seen.add(entry.path)
    return next(_faults(file, {}, {}, repeated), None)


def resolve_paths(paths: Iterable[BagPath], names: Collection[str]) -> dict[BagPath, BagPath]:
    """Find the file each path of a manifest means, among those that are there.

    A whole manifest is written one way, so a reading under which every path is there wins as a whole; only when
    there is none is each path looked up by itself. Readings, in this order: literally; percent-decoded; without the
    asterisk that ``md5sum --binary`` writes before a name; both. What is not there under any of them is looked for in
    another Unicode normalisation (RFC 8493, section 6.1.1).

    Args:
        paths: of one manifest.
        names: the files that are there, or are known to be elsewhere (fetched files).

    Returns:
        Path in the manifest → name of the file. A path that is not there under any reading is left as it is.
    """
    wanted = list(paths)
    readings = (_literal, _percent_decoded, _without_asterisk, _without_asterisk_decoded)
    for reading in readings:
        resolved = {path: reading(path) for path in wanted}
        if all(name is not None and name in names for name in resolved.values()):
            return {path: name for path, name in resolved.items() if name is not None}
    found: dict[BagPath, BagPath] = {}
    normalised: dict[str, str] | None = None
    for path in wanted:
        meant = next((name for reading in readings if (name := reading(path)) is not None and name in names), None)
        if meant is None:
            if normalised is None:
                normalised = _by_normal_form(names)
            alike = normalised.get(nfc(path)) or normalised.get(nfc(path.decoded()))
            meant = path if alike is None else BagPath(alike)
        found[path] = meant
    return found


def _by_normal_form(names: Collection[str]) -> dict[str, str]:
    """Names by their normal form, as far as no two have the same."""
    counts = Counter(map(nfc, names))
    return {nfc(name): name for name in names if counts[nfc(name)] == 1}


def _literal(path: BagPath) -> BagPath | None:
    return path


def _percent_decoded(path: BagPath) -> BagPath | None:
    return path.decoded()


def _without_asterisk(path: BagPath) -> BagPath | None:
    try:
        return BagPath.from_manifest(path.removeprefix("*"))
    except InvalidBagPath:
        return None


def _without_asterisk_decoded(path: BagPath) -> BagPath | None:
    bare = _without_asterisk(path)
    return None if bare is None else bare.decoded()
