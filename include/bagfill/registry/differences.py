"""In what two storage manifests of one bag version differ, in words for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from bagfill.manifest.codec import REPLICAS_KEYS
from bagfill.manifest.model import StorageManifest

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
    if stored.raw == given.raw:
        return ()
    found = _in_objects("", _document(stored, ignoring), _document(given, ignoring))
    named = tuple(islice(found, _MOST_NAMED))
    return named if next(found, None) is None else (*named, "further differences are not listed")


def _document(manifest: StorageManifest, ignoring: frozenset[str]) -> dict[str, Any]:
    # Numbers as they are spelt: 1 and 1.0 are different text, and a float would lose digits.
    document: dict[str, Any] = json.loads(manifest.raw, parse_float=_Spelt)
    return {key: value for key, value in document.items() if key not in ignoring}


class _Spelt(str):
    """A number that is not an integer, by its text."""

    __slots__ = ()


def _between(path: str, stored: Any, given: Any) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(given, dict):
        yield from _in_objects(f"{path}.", stored, given)
    elif isinstance(stored, list) and isinstance(given, list):
        yield from _in_lists(path, stored, given)
    # bool is an int, and 1 == True.
    elif type(stored) is not type(given) or stored != given:
        yield f"{path}: stored {_shown(stored)}, given {_shown(given)}"


def _in_objects(path: str, stored: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    for key in {**stored, **given}:
        yield from _between(f"{path}{key}", stored.get(key, _ABSENT), given.get(key, _ABSENT))


def _in_lists(path: str, stored: Sequence[Any], given: Sequence[Any]) -> Iterator[str]:
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
    text = str(value) if isinstance(value, _Spelt) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
