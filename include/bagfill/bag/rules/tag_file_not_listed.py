"""A tag manifest lists every tag file but the tag manifests. RFC 8493, section 2.2.1 (should).

By the storage service's rules it must, see FILE-NOT-IN-MANIFEST.
"""

from __future__ import annotations

from bagfill.bag.payload_manifest import manifest_algorithm
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BAGIT_WARNS, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if not bag.tag_manifests or not bag.is_whole:
        return []
    return [
        Fault(path, f"No tag manifest lists {path}: nothing tells when it changes")
        for path in bag.contents.listing
        if not path.startswith("data/") and path not in bag.tags and manifest_algorithm(path, tag=True) is None
    ]


RULE = Rule("TAG-FILE-NOT-LISTED", "RFC 8493 2.2.1", BAGIT_WARNS, find)
