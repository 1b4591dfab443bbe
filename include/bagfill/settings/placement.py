"""Checks between tables: names that are used, and places that must lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from bagfill.settings.texts import Key, ProblemList
from bagfill.steps.services import Policy
from bagfill.storage.location import Location, Provider


def placement_problems(
    locations: Sequence[tuple[int, Location]],
    policies: Sequence[tuple[int, Policy]],
    areas: Mapping[str, Location],
    document: Mapping[str, Any],
    problems: ProblemList,
) -> None:
    """Note duplicate names, policies about unknown locations, and places that lie inside one another.

    Args:
        locations: those that are sound by themselves, with their places in the file.
        policies: likewise.
        areas: work area, receipts and manifests, by key.
        document: the whole file: a location that is not sound still has a name that policies may use.
        problems: where to note them.
    """
    seen: dict[str, int] = {}
    for index, location in locations:
        if seen.setdefault(location.name, index) != index:
            problems.add(
                ("locations", index, "name"), f"{location.name!r} is the name of locations[{seen[location.name]}]"
            )
    _policies(policies, document, problems)

    places: list[tuple[Key, Location]] = [(("locations", index), location) for index, location in locations]
    for (_, one), (key, other) in combinations(places, 2):
        if one.name != other.name and _overlap(one, other):
            problems.add(
                key,
                f"must lie apart from location {one.name!r}: {_place(other)} and {_place(one)} overlap,"
                " and storage manifests could not tell them apart",
            )
    places += [((key,), area) for key, area in areas.items()]
    for (first, one), (key, other) in combinations(places, 2):
        if len(key) == 1 and _overlap(one, other):
            whose = f"location {one.name!r}" if len(first) == 2 else f"the {one.name}"
            problems.add(key, f"must lie apart from {whose}: {_place(other)} and {_place(one)} overlap")
    _copies(places, problems)


def _copies(places: Sequence[tuple[Key, Location]], problems: ProblemList) -> None:
    """Containers of thawed copies hold nothing else: no bags, no records."""
    containers = {place.bucket: place.name for _, place in places if place.provider is Provider.AZURE_BLOB_STORAGE}
    for key, place in places:
        if place.thaw.copies in containers:
            whose = containers[place.thaw.copies]
            problems.add_found((*key, "thaw", "copies"), f"a container of its own; this one is that of {whose!r}")


def _policies(policies: Sequence[tuple[int, Policy]], document: Mapping[str, Any], problems: ProblemList) -> None:
    rows = document.get("locations", [])
    named = [row.get("name") for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    known = [name for name in named if isinstance(name, str)]
    for index, policy in policies:
        for position, name in enumerate(policy.locations):
            if name not in known:
                problems.add_found(("policies", index, "locations", position), f"known locations: {', '.join(known)}")


def _overlap(one: Location, other: Location) -> bool:
    if one.provider is not other.provider:
        return False
    if one.provider is not Provider.LOCAL and one.bucket != other.bucket:
        return False
    first, second = _prefix(one), _prefix(other)
    return first.startswith(second) or second.startswith(first)


def _prefix(location: Location) -> str:
    if location.provider is not Provider.LOCAL:
        return location.prefix
    return f"{location.bucket.rstrip('/')}/{location.prefix}"


def _place(location: Location) -> str:
    return _prefix(location) if location.provider is Provider.LOCAL else f"{location.bucket}/{location.prefix}"
