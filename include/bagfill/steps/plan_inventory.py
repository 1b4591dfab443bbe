"""Plan from a list of objects, without access to anything: for deciding before a contract is signed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bagfill.planning.collection import Amount, ClassKey, Collection, Largest
from bagfill.planning.limits import Limits
from bagfill.planning.shards import block_bytes_for
from bagfill.steps.inventory_file import InventoryObject
from bagfill.storage.names import NameRules

_VERSION_FOLDER = re.compile(r"(.+?/v[1-9][0-9]*)/", re.ASCII)
NO_BAG = "not-in-a-bag"
NAME_REFUSED = "name-refused"


def requests_to_write(size: int, limits: Limits) -> int:
    """Requests that create an object of ``size`` bytes: one, or its blocks with a beginning and a commit."""
    block_bytes = block_bytes_for(size, limits)
    return 1 if not block_bytes else -(-size // block_bytes) + 2


def collect(
    objects: Iterable[InventoryObject], limits: Limits, *, names: NameRules | None = None, prefix: str = ""
) -> Collection:
    """Count what a list holds. What does not lie in a version folder (``…/v1/…``) is left out and told.

    Bag versions are counted as their objects come together in the list, which S3 Inventory does within a data file.

    Args:
        objects: the list.
        limits: block sizes.
        names: of the destination; ``None``: names are not judged.
        prefix: of the destination's keys.
    """
    found = Collection()
    bag = _Bag("")
    for each in objects:
        match = _VERSION_FOLDER.match(each.key)
        if match is None:
            found.refuse(NO_BAG, each.key, "lies in no version folder", files=1, size=each.size)
            continue
        if match[1] != bag.name:
            bag.close(found)
            bag = _Bag(match[1])
        if names is not None and not bag.problem and (refused := names.check(f"{prefix}{each.key}")) is not None:
            bag.problem = f"{each.key}: {refused.message}"
        small = each.size <= limits.small_object_bytes
        bag.add(each, 1 if small else requests_to_write(each.size, limits))
    bag.close(found)
    found.looked_at = found.bag_versions
    return found


class _Bag:
    """The bag version whose objects are coming by."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problem = ""
        self._amounts: dict[tuple[str, bool], Amount] = {}
        self._largest = Largest()

    def add(self, each: InventoryObject, requests: int) -> None:
        key = (each.storage_class, each.archived)
        amount = self._amounts.get(key)
        if amount is None:
            amount = self._amounts[key] = Amount()
        amount.objects += 1
        amount.bytes += each.size
        amount.requests += requests
        if each.size > self._largest.bytes:
            self._largest = Largest(each.key, each.size)

    def close(self, found: Collection) -> None:
        """Count it, unless it is none."""
        if not self.name:
            return
        files = sum(amount.objects for amount in self._amounts.values())
        size = sum(amount.bytes for amount in self._amounts.values())
        if self.problem:
            found.refuse(NAME_REFUSED, self.name, self.problem, files=files, size=size)
            return
        found.add_bag(self.name, files, size)
        found.largest_file.offer(self._largest.name, self._largest.bytes)
        for (storage_class, archived), amount in self._amounts.items():
            found.add_objects(ClassKey(storage_class, archived), amount)
