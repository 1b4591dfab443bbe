"""The objects of one bag version at one location, and how two accounts of them differ."""

from __future__ import annotations

from collections.abc import Mapping

from bagfill.bag.identifiers import BagVersionId
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectInfo, ObjectStore


def list_version(store: ObjectStore, location: Location, bag_version: BagVersionId) -> dict[str, ObjectInfo]:
    """Every object below the version's folder, by path inside it.

    Raises:
        StoreError: the listing could not be had. An empty result is the provider's word, never a failure in disguise.
    """
    prefix = location.version_prefix(bag_version)
    return {info.key.removeprefix(prefix): info for info in store.list(prefix)}


def differences(expected: Mapping[str, int], found: Mapping[str, int], *, found_where: str) -> list[str]:
    """How two accounts of paths and sizes differ, one sentence a path, ascending.

    Args:
        expected: path → size in bytes.
        found: the same, of the account that is judged.
        found_where: what the second account is: ``the listing of azure``.
    """
    texts = []
    for path in sorted(expected.keys() | found.keys()):
        if path not in found:
            texts.append(f"{path}: expected {expected[path]} bytes, missing in {found_where}")
        elif path not in expected:
            texts.append(f"{path}: not expected, {found[path]} bytes in {found_where}")
        elif expected[path] != found[path]:
            texts.append(f"{path}: expected {expected[path]} bytes, saw {found[path]} in {found_where}")
    return texts
