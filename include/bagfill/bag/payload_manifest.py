"""Payload manifests (``manifest-sha256.txt``) and tag manifests (``tagmanifest-sha256.txt``): one format."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from bagfill.bag.columns import Paths
from bagfill.bag.errors import BagFormatError, FormatCode, loading
from bagfill.bag.lines import BLANKS, read_lines
from bagfill.bag.path_table import PathTable
from bagfill.bag.paths import BagPath, InvalidBagPath
from bagfill.bag.paths import decode_percent as decoded_text
from bagfill.bag.tag_data import TagData
from bagfill.checksum.algorithm import Algorithm, UnknownAlgorithm
from bagfill.checksum.digest import Digest, InvalidDigest
from bagfill.checksum.digest_column import DigestColumn

_MOST_TOLD = 1000
_LONGEST_TOLD = 4096
"""Lines that cannot be taken, and characters of each, that an error names."""

_PLAIN_BLANKS = (" ", "\t")
# In lower case alone (RFC 8493, section 2.4): else two names could mean one manifest.
_NAME = re.compile(r"(tag)?manifest-([a-z0-9]+)\.txt", re.ASCII)
_LINE = re.compile(r"([0-9a-fA-F]+?)\s+(.+)", re.ASCII | re.DOTALL)


class ManifestEntry(NamedTuple):
    """A line of a manifest: the file, its checksum, and the number of the line."""

    path: BagPath
    digest: Digest
    line: int


class BagManifest:
    """A manifest: which files a bag has, by one algorithm. No path is there twice.

    A million lines take about as many bytes as their digests, beside the table of paths.

    Args:
        algorithm: of every digest.
        table: of the bag's paths; shared with whoever else knows these files.
    """

    def __init__(self, algorithm: Algorithm, table: PathTable | None = None) -> None:
        self.algorithm = algorithm
        self.paths = Paths(PathTable() if table is None else table)
        self.digests = DigestColumn(algorithm)
        self._lines = array("I")

    def add(self, path: BagPath, digits: str, line: int) -> bool:
        """Append a line; ``False`` if its path is there already. Raises InvalidDigest."""
        number = self.paths.table.number(path)
        if self.paths.has(number):
            Digest(self.algorithm, digits)
            return False
        if number is None:
            Digest(self.algorithm, digits)
            number = self.paths.table.add(path)
        self.digests.set(number, digits)
        self._lines.append(line)
        return self.paths.add(number)

    @property
    def entries(self) -> Iterator[ManifestEntry]:
        """The lines, in the file's order."""
        for path, number, line in zip(self.paths, self.paths.numbers, self._lines, strict=True):
            digest = self.digests.get(number)
            if digest is not None:
                yield ManifestEntry(path, digest, line)

    def digest(self, path: str) -> Digest | None:
        """The digest of a file, or nothing if it is not listed."""
        number = self.paths.table.number(path)
        return self.digests.get(number) if number is not None and self.paths.has(number) else None

    def __len__(self) -> int:
        return len(self.paths)


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
    data: TagData,
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
    data: TagData,
    algorithm: Algorithm,
    encoding: str = "utf-8",
    *,
    name: str | None = None,
    decode: bool = False,
    table: PathTable | None = None,
) -> tuple[BagManifest, list[BagFormatError]]:
    """Read what can be read of a manifest, and everything that is wrong with it.

    Arguments as for ``parse_manifest``; ``table`` as for :class:`BagManifest`.

    Returns:
        The lines that are sound, and the faults: ``TAG-FILE-ENCODING``, ``MANIFEST-LINE`` (V10),
        ``PATH-LEAVES-BAG`` and ``MANIFEST-DUPLICATE`` (V11), each once at most, for all its lines.
    """
    file = name or manifest_name(algorithm, tag=False)
    manifest = BagManifest(algorithm, table)
    digits_end = algorithm.hex_length
    broken, leaving = _Lines(), _Lines()
    repeated: dict[str, int] = {}
    try:
        for number, line in read_lines(data, file, encoding):
            if not line:
                continue
            if line[digits_end : digits_end + 1] in _PLAIN_BLANKS:
                digits, written = line[:digits_end], line[digits_end:].strip(BLANKS)
            else:
                match = _LINE.fullmatch(line)
                digits, written = (match[1], match[2].strip(BLANKS)) if match else ("", "")
            if not written:
                broken.add(number, line)
                continue
            try:
                path = BagPath.from_manifest(decoded_text(written) if decode else written)
                # Read as `md5sum --binary` writes it, it must not leave the bag either.
                if written.startswith("*"):
                    BagPath.from_manifest(written[1:] or "*")
                if not manifest.add(path, digits, number):
                    repeated.setdefault(path, number)
            except InvalidBagPath:
                leaving.add(number, written)
            except InvalidDigest:
                broken.add(number, line)
    except BagFormatError as error:
        # Not to be decoded: nothing of it is taken.
        return BagManifest(algorithm, table), [error]
    return manifest, list(_faults(file, broken, leaving, repeated))


class _Lines:
    """Lines that cannot be taken: all are counted, the first are held, and of each as much as can be read."""

    def __init__(self) -> None:
        self.first = 0
        self._held: list[str] = []
        self._count = 0

    def add(self, number: int, text: str) -> None:
        self.first = self.first or number
        self._count += 1
        if len(self._held) < _MOST_TOLD:
            self._held.append(text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}...")

    @property
    def text(self) -> str:
        more = self._count - len(self._held)
        return ", ".join(self._held) + (f" and {more} more" if more else "")


def _faults(file: str, broken: _Lines, leaving: _Lines, repeated: dict[str, int]) -> Iterator[BagFormatError]:
    if broken.first:
        reason = f"Failed to parse the following lines: {broken.text}"
        yield BagFormatError(FormatCode.MANIFEST_LINE, file, broken.first, loading(file, reason))
    if leaving.first:
        reason = f"Manifest contains paths that leave the bag: {leaving.text}"
        yield BagFormatError(FormatCode.PATH_LEAVES_BAG, file, leaving.first, loading(file, reason))
    if repeated:
        reason = f"Manifest contains duplicate paths: {', '.join(repeated)}"
        yield BagFormatError(FormatCode.MANIFEST_DUPLICATE, file, min(repeated.values()), loading(file, reason))


def repeated_paths(file: str, repeated: dict[str, int]) -> BagFormatError | None:
    """The fault of a manifest that lists a file twice, in whatever spelling; its paths are those of ``resolve_paths``.

    Args:
        file: the manifest's name.
        repeated: the file, and the number of the line that names it again.
    """
    return next(_faults(file, _Lines(), _Lines(), repeated), None)
