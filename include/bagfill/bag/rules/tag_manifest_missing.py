"""A bag has at least one tag manifest. Storage service V9; optional in BagIt."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_ONLY, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.tag_manifests or not bag.is_whole:
        return []
    return [Fault("", "Could not find any tag manifests in the bag")]


RULE = Rule("TAG-MANIFEST-MISSING", "V9", SERVICE_ONLY, find, waivable=True)
