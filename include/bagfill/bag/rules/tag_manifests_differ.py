"""All tag manifests list the same files. RFC 8493, section 2.2.1 (should); storage service V13."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_BAGIT_WARNS, Fault, Rule


def find(bag: ParsedBag) -> list[Fault]:
    if not bag.is_whole:
        return []
    if all(manifest.paths.is_same(bag.tags) for manifest in bag.tag_manifests.values()):
        return []
    return [Fault("", "Tag manifests are inconsistent: each tag manifest should list the same set of tag files")]


RULE = Rule("TAG-MANIFESTS-DIFFER", "RFC 8493 2.2.1; V13", SERVICE_BAGIT_WARNS, find, waivable=True)
