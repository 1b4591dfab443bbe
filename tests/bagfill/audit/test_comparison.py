from __future__ import annotations

from bagfill.audit.comparison import compare_listing
from bagfill.audit.model import FindingKind
from bagfill.storage.store import ArchiveState, ObjectInfo


def info(size: int, etag: str = "e", archive: ArchiveState = ArchiveState.READABLE) -> ObjectInfo:
    return ObjectInfo("key", size, etag, "STANDARD", archive)


def kinds(expected: dict[str, int], etags: dict[str, str], found: dict[str, ObjectInfo]) -> dict[str, FindingKind]:
    return {each.path: each.kind for each in compare_listing(expected, etags, found)}


def test_missing_changed_and_stray_objects_are_told_apart() -> None:
    expected = {"gone": 1, "longer": 2, "other": 3, "same": 4, "unproved": 5}
    etags = {"other": "old", "same": "e", "longer": "e"}
    found = {"longer": info(9), "other": info(3, "new"), "same": info(4), "unproved": info(5, "any"), "extra": info(0)}

    assert kinds(expected, etags, found) == {
        "gone": FindingKind.MISSING,
        "longer": FindingKind.WRONG_SIZE,
        "other": FindingKind.REPLACED,
        "extra": FindingKind.STRAY,
    }


def test_an_archived_object_is_there() -> None:
    assert kinds({"a": 1}, {"a": "e"}, {"a": info(1, archive=ArchiveState.ARCHIVED)}) == {}
