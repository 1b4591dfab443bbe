"""Tag manifests use the algorithms of the payload manifests. RFC 8493, section 2.2.1 (should); storage service V16."""

from __future__ import annotations

from bagfill.bag.rules.parsed_bag import ParsedBag
from bagfill.bag.rules.rule import SERVICE_BAGIT_WARNS, Fault, Rule

_TEXT = "Manifests are inconsistent: tag manifests should use the same algorithms as the payload manifests in the bag"


def find(bag: ParsedBag) -> list[Fault]:
    payload, tag = bag.payload_manifests.keys(), bag.tag_manifests.keys()
    if not payload or not tag or payload == tag:
        return []
    return [Fault("", _TEXT)]


RULE = Rule("MANIFEST-ALGORITHMS-DIFFER", "RFC 8493 2.2.1; V16", SERVICE_BAGIT_WARNS, find, waivable=True)
