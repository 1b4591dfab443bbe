"""fetch.txt points at a file in a version's folder.

Storage service, file layout: said in its prose only (``docs/explanations``) and not checked by it. Without it nobody
can say which versions a replica needs beside it.
"""

from __future__ import annotations

from bagfill.bag.dependencies import split_version
from bagfill.bag.identifiers import InvalidIdentifier
from bagfill.bag.paths import InvalidBagPath
from bagfill.bag.rules.fetch_prefix import points_into_bag
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.contents.identity is None:
        return []
    start = f"{bag.contents.primary_prefix}{bag.contents.identity}/"
    return [
        Fault(entry.path, f"fetch.txt refers to a path outside any version of the bag: {entry.path} at {entry.uri}")
        for entry in bag.fetch
        if points_into_bag(bag, entry) and not _is_in_version(entry.key.removeprefix(start))
    ]


def _is_in_version(path: str) -> bool:
    try:
        split_version(path)
    except (InvalidIdentifier, InvalidBagPath):
        return False
    return True


RULE = Rule("FETCH-VERSION", "Storage service, file layout", SERVICE_ONLY, find)
