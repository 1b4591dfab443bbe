"""The files of a storage manifest, read from its stored text each time they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from bagfill.bag.dependencies import split_version
from bagfill.bag.identifiers import BagVersion, InvalidIdentifier
from bagfill.bag.paths import BagPath, InvalidBagPath
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest, InvalidDigest
from bagfill.manifest.errors import ManifestFormatError, shown
from bagfill.manifest.model import ManifestFile
from bagfill.manifest.text import ManifestText
from bagfill.manifest.walk import ManifestWalk


@dataclass(frozen=True, slots=True)
class FileParser:
    """Reads the elements of one array of files, in any shape that was ever stored.

    Args:
        where: JSON path of the array, for errors.
        algorithm: of its digests.
        version: of the bag, which paths from 2019 do not say.
        size_of: see :func:`bagfill.manifest.codec.parse_storage_manifest`.
    """

    where: str
    algorithm: Algorithm
    version: BagVersion
    size_of: Callable[[str], int] | None = None

    def file(self, index: int, value: Any) -> ManifestFile:
        """One element. Raises ManifestFormatError."""
        try:
            return self._file(value)
        except ManifestFormatError as error:
            where = f"{self.where}[{index}]{error.json_path}"
            raise ManifestFormatError(where, error.expected, error.found) from None

    def _file(self, value: Any) -> ManifestFile:
        if not isinstance(value, dict):
            raise ManifestFormatError("", "a file", shown(value))
        path, name = value.get("path"), value.get("name")
        if not isinstance(path, str):
            raise ManifestFormatError(".path", "text", shown(path))
        if name is None:
            # The shape of 2019: the path alone, sometimes without the version.
            path = path if _has_version(path) else f"{self.version}/{path}"
            name = path.partition("/")[2]
        if not isinstance(name, str):
            raise ManifestFormatError(".name", "text", shown(name))
        folder, _, inside = path.partition("/")
        try:
            _require_version(folder)
            BagPath(inside)
            if name != inside:
                BagPath(name)
        except (InvalidIdentifier, InvalidBagPath) as error:
            raise ManifestFormatError("", "a name, and a path v{N}/...", str(error)) from None
        checksum = unwrapped(value.get("checksum"))
        try:
            digest = Digest(self.algorithm, checksum if isinstance(checksum, str) else "")
        except InvalidDigest:
            raise ManifestFormatError(".checksum", f"a {self.algorithm.bagit_name} digest", shown(checksum)) from None
        return ManifestFile(name, path, self._size(value.get("size"), path), digest)

    def _size(self, found: Any, path: str) -> int:
        if found is None and self.size_of is not None:
            return self.size_of(path)
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return found
        raise ManifestFormatError(".size", "a number of bytes", shown(found))


@lru_cache(maxsize=1024)
def _require_version(folder: str) -> None:
    """Raises InvalidIdentifier. All files of a bag are in a few folders."""
    BagVersion.parse(folder)


def unwrapped(value: Any) -> Any:
    """Wrapper types of Scala are stored as ``{"underlying": …}``; the API shows a space as ``{"id": …}``."""
    if isinstance(value, dict):
        return value.get("underlying", value.get("id"))
    return value


def _has_version(path: str) -> bool:
    try:
        split_version(path)
    except (InvalidIdentifier, InvalidBagPath):
        return False
    return True


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Files of a stored text; each iteration reads the text to its end.

    Args:
        text: the text.
        parsers: of the arrays to read, by their number in the text.
        order: of the arrays.
    """

    text: ManifestText = field(repr=False)
    parsers: Mapping[int, FileParser]
    order: tuple[int, ...]

    def __iter__(self) -> Iterator[ManifestFile]:
        return (file for _, file in self.numbered())

    def only(self, number: int) -> StoredFiles:
        """The files of one array."""
        return StoredFiles(self.text, {number: self.parsers[number]}, (number,))

    def numbered(self) -> Iterator[tuple[int, ManifestFile]]:
        """Each file with the number of its array."""
        if list(self.order) == sorted(self.order):
            yield from self._one_pass()
        else:
            for number in self.order:
                yield from self.only(number).numbered()

    def _one_pass(self) -> Iterator[tuple[int, ManifestFile]]:
        parsers = self.parsers
        try:
            for found in ManifestWalk(self.text.chunks()).files():
                parser = parsers.get(found.number)
                if parser is not None:
                    yield found.number, parser.file(found.place, found.value)
        except ManifestFormatError:
            # It was read before: if other bytes came this time, the text itself says so when it is read to its end.
            for _ in self.text.chunks():
                pass
            raise


class FileCounts:
    """How many files of each array lie in which version's folder, and their bytes."""

    def __init__(self) -> None:
        self.files: Counter[tuple[int, str]] = Counter()
        self.bytes: Counter[tuple[int, str]] = Counter()

    def add(self, number: int, file: ManifestFile) -> None:
        """Count one file."""
        key = (number, file.path.partition("/")[0])
        self.files[key] += 1
        self.bytes[key] += file.size

    def own(self, numbers: Iterable[int], version: BagVersion) -> tuple[int, int]:
        """Number and bytes of the files in a version's own folder."""
        keys = [(number, str(version)) for number in set(numbers)]
        return sum(self.files[key] for key in keys), sum(self.bytes[key] for key in keys)

    def versions(self, numbers: Iterable[int]) -> frozenset[BagVersion]:
        """The versions whose folders hold files of some arrays."""
        wanted = set(numbers)
        return frozenset(BagVersion.parse(segment) for number, segment in self.files if number in wanted)
