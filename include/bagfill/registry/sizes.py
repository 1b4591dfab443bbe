"""Bag versions with their sizes: what planning needs of a whole collection, without opening a storage manifest."""

from __future__ import annotations

from dataclasses import dataclass

from bagfill.bag.identifiers import BagVersionId


@dataclass(frozen=True, slots=True)
class SizedBagVersion:
    """One known bag version.

    Args:
        bag_version: what.
        files, bytes: concrete files, so that each byte is counted once.
        locations: where it is registered, in order of registration: the first is where it was learnt from.
    """

    bag_version: BagVersionId
    files: int
    bytes: int
    locations: tuple[str, ...]
