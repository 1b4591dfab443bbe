"""The one change Bagfill makes to a storage manifest: one more replica location, at the end.

The text is cut and pasted, never written anew: whatever else is in it (order, unknown keys, spelling of numbers,
white space) is there afterwards, byte for byte. It is never held either: the new text is the old one, read again, with
some bytes put in.
"""

from __future__ import annotations

import json
from typing import Any

from bagfill.manifest.codec import LOCATION_KEYS, REPLICAS_KEYS, parse_storage_manifest, present_key
from bagfill.manifest.compare import Comparison
from bagfill.manifest.errors import ManifestFormatError
from bagfill.manifest.location_codec import location_json
from bagfill.manifest.model import LocationRole, ManifestLocation, StorageManifest
from bagfill.manifest.text import SplicedText
from bagfill.manifest.walk import ManifestWalk


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
    walk = ManifestWalk(manifest.text.chunks())
    for _ in walk.files():
        pass
    element = location_json(location)
    before = walk.values
    key = present_key(before, REPLICAS_KEYS) or next((key for key in REPLICAS_KEYS if key in before), REPLICAS_KEYS[0])
    appended = parse_storage_manifest(_splice(manifest, walk, key, element))
    # A wrong manifest would be stored for good: read both texts again and require the one difference.
    both = Comparison(manifest, appended)
    is_longer_by_it = both.given_values.get(key) == [*(both.stored_values.get(key) or []), element]
    if not is_longer_by_it or both.differences(frozenset((key,))):
        raise ManifestFormatError(f"$.{key}", "one more element and no other change", "another change")
    return appended


def _splice(manifest: StorageManifest, walk: ManifestWalk, key: str, element: dict[str, Any]) -> SplicedText:
    """The text with the element in its place, in the style of what is around it."""
    # Compact text from the storage service and spaced text from Python scripts are both in the store: keep to either.
    is_spaced = any(member.is_spaced for member in walk.members.values())
    colon, comma = (": ", ", ") if is_spaced else (":", ",")
    written = json.dumps(element, ensure_ascii=False, separators=(comma, colon))
    member = walk.members.get(key)
    if member is None:
        after = next(walk.members[name] for name in LOCATION_KEYS if name in walk.members)
        start = end = after.end
        inserted = f",{after.blanks or comma[1:]}{json.dumps(key)}{colon}[{written}]"
    elif walk.values[key] is None:
        start, end, inserted = member.start, member.end, f"[{written}]"
    elif not member.elements:
        start = end = member.start + 1
        inserted = written
    else:
        blanks, start = member.elements[-1]
        end = start
        inserted = f",{blanks if len(member.elements) > 1 else blanks or comma[1:]}{written}"
    return SplicedText(manifest.text, start, end, inserted.encode())
