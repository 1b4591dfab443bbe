"""In what two storage manifests of one bag version differ, in words for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

from bagfill.manifest.codec import REPLICAS_KEYS
from bagfill.manifest.model import StorageManifest
from bagfill.manifest.walk import FileList, ManifestWalk, PassingFile

REPLICA_LOCATIONS = frozenset(REPLICAS_KEYS)
"""What a bag version gains while it stays the same bag version."""

WHERE_AND_WHEN = REPLICA_LOCATIONS | {"createdDate", "ingestId"}
"""What may differ when the same bag version is learnt twice, from different places."""

_MOST_NAMED = 20
_LONGEST_VALUE = 80
_ABSENT = object()


def manifest_differences(
    stored: StorageManifest, given: StorageManifest, *, ignoring: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Compare the whole JSON documents, unknown keys too.

    White space and the order of an object's keys say nothing; the order of a list does.

    Args:
        stored: the manifest that the registry has.
        given: the other one.
        ignoring: top-level keys that are not compared.

    Returns:
        Up to 20 differences and a note if there are more; empty if there are none.
    """
    if stored.sha256 == given.sha256:
        return ()
    return Comparison(stored, given).differences(ignoring)


class Comparison:
    """Two manifests that were read side by side, once each.

    Args:
        stored, given: the manifests.

    Attributes:
        stored_values, given_values: their top-level objects, see :class:`~bagfill.manifest.walk.ManifestWalk`.
    """

    def __init__(self, stored: StorageManifest, given: StorageManifest) -> None:
        self._manifests = (stored, given)
        one, other = _walk(stored), _walk(given)
        self._has_same_files = True
        for pair in zip_longest(one.files(), other.files()):
            self._has_same_files = self._has_same_files and _is_same_file(*pair)
        self.stored_values = one.values
        self.given_values = other.values

    def differences(self, ignoring: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """See :func:`manifest_differences`. Only if a file differs are both read again, to say how."""
        documents = [
            {key: value for key, value in values.items() if key not in ignoring}
            for values in (self.stored_values, self.given_values)
        ]
        if not self._has_same_files:
            for place, manifest in enumerate(self._manifests):
                documents[place] = {key: _with_files(value, manifest) for key, value in documents[place].items()}
        found = _in_objects("", *documents)
        named = tuple(islice(found, _MOST_NAMED))
        return named if next(found, None) is None else (*named, "further differences are not listed")


def _with_files(value: Any, manifest: StorageManifest) -> Any:
    if isinstance(value, dict) and isinstance(value.get("files"), FileList):
        return {**value, "files": _Files(manifest, value["files"])}
    return value


def _walk(manifest: StorageManifest) -> ManifestWalk:
    # Numbers as they are spelt: 1 and 1.0 are different text, and a float would lose digits.
    return ManifestWalk(manifest.text.chunks(), parse_float=_Spelt)


def _is_same_file(one: PassingFile | None, other: PassingFile | None) -> bool:
    if one is None or other is None or one[:3] != other[:3]:
        return False
    # Equal and of equal kinds: of an ordinary file, which has texts and numbers, this is enough to know.
    if one.value == other.value and _kinds(one.value) == _kinds(other.value) <= {str, int}:
        return True
    return not any(_between("", one.value, other.value))


def _kinds(value: Any) -> set[type]:
    return set(map(type, value.values())) if isinstance(value, dict) else {type(value)}


@dataclass(frozen=True, slots=True, eq=False)
class _Files:
    """An array of files that is read from its manifest when it is compared."""

    manifest: StorageManifest
    listed: FileList

    def __len__(self) -> int:
        return self.listed.count

    def __iter__(self) -> Iterator[Any]:
        return (file.value for file in _walk(self.manifest).files() if file.number == self.listed.number)

    def __str__(self) -> str:
        return str(self.listed)


class _Spelt(str):
    """A number that is not an integer, by its text."""

    __slots__ = ()


def _between(path: str, stored: Any, given: Any) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(given, dict):
        yield from _in_objects(f"{path}.", stored, given)
    elif isinstance(stored, list | _Files) and isinstance(given, list | _Files):
        yield from _in_lists(path, stored, given)
    # bool is an int, and 1 == True.
    elif type(stored) is not type(given) or stored != given:
        yield f"{path}: stored {_shown(stored)}, given {_shown(given)}"


def _in_objects(path: str, stored: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    for key in {**stored, **given}:
        yield from _between(f"{path}{key}", stored.get(key, _ABSENT), given.get(key, _ABSENT))


def _in_lists(path: str, stored: list[Any] | _Files, given: list[Any] | _Files) -> Iterator[str]:
    if len(stored) != len(given):
        yield f"{path}: stored {len(stored)} items, given {len(given)}"
    for index, (one, other) in enumerate(zip(stored, given, strict=False)):
        yield from _between(f"{path}[{_label(index, one, other)}]", one, other)


def _label(index: int, *items: Any) -> str:
    """A file's name where the items are files, else the position."""
    names = {item.get("name") if isinstance(item, dict) else None for item in items}
    name = names.pop() if len(names) == 1 else None
    return name if isinstance(name, str) else str(index)


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    # Escaped: composed and decomposed letters look alike and are different names.
    text = str(value) if isinstance(value, _Spelt | FileList | _Files) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
