"""A listing against what is known: missing, changed and stray objects, told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bagfill.audit.model import FindingKind
from bagfill.storage.store import ObjectInfo


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a listing shows.

    Args:
        path: inside the version's folder.
        expected, seen: in words, with units.
    """

    kind: FindingKind
    path: str
    expected: str
    seen: str


def compare_listing(
    expected: Mapping[str, int], etags: Mapping[str, str], found: Mapping[str, ObjectInfo]
) -> Iterator[Difference]:
    """How a listing differs, ascending by path.

    Args:
        expected: path → size in bytes, of every file of the replica.
        etags: path → ETag of the object that was proved; files without one are judged by name and size.
        found: path → what the listing says.
    """
    differences: list[Difference] = []
    for path, size in expected.items():
        info = found.get(path)
        if info is None:
            differences.append(Difference(FindingKind.MISSING, path, f"{size} bytes", "no such object"))
        elif info.size != size:
            differences.append(Difference(FindingKind.WRONG_SIZE, path, f"{size} bytes", f"{info.size} bytes"))
        elif (etag := etags.get(path, info.etag)) != info.etag:
            differences.append(Difference(FindingKind.REPLACED, path, f"ETag {etag}", f"ETag {info.etag}"))
    for path in found:
        if path not in expected:
            seen = f"{found[path].size} bytes"
            differences.append(Difference(FindingKind.STRAY, path, "no object of this name", seen))
    return iter(sorted(differences, key=lambda difference: difference.path))
