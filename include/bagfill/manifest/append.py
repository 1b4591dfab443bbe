"""The one change Bagfill makes to a storage manifest: one more replica location, at the end.

The text is cut and pasted, never written anew: whatever else is in it (order, unknown keys, spelling of numbers,
white space) is there afterwards, byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from bagfill.manifest.codec import LOCATION_KEYS, REPLICAS_KEYS, load_json, present_key
from bagfill.manifest.errors import ManifestFormatError
from bagfill.manifest.location_codec import location_json
from bagfill.manifest.model import LocationRole, ManifestLocation, StorageManifest

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def with_replica_location(manifest: StorageManifest, location: ManifestLocation) -> StorageManifest:
    """The manifest with one more replica location, or the same object when it is among its locations already.

    Args:
        manifest: as read from the store.
        location: a secondary location.

    Returns:
        A manifest whose text differs in the one element that is added at the end of ``replicaLocations``. The array is
        made, right after the primary location, where there is none; a null is replaced by it.

    Raises:
        ValueError: the location is a primary one.
        ManifestFormatError: the text of the manifest is not what was parsed.
    """
    if location.role is not LocationRole.SECONDARY:
        raise ValueError(f"Only a secondary location can be added to a manifest, not {location}")
    if manifest.is_at(location):
        return manifest
    text = manifest.raw.decode("utf-8")
    before = load_json(manifest.raw)
    element = location_json(location)
    key = present_key(before, REPLICAS_KEYS) or next((key for key in REPLICAS_KEYS if key in before), REPLICAS_KEYS[0])
    start, end, inserted = _splice(text, key, element)
    raw = f"{text[:start]}{inserted}{text[end:]}".encode()
    # A wrong manifest would be stored for good: read the text again and require the one difference.
    if load_json(raw) != {**before, key: [*(before.get(key) or []), element]}:
        raise ManifestFormatError(f"$.{key}", "one more element and no other change", "another change")
    return replace(manifest, raw=raw, replica_locations=(*manifest.replica_locations, location))


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of the top-level object: offsets in the text, and the blanks before its key."""

    key: str
    blanks: str
    start: int
    end: int


def _splice(text: str, key: str, element: dict[str, Any]) -> tuple[int, int, str]:
    """What to put in place of which part of the text."""
    members = {member.key: member for member in _members(text)}
    colon, comma = _separators(text, members)
    written = json.dumps(element, ensure_ascii=False, separators=(comma, colon))
    member = members.get(key)
    if member is None:
        after = next(members[name] for name in LOCATION_KEYS if name in members)
        return after.end, after.end, f",{after.blanks or comma[1:]}{json.dumps(key)}{colon}[{written}]"
    if text[member.start : member.end] == "null":
        return member.start, member.end, f"[{written}]"
    elements = list(_elements(text, member.start))
    if not elements:
        return member.start + 1, member.start + 1, written
    last_blanks, last_end = elements[-1]
    return last_end, last_end, f",{last_blanks if len(elements) > 1 else last_blanks or comma[1:]}{written}"


def _separators(text: str, members: dict[str, _Member]) -> tuple[str, str]:
    # Compact text from the storage service and spaced text from Python scripts are both in the store: keep to either.
    spaced = any(text[member.start - 1] == " " for member in members.values())
    return (": ", ", ") if spaced else (":", ",")


def _members(text: str) -> Iterator[_Member]:
    """The members of the top-level object, in order; of a key that is there twice the last counts, as in parsing."""
    position = _skip(text, 0) + 1
    while True:
        key_start = _skip(text, position)
        if text[key_start] == "}":
            return
        key, key_end = _DECODER.raw_decode(text, key_start)
        start = _skip(text, _skip(text, key_end) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield _Member(key, text[position:key_start], start, end)
        position = _skip(text, end)
        if text[position] == "}":
            return
        position += 1


def _elements(text: str, array_start: int) -> Iterator[tuple[str, int]]:
    """For each element of an array the blanks before it, and the offset of its end."""
    position = array_start + 1
    while True:
        start = _skip(text, position)
        if text[start] == "]":
            return
        _, end = _DECODER.raw_decode(text, start)
        yield text[position:start], end
        position = _skip(text, end)
        if text[position] == "]":
            return
        position += 1


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position
