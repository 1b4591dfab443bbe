"""A tag manifest lists no payload file. RFC 8493, section 2.2.1."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    return [Fault(path, f"A tag manifest lists a payload file: {path}") for path in bag.tags if path.is_payload]


RULE = Rule("TAG-MANIFEST-LISTS-PAYLOAD", "RFC 8493 2.2.1", BOTH, find)
