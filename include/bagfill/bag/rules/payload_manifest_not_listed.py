"""A tag manifest lists every payload manifest. RFC 8493, section 2.2.1 (since BagIt 1.0)."""

from __future__ import annotations

from bagfill.bag.payload_manifest import manifest_name
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.declaration is None or bag.declaration.version < (1, 0) or not bag.is_whole:
        return []
    wanted = [manifest_name(algorithm, tag=False) for algorithm in bag.payload_manifests]
    return [
        Fault(manifest_name(algorithm, tag=True), f"{manifest_name(algorithm, tag=True)} does not list {name}")
        for algorithm, manifest in bag.tag_manifests.items()
        for name in wanted
        if name not in manifest.paths
    ]


RULE = Rule("PAYLOAD-MANIFEST-NOT-LISTED", "RFC 8493 2.2.1", BOTH, find, waivable=True)
