"""A bag has at least one payload manifest. RFC 8493, section 2.1.3; storage service V8."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.payload_manifests or not bag.is_whole:
        return []
    return [Fault("", "Could not find any payload manifests in the bag")]


RULE = Rule("PAYLOAD-MANIFEST-MISSING", "RFC 8493 2.1.3; V8", BOTH, find)
