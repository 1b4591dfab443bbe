"""A tag manifest lists no tag manifest. RFC 8493, section 2.2.1 (since BagIt 1.0)."""

from __future__ import annotations

from bagfill.bag.payload_manifest import manifest_algorithm, manifest_name
from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import BOTH, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if bag.declaration is None or bag.declaration.version < (1, 0):
        return []
    return [
        Fault(path, f"{manifest_name(algorithm, tag=True)} lists a tag manifest: {path}")
        for algorithm, manifest in bag.tag_manifests.items()
        for path in manifest.paths
        if manifest_algorithm(path, tag=True) is not None
    ]


RULE = Rule("TAG-MANIFEST-LISTED", "RFC 8493 2.2.1", BOTH, find, waivable=True)
