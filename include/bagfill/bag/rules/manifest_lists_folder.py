"""A manifest lists files and no folders. RFC 8493, section 2.1.3."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [Fault(path, f"A manifest lists a folder: {path}") for path in bag.listed if path.endswith("/")]


RULE = Rule("MANIFEST-LISTS-FOLDER", "RFC 8493 2.1.3", BOTH, find)
