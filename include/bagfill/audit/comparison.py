"""A listing against what is known: missing, changed and stray objects, told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

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
    paths = chain(expected, (path for path in found if path not in expected))
    each = (compare_object(path, expected.get(path), etags.get(path), found.get(path)) for path in paths)
    return iter(sorted((one for one in each if one is not None), key=lambda difference: difference.path))


def compare_object(path: str, size: int | None, etag: str | None, found: ObjectInfo | None) -> Difference | None:
    """How one object differs, if it does.

    Args:
        size: in bytes, that it should have; ``None``: it should not be there.
        etag: of the object that was proved, if that is known.
        found: what the listing says.
    """
    if found is None:
        return None if size is None else Difference(FindingKind.MISSING, path, f"{size} bytes", "no such object")
    if size is None:
        return Difference(FindingKind.STRAY, path, "no object of this name", f"{found.size} bytes")
    if found.size != size:
        return Difference(FindingKind.WRONG_SIZE, path, f"{size} bytes", f"{found.size} bytes")
    if etag is not None and etag != found.etag:
        return Difference(FindingKind.REPLACED, path, f"ETag {etag}", f"ETag {found.etag}")
    return None
